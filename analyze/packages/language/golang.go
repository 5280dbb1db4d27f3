package language

import (
	"bytes"
	"debug/buildinfo"
	"encoding/binary"
	"fmt"
	"io"
	"runtime/debug"
	"strings"

	"layup/analyze/packages/record"
	"layup/analyze/sieve"
)

// Where the Go toolchain writes what an executable is built of: debug/buildinfo. The header is aligned, and its texts
// follow it since Go 1.18. Before, it has pointers.
const (
	goMagic    = "\xff Go buildinf:"
	goHeader   = 32
	goAlign    = 16
	goInline   = 2       // a flag in the header
	goMost     = 4 << 20 // bytes of the texts
	goPointers = "pointers"
)

// LeastExecutable is the size in bytes of the smallest file that Executable looks at.
const LeastExecutable = 64 << 10

// executables begin with one of these: ELF, PE, Mach-O.
var executables = []string{"\x7fELF", "MZ", "\xfe\xed\xfa", "\xcf\xfa\xed\xfe", "\xce\xfa\xed\xfe"}

// Executable is a sieve.Choice. It sets aside what the Go toolchain wrote into an executable, for Go.
func Executable(_ []byte, size int64) sieve.Filter {
	if size < LeastExecutable {
		return nil
	}
	return new(goFilter).pass
}

// A goFilter looks for the header in the content of a file.
type goFilter struct {
	rest  []byte // what an earlier piece left: less than a header, or the texts so far
	begun bool
	found bool
}

func (f *goFilter) pass(piece []byte) (taken []byte, more bool) {
	if !f.begun {
		f.begun = true
		if !beginsAs(piece, executables) {
			return nil, false
		}
	}
	if !f.found && len(f.rest) == 0 { // the usual case needs no copy: pieces are of whole pages
		at := find(piece)
		if at < 0 {
			f.rest = append(f.rest, piece[len(piece)-len(piece)%goAlign:]...)
			return nil, true
		}
		piece, f.found = piece[at:], true
	}
	f.rest = append(f.rest, piece...)
	if !f.found {
		at := find(f.rest)
		if at < 0 {
			f.rest = f.rest[len(f.rest)-len(f.rest)%goAlign:]
			return nil, true
		}
		f.rest, f.found = f.rest[at:], true
	}
	return f.texts()
}

func beginsAs(content []byte, list []string) bool {
	for _, magic := range list {
		if bytes.HasPrefix(content, []byte(magic)) {
			return true
		}
	}
	return false
}

// find returns where the magic is; -1 if it is not there.
func find(b []byte) int {
	for at := 0; at+goAlign <= len(b); at += goAlign {
		if b[at] == goMagic[0] && b[at+1] == goMagic[1] && string(b[at:at+len(goMagic)]) == goMagic {
			return at
		}
	}
	return -1
}

// texts returns the header and its texts once they are complete.
func (f *goFilter) texts() (taken []byte, more bool) {
	if len(f.rest) < goHeader {
		return nil, true
	}
	if f.rest[15]&goInline == 0 {
		return []byte(goPointers), false
	}
	need := goHeader
	for range 2 {
		size, n := binary.Uvarint(f.rest[min(need, len(f.rest)):])
		if n < 0 || size > goMost {
			return nil, false
		}
		if n == 0 {
			return nil, len(f.rest) < goMost
		}
		need += n + int(size)
	}
	if len(f.rest) < need {
		return nil, true
	}
	return f.rest[:need], false
}

// IsExecutable reports whether a content is what Executable set aside.
func IsExecutable(set io.ReaderAt) bool {
	var head [goAlign]byte
	n, _ := set.ReadAt(head[:], 0)
	return beginsAs(head[:n], []string{goMagic, goPointers})
}

// IsOld reports whether Go needs the whole file beside what Executable set aside.
func IsOld(set io.ReaderAt) bool {
	var head [len(goPointers)]byte
	n, _ := set.ReadAt(head[:], 0)
	return string(head[:n]) == goPointers
}

// Go reads what Executable set aside. If that has pointers, open returns the whole file. The executable belongs to its
// main module.
func Go(name string, set []byte, open func() (io.ReaderAt, error)) ([]record.Package, error) {
	info, err := buildInfo(set, open)
	if err != nil {
		return nil, err
	}
	main := record.Package{Name: info.Main.Path, Version: info.Main.Version, Place: name,
		Files: []record.File{{Path: name}}}
	if main.Name == "" {
		main.Name = info.Path
	}
	if main.Version == "" {
		main.Version = "(devel)"
	}
	list := []record.Package{main, {Name: "stdlib", Version: strings.TrimPrefix(info.GoVersion, "go"), Place: name}}
	for _, dep := range info.Deps {
		if dep.Replace != nil {
			dep = dep.Replace
		}
		list = append(list, record.Package{Name: dep.Path, Version: dep.Version, Place: name})
	}
	sound := list[:0]
	for _, p := range list {
		if p.Sound() {
			sound = append(sound, p)
		}
	}
	return sound, nil
}

func buildInfo(set []byte, open func() (io.ReaderAt, error)) (info *debug.BuildInfo, err error) {
	defer func() {
		if r := recover(); r != nil { // of the readers of executables: the file is hostile
			err = fmt.Errorf("%w: %v", record.ErrDamaged, r)
		}
	}()
	if string(set) == goPointers {
		file, err := open()
		if err != nil {
			return nil, err
		}
		return buildinfo.Read(file)
	}
	rest := set[goHeader:]
	var texts [2]string
	for i := range texts {
		size, n := binary.Uvarint(rest)
		texts[i], rest = string(rest[n:n+int(size)]), rest[n+int(size):]
	}
	module := texts[1]
	if n := len(module); n >= 33 && module[n-17] == '\n' { // between two marks of 16 bytes
		module = module[16 : n-16]
	} else {
		module = ""
	}
	if info, err = debug.ParseBuildInfo(module); err != nil {
		return nil, fmt.Errorf("%w: %v", record.ErrDamaged, err)
	}
	info.GoVersion = texts[0]
	return info, nil
}
