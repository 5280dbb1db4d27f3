package rpm

import (
	"encoding/binary"
	"io"
)

// The parts of an ndb database; lib/backend/ndb/rpmpkg.c of rpm. Numbers are little-endian.
const (
	ndbMagic    = "RpmP"
	ndbSlot     = "Slot"
	ndbBlob     = "BlbS"
	ndbPage     = 4096
	ndbSlotSize = 16
	ndbHeader   = 32 // bytes before the first slot
	ndbBlock    = 16 // bytes of a block
	ndbBlobHead = 16 // magic, package, generation, size
)

// readNDB reads a database of slots, which say where the packages are.
func readNDB(r io.ReaderAt, size int64, take func([]byte) error) error {
	head, err := at(r, 0, ndbHeader)
	if err != nil {
		return err
	}
	pages := binary.LittleEndian.Uint32(head[12:])
	if string(head[:4]) != ndbMagic || pages == 0 || int64(pages)*ndbPage > size {
		return damaged("not an ndb database")
	}
	slots, err := at(r, 0, int(pages)*ndbPage)
	if err != nil {
		return err
	}
	var first error
	left := size // of all packages: two slots may not name one place again and again
	for slot := slots[ndbHeader:]; len(slot) >= ndbSlotSize; slot = slot[ndbSlotSize:] {
		number, block := binary.LittleEndian.Uint32(slot[4:]), binary.LittleEndian.Uint32(slot[8:])
		if number == 0 && string(slot[:4]) == ndbSlot {
			continue
		}
		blob, err := ndbPackage(r, slot[:4], number, int64(block)*ndbBlock, &left)
		if err == nil {
			err = take(blob)
		}
		if first == nil {
			first = err
		}
		if left < 0 {
			break
		}
	}
	return first
}

// ndbPackage reads the package of a slot.
func ndbPackage(r io.ReaderAt, magic []byte, number uint32, offset int64, left *int64) ([]byte, error) {
	if string(magic) != ndbSlot {
		return nil, damaged("a slot without its mark")
	}
	head, err := at(r, offset, ndbBlobHead)
	if err != nil {
		return nil, err
	}
	size := binary.LittleEndian.Uint32(head[12:])
	if string(head[:4]) != ndbBlob || binary.LittleEndian.Uint32(head[4:]) != number || size > mostHeader {
		return nil, damaged("a slot leads to what is not its package")
	}
	if *left -= int64(size); *left < 0 {
		return nil, damaged("its packages are larger than the database")
	}
	return at(r, offset+ndbBlobHead, int(size))
}
