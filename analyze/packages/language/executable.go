package language

import (
	"bytes"
	"debug/buildinfo"
	"debug/elf"
	"debug/macho"
	"encoding/binary"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"layup/analyze/packages/record"
)

// The sections with the build info, of ELF and of Mach-O.
const (
	goSection = ".go.buildinfo"
	machoName = "__go_buildinfo\x00\x00"
)

// A segment is a part of a file, by offsets.
type segment struct {
	from, to int64
	known    bool
}

// has reports whether an offset may be in the segment.
func (s segment) has(offset int64) bool { return !s.known || s.from <= offset && offset < s.to }

// A layout is how an ELF writes its numbers.
type layout struct {
	order binary.ByteOrder
	wide  bool // 64 bits
}

// elfLayout reads the first bytes of an ELF.
func elfLayout(head []byte) (l layout, ok bool) {
	if len(head) < 64 || string(head[:4]) != elf.ELFMAG {
		return l, false
	}
	l.order, l.wide = binary.LittleEndian, elf.Class(head[elf.EI_CLASS]) == elf.ELFCLASS64
	if elf.Data(head[elf.EI_DATA]) == elf.ELFDATA2MSB {
		l.order = binary.BigEndian
	}
	return l, true
}

// number reads an address or an offset: at one place in an ELF of 64 bits, at another in one of 32.
func (l layout) number(b []byte, wide, narrow int) int64 {
	if l.wide {
		return int64(l.order.Uint64(b[wide:]))
	}
	return int64(l.order.Uint32(b[narrow:]))
}

// either chooses between an ELF of 64 bits and one of 32.
func (l layout) either(wide, narrow int) int {
	if l.wide {
		return wide
	}
	return narrow
}

// writable finds the first segment of an ELF that a program may write to. There the linker puts the build info. It is
// empty if the first bytes do not tell.
func writable(head []byte) segment {
	l, ok := elfLayout(head)
	if !ok {
		return segment{known: bytes.HasPrefix(head, []byte(elf.ELFMAG))}
	}
	at, size := l.number(head, 32, 28), l.either(56, 32)
	for range l.order.Uint16(head[l.either(56, 44):]) {
		if at < 0 || at > int64(len(head)-size) {
			break
		}
		p := head[at:]
		flags := elf.ProgFlag(l.order.Uint32(p[l.either(4, 24):]))
		if elf.ProgType(l.order.Uint32(p)) == elf.PT_LOAD && flags&(elf.PF_X|elf.PF_W) == elf.PF_W {
			from := l.number(p, 8, 4)
			return segment{from, from + l.number(p, 32, 16), true}
		}
		at += int64(size)
	}
	return segment{known: true}
}

// section finds the section of an ELF with the build info. Package debug/elf copies every name to its end, which takes
// gigabytes of a hostile file.
func section(r io.ReaderAt, head []byte) (found segment) {
	l, ok := elfLayout(head)
	if !ok {
		return found
	}
	size, count := l.either(64, 40), int(l.order.Uint16(head[l.either(60, 48):]))
	names := int(l.order.Uint16(head[l.either(62, 50):]))
	table := upTo(r, l.number(head, 40, 32), int64(count*size))
	if names >= count || len(table) < count*size {
		return found
	}
	place := func(i int) (from, size int64) {
		h := table[i*l.either(64, 40):]
		return l.number(h, 24, 16), l.number(h, 32, 20)
	}
	first, length := place(names)
	for i := range count {
		var name [len(goSection) + 1]byte
		at := int64(l.order.Uint32(table[i*size:]))
		if n, _ := r.ReadAt(name[:], first+at); n == len(name) && at < length && string(name[:]) == goSection+"\x00" {
			from, size := place(i)
			return segment{from, from + size, true}
		}
	}
	return found
}

// ofWhole reads the build info of an executable as debug/buildinfo does; nil if it is not one of Go.
func ofWhole(r io.ReaderAt) (*debug.BuildInfo, error) {
	head := make([]byte, 64)
	if n, err := r.ReadAt(head, 0); n < len(head) {
		return nil, err
	}
	without := &without{ReaderAt: r}
	switch {
	case string(head[:4]) == elf.ELFMAG:
		if s := section(r, head); s.known && s.from >= 0 && s.to > s.from {
			set := upTo(r, s.from, min(s.to-s.from, 2*goMost))
			at := find(set)
			if at < 0 || len(set)-at < goHeader {
				return nil, nil
			}
			if set[at+15]&goInline != 0 {
				return inline(set[at:])
			}
		}
		l, _ := elfLayout(head)
		without.zero(int64(l.either(40, 32)), l.either(8, 4)) // the place of the sections
		without.zero(int64(l.either(60, 48)), 4)              // their number, and which has the names
	case string(head[:2]) == "MZ":
		without.zero(int64(binary.LittleEndian.Uint32(head[60:]))+12, 8) // the place and the number of symbols
	default:
		if s := machoSection(r, head); s.known {
			set := upTo(r, s.from, min(s.to-s.from, 2*goMost))
			if len(set) >= goHeader && find(set[:goAlign]) == 0 && set[15]&goInline != 0 {
				return inline(set)
			}
		}
		return nil, fmt.Errorf("%w: an old build info, or none in its section, in a program of macOS", record.ErrDamaged)
	}
	info, err := buildinfo.Read(without)
	if err == nil || strings.Contains(err.Error(), "not a Go executable") || strings.Contains(err.Error(), "format") {
		return info, nil // what is not an executable cannot run
	}
	return nil, fmt.Errorf("%w: %v", record.ErrDamaged, err)
}

// machoSection finds the section of a Mach-O with the build info. Package debug/macho takes as much memory as a hostile
// file says.
func machoSection(r io.ReaderAt, head []byte) segment {
	l := layout{binary.LittleEndian, head[0] == 0xcf || head[3] == 0xcf}
	if head[0] == 0xfe {
		l.order = binary.BigEndian
	}
	const most = 1 << 20 // bytes of commands: those of programs have some kilobytes
	rest := upTo(r, int64(l.either(32, 28)), min(int64(l.order.Uint32(head[20:])), most))
	for len(rest) >= 8 {
		kind, size := macho.LoadCmd(l.order.Uint32(rest)), int64(l.order.Uint32(rest[4:]))
		if size < 8 || size > int64(len(rest)) {
			break
		}
		if command := rest[:size]; kind == macho.LoadCmdSegment64 || kind == macho.LoadCmdSegment {
			each := l.either(80, 68)
			for at := l.either(72, 56); at+each <= len(command); at += each {
				section := command[at:]
				if bytes.HasPrefix(section, []byte(machoName)) {
					from := int64(l.order.Uint32(section[l.either(48, 40):]))
					return segment{from, from + l.number(section, 40, 36), true}
				}
			}
		}
		rest = rest[size:]
	}
	return segment{}
}

// upTo reads what there is from an offset on, at most n bytes.
func upTo(r io.ReaderAt, offset, n int64) []byte {
	b, _ := io.ReadAll(io.NewSectionReader(r, offset, n)) // what is missing is not there
	return b
}

// without is a file with zeros in place of what its reader must not see.
type without struct {
	io.ReaderAt
	zeros []segment
}

func (w *without) zero(from int64, n int) {
	w.zeros = append(w.zeros, segment{from, from + int64(n), true})
}

func (w *without) ReadAt(b []byte, offset int64) (int, error) {
	n, err := w.ReaderAt.ReadAt(b, offset)
	for _, z := range w.zeros {
		if from, to := max(z.from-offset, 0), min(z.to-offset, int64(n)); from < to {
			clear(b[from:to])
		}
	}
	return n, err
}
