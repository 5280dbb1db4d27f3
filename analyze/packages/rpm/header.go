package rpm

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"

	"layup/analyze/packages/record"
)

// Tags of a header that are read; include/rpm/rpmtag.h.
const (
	tagName        = 1000
	tagVersion     = 1001
	tagRelease     = 1002
	tagEpoch       = 1003
	tagLicense     = 1014
	tagArch        = 1022
	tagOldNames    = 1027
	tagStates      = 1029
	tagDigests     = 1035
	tagLinks       = 1036
	tagFlags       = 1037
	tagSource      = 1044
	tagVerify      = 1045
	tagDirIndexes  = 1116
	tagBaseNames   = 1117
	tagDirNames    = 1118
	tagDigestAlgo  = 5011
	flagGhost      = 1 << 6 // of a file
	verifyDigest   = 1 << 0 // of a file
	verifyLink     = 1 << 2
	publicKeys     = "gpg-pubkey" // a key that somebody imported, not a package
	mostIndex      = 64 << 10     // entries of a header
	mostHeader     = 16 << 20     // bytes of a header
	indexEntrySize = 16
)

// A header is a package as rpm stores it: two counts, an index of entries of 16 bytes, and data. All numbers are
// big-endian.
type header struct {
	entries map[uint32]entry
	data    []byte
}

// An entry is a tag's place in the data.
type entry struct{ kind, offset, count uint32 }

// Types of data.
const (
	typeChar        = 1
	typeInt8        = 2
	typeInt16       = 3
	typeInt32       = 4
	typeString      = 6
	typeStringArray = 8
	typeI18N        = 9
)

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", record.ErrDamaged, fmt.Sprintf(format, args...))
}

// parseHeader reads the index of a header.
func parseHeader(blob []byte) (*header, error) {
	if len(blob) < 8 || len(blob) > mostHeader {
		return nil, damaged("a header of %d bytes", len(blob))
	}
	n, size := binary.BigEndian.Uint32(blob), binary.BigEndian.Uint32(blob[4:])
	if n == 0 || n > mostIndex || int64(n)*indexEntrySize+int64(size)+8 > int64(len(blob)) {
		return nil, damaged("a header of %d bytes with %d entries and %d bytes of data", len(blob), n, size)
	}
	h := &header{entries: make(map[uint32]entry, n), data: blob[8+n*indexEntrySize:][:size]}
	for i := range n {
		e := blob[8+i*indexEntrySize:]
		u32 := func(at int) uint32 { return binary.BigEndian.Uint32(e[at:]) }
		h.entries[u32(0)] = entry{u32(4), u32(8), u32(12)}
	}
	return h, nil
}

// texts returns the strings of a tag; nil if it has none.
func (h *header) texts(tag uint32) []string {
	e, ok := h.entries[tag]
	if !ok || e.offset > uint32(len(h.data)) {
		return nil
	}
	switch e.kind {
	case typeString:
		e.count = 1
	case typeStringArray, typeI18N:
	default:
		return nil
	}
	rest := h.data[e.offset:]
	list := make([]string, 0, min(e.count, uint32(len(rest)), record.MostFiles))
	for range min(e.count, record.MostFiles) {
		text, more, ok := bytes.Cut(rest, []byte{0})
		if !ok {
			break
		}
		list, rest = append(list, string(text)), more
	}
	return list
}

// text returns the first string of a tag; empty if it has none.
func (h *header) text(tag uint32) string {
	if list := h.texts(tag); len(list) > 0 {
		return list[0]
	}
	return ""
}

// numbers returns the numbers of a tag; nil if it has none.
func (h *header) numbers(tag uint32) []uint32 {
	e, ok := h.entries[tag]
	size := map[uint32]uint32{typeChar: 1, typeInt8: 1, typeInt16: 2, typeInt32: 4}[e.kind]
	if !ok || size == 0 || e.offset > uint32(len(h.data)) {
		return nil
	}
	data := h.data[e.offset:]
	n := min(e.count, uint32(len(data))/size, record.MostFiles)
	list := make([]uint32, n)
	for i := range list {
		switch size {
		case 1:
			list[i] = uint32(data[i])
		case 2:
			list[i] = uint32(binary.BigEndian.Uint16(data[i*2:]))
		default:
			list[i] = binary.BigEndian.Uint32(data[i*4:])
		}
	}
	return list
}

// of returns an element of a list that may be shorter than it should be.
func of[T any](list []T, i int) (value T, ok bool) {
	if i < len(list) {
		return list[i], true
	}
	return value, false
}

// What rpm did with a file when it installed the package; lib/rpmfiles.h. Rpm does not count a file as the package's if
// it left the file out, or another package has it.
const (
	stateReplaced     = 1
	stateNotInstalled = 2
	stateNetShared    = 3 // rpm does not know the content
	stateWrongColor   = 4 // a program for another architecture is there
)

// parse reads one package. It is not one if ok is false.
func parse(blob []byte) (p record.Package, ok bool, err error) {
	h, err := parseHeader(blob)
	if err != nil {
		return p, false, err
	}
	p = record.Package{Name: h.text(tagName), Architecture: h.text(tagArch), License: h.text(tagLicense),
		Version: h.text(tagVersion)}
	if p.Name == publicKeys {
		return p, false, nil
	}
	if release := h.text(tagRelease); release != "" {
		p.Version += "-" + release
	}
	if epoch := h.numbers(tagEpoch); len(epoch) > 0 && epoch[0] != 0 {
		p.Version = strconv.FormatUint(uint64(epoch[0]), 10) + ":" + p.Version
	}
	p.Source = h.text(tagSource)
	if !p.Sound() {
		return p, false, damaged("a header without a name or a version")
	}
	p.Files, err = h.files()
	return p, true, err
}

// files returns the paths of the package.
func (h *header) files() (list []record.File, err error) {
	names, dirs, indexes := h.texts(tagBaseNames), h.texts(tagDirNames), h.numbers(tagDirIndexes)
	old := h.texts(tagOldNames)
	digests, links, flags := h.texts(tagDigests), h.texts(tagLinks), h.numbers(tagFlags)
	verify, states := h.numbers(tagVerify), h.numbers(tagStates)
	list = make([]record.File, 0, max(len(names), len(old)))
	paths := 0
	for i := range max(len(names), len(old)) {
		var f record.File
		state, _ := of(states, i)
		if state == stateReplaced || state == stateNotInstalled || state == stateWrongColor {
			continue
		}
		if name, ok := of(names, i); ok {
			index, _ := of(indexes, i)
			dir, found := of(dirs, int(min(index, record.MostFiles)))
			if !found {
				return list, damaged("a file in a directory that is not listed")
			}
			if paths += len(dir) + len(name); len(dir)+len(name) > record.MostPath || paths > record.MostPaths {
				return list, damaged("a path of %d bytes, or paths of more than %d", len(dir)+len(name), record.MostPaths)
			}
			f.Path = dir + name
		} else if f.Path = old[i]; len(f.Path) > record.MostPath {
			return list, damaged("a path of %d bytes", len(f.Path))
		}
		flag, _ := of(flags, i)
		asked, ok := of(verify, i)
		f.Ghost = flag&flagGhost != 0 || state == stateNetShared
		if digits, _ := of(digests, i); !ok || asked&verifyDigest != 0 {
			raw, _ := hex.DecodeString(digits) // an odd digest says nothing
			f.Sum = string(raw)
		}
		if !ok || asked&verifyLink != 0 {
			f.Link, _ = of(links, i)
		}
		list = append(list, f)
	}
	return list, nil
}
