package rpm

import "encoding/binary"

// The parts of a write-ahead log; https://sqlite.org/walformat.html.
const (
	walMagic = 0x377f0682 // or one more: then its checksums are of big-endian numbers
	walHead  = 32
	walFrame = 24
)

// readLog finds the pages of the log that were committed. The log ends before the first frame that is not of this log,
// or with a wrong checksum, as SQLite's does.
func (d *database) readLog(size int64) error {
	head, err := at(d.newer, 0, walHead)
	if err != nil {
		return err
	}
	magic := binary.BigEndian.Uint32(head)
	if magic&^1 != walMagic || int64(binary.BigEndian.Uint32(head[8:])) != d.page {
		return damaged("its log is not one of SQLite")
	}
	sum := checksum{order: binary.LittleEndian}
	if magic&1 != 0 {
		sum.order = binary.BigEndian
	}
	sum.add(head[:24])
	if !sum.is(head[24:]) {
		return nil // SQLite starts the log anew
	}
	d.log = map[int64]int64{}
	pending := map[int64]int64{}
	for offset := int64(walHead); offset+walFrame+d.page <= size; offset += walFrame + d.page {
		frame, err := at(d.newer, offset, int(walFrame+d.page))
		if err != nil {
			return err
		}
		sum.add(frame[:8])
		sum.add(frame[walFrame:])
		if string(frame[8:16]) != string(head[16:24]) || !sum.is(frame[16:]) {
			break
		}
		pending[int64(binary.BigEndian.Uint32(frame))] = offset + walFrame
		if pages := binary.BigEndian.Uint32(frame[4:]); pages != 0 { // a commit
			for n, where := range pending {
				d.log[n] = where
			}
			clear(pending)
			d.pages = max(d.pages, min(int64(pages), d.pages+size/d.page))
		}
	}
	return nil
}

// A checksum is that of a log up to a frame.
type checksum struct {
	order  binary.ByteOrder
	s0, s1 uint32
}

func (c *checksum) add(b []byte) {
	for ; len(b) >= 8; b = b[8:] {
		c.s0 += c.order.Uint32(b) + c.s1
		c.s1 += c.order.Uint32(b[4:]) + c.s0
	}
}

// is compares the sum with a stored one.
func (c *checksum) is(stored []byte) bool {
	return binary.BigEndian.Uint32(stored) == c.s0 && binary.BigEndian.Uint32(stored[4:]) == c.s1
}
