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
	ndbHeader   = 32   // bytes before the first slot
	ndbBlock    = 16   // bytes of a block
	ndbBlobHead = 16   // magic, package, generation, size
	ndbBad      = 1000 // slots that lead nowhere: then the rest is not read
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
	d := &ndb{r: r, left: size, take: take}
	for page := int64(0); page < int64(pages) && d.left >= 0 && d.bad < ndbBad; page++ {
		slots, err := at(r, page*ndbPage, ndbPage)
		if err != nil {
			return orElse(d.first, err)
		}
		if page == 0 {
			slots = slots[ndbHeader:]
		}
		d.read(slots)
	}
	return d.first
}

// An ndb is a database that is being read.
type ndb struct {
	r     io.ReaderAt
	take  func([]byte) error
	left  int64 // bytes of all packages: two slots may not name one place again and again
	bad   int   // slots that lead nowhere
	first error
}

// read reads the packages of the slots of one page.
func (d *ndb) read(slots []byte) {
	for ; len(slots) >= ndbSlotSize && d.left >= 0 && d.bad < ndbBad; slots = slots[ndbSlotSize:] {
		number, block := binary.LittleEndian.Uint32(slots[4:]), binary.LittleEndian.Uint32(slots[8:])
		if number == 0 && string(slots[:4]) == ndbSlot {
			continue
		}
		blob, err := ndbPackage(d.r, slots[:4], number, int64(block)*ndbBlock, &d.left)
		if err != nil {
			d.bad++
		} else {
			err = d.take(blob)
		}
		d.first = orElse(d.first, err)
	}
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
