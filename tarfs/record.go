package tarfs

import (
	"bytes"
	"errors"
	"math"
	"strings"
)

// kinds says by typeflag what an entry is. Those of types that engines refuse have flagRefused. D is a directory of
// tar --listed-incremental, with a list of names as its content.
func kinds(typeflag byte) (Type, flag) {
	switch {
	case typeflag == 0:
		return File, 0
	case typeflag == 'D':
		return Dir, flagRefused
	case typeflag == '7' || typeflag == 'S':
		return File, flagRefused
	case typeflag >= '0' && int(typeflag-'0') < len(digits):
		return digits[typeflag-'0'], 0
	}
	return Other, 0
}

// digits are the kinds of the typeflags from '0' on.
var digits = [...]Type{File, Hardlink, Symlink, Char, Block, Dir, Fifo}

// record makes an entry of the table from a header.
func (s *scanner) record(h *header) (*entry, error) {
	if err := s.checkName(h); err != nil {
		return nil, err
	}
	k, flags := kinds(h.typeflag)
	e := &s.made
	*e = entry{
		offset: s.offset, size: h.size, mtime: h.mtime, mtimeNS: h.mtimeNS,
		uid: id(h.uid), gid: id(h.gid), mode: uint16(h.mode & 0o7777), kind: k, flags: flags,
	}
	switch k {
	case Char, Block:
		e.offset, e.size = int64(uint32(h.major))<<32|int64(uint32(h.minor)), 0
	case Dir, Symlink, Fifo:
		e.size = 0
	}
	return e, s.text(e, h)
}

// id is a user or group as the kernel takes it: 32 bits. All ones mean "leave as it is", and new files belong to root.
func id(n int64) uint32 {
	if u := uint32(n); u != math.MaxUint32 {
		return u
	}
	return 0
}

func (s *scanner) checkName(h *header) error {
	if err := over("entries", int64(s.layer.entries.n+1), int64(s.lim.Entries)); err != nil {
		return err
	}
	if err := over("path", int64(len(h.name)), int64(s.lim.Path)); err != nil {
		return err
	}
	components := bytes.Count(bytes.TrimRight(h.name, "/"), []byte{'/'}) + 1
	if err := over("components", int64(components), int64(s.lim.Components)); err != nil {
		return err
	}
	if err := over("link", int64(len(h.link)), int64(s.lim.Link)); err != nil {
		return err
	}
	if len(h.name) > math.MaxUint16 || len(h.link) > math.MaxUint16 {
		return errors.New("a name is longer than 65,535 bytes")
	}
	return nil
}

// text puts the name, the link target and the attributes into the arena.
func (s *scanner) text(e *entry, h *header) error {
	l := s.layer
	room := len(h.name) + len(h.link) + s.ext.xattrBytes
	if l.arena.full(room+len(h.name)) || l.entries.n >= math.MaxUint32-1 || l.xattrs.n > math.MaxUint32/2 {
		return errors.New("the names of the layer are longer than 4 GiB together")
	}
	if err := s.hold(room + len(s.ext.xattrs)*xattrSize); err != nil {
		return err
	}
	at := bytes.LastIndexByte(bytes.TrimRight(h.name, "/"), '/') + 1 // trailing slashes belong to the name
	dir, name := h.name[:at], h.name[at:]
	if len(l.dirs) == 0 || !bytes.Equal(dir, s.dir) {
		s.dir = append(s.dir[:0], dir...) // dir is in a buffer that is reused
		l.dirs = append(l.dirs, span{l.arena.put(dir), uint16(len(dir))})
	}
	e.dir = uint32(len(l.dirs) - 1)
	e.name, e.nameLen = l.arena.put(name), uint16(len(name))
	if len(h.link) > 0 { // else it is 0, as in other facts
		e.link, e.linkLen = l.arena.put(h.link), uint16(len(h.link))
	}
	for _, x := range s.ext.xattrs {
		e.flags |= flagXattrs
		if strings.HasPrefix(x.Name, overlayPrefix) {
			e.flags |= flagOverlay
		}
		l.xattrs.add(xattr{
			entry: l.entries.n,
			name:  l.arena.put([]byte(x.Name)), nameLen: uint32(len(x.Name)),
			value: l.arena.put([]byte(x.Value)), valueLen: uint32(len(x.Value)),
		})
	}
	return nil
}

// The bytes that a table needs for a region, and for an attribute without its text.
const (
	regionSize = 16
	xattrSize  = 20
)

// hold returns an error if the table must not grow by so many bytes, entries not counted.
func (s *scanner) hold(more int) error {
	l := s.layer
	held := l.held() + more
	if s.lim.Held == nil {
		return over("name-bytes", int64(held), int64(s.lim.NameBytes))
	}
	const step = 64 << 10 // bytes of names that need not be counted at once
	if held-s.counted < step {
		return nil
	}
	all := s.lim.Held.Add(int64(held - s.counted))
	s.counted = held
	return over("name-bytes", all, int64(s.lim.NameBytes))
}

// keep adds an entry after all its content was read.
func (s *scanner) keep(e *entry, digest [32]byte, regions []region, sparse bool) {
	l := s.layer
	if sparse {
		e.flags |= flagSparse
		l.sparse = append(l.sparse, sparseFile{l.entries.n, l.regions.n, uint32(len(regions))})
		for _, r := range regions {
			l.regions.add(r)
		}
	}
	switch {
	case s.tag != nil && digest == [32]byte{}: // it was not hashed
		l.tags.add(0)
	case s.tag != nil:
		l.tags.add(s.tag(digest))
	case s.hash != nil:
		l.digests.add(digest)
	}
	if s.mark != nil {
		l.marks = append(l.marks, s.marked)
	}
	l.entries.add(e, &s.recent)
}
