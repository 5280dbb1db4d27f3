package language

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"runtime/debug"
	"slices"
	"strings"

	"layup/analyze/packages/record"
	"layup/analyze/sieve"
)

// Where the Go toolchain writes what an executable is built of: debug/buildinfo. The header is aligned, and its texts
// follow it since Go 1.18. Before, it has pointers.
const (
	goMagic  = "\xff Go buildinf:"
	goHeader = 32
	goAlign  = 16
	goInline = 2       // a flag in the header
	goMost   = 4 << 20 // bytes of the texts
	goWhole  = "whole!!!"
)

// LeastExecutable is the size in bytes of the smallest file that Executable looks at.
const LeastExecutable = 64 << 10

// GoWhole is what Go gets for a file of which Executable did not choose a part.
var GoWhole = []byte(goWhole)

// executables begin with one of these: ELF, PE, Mach-O.
var executables = []string{"\x7fELF", "MZ", "\xfe\xed\xfa", "\xcf\xfa\xed\xfe", "\xce\xfa\xed\xfe"}

// Executable is a sieve.Choice. It sets aside what the Go toolchain wrote into an executable, for Go.
func Executable(_ []byte, size int64) sieve.Filter {
	if size < LeastExecutable {
		return nil
	}
	return new(goFilter).pass
}

// A goFilter looks for headers in the content of a file. If one has pointers, does not lie in the data, or is not the
// only one, goWhole says that the whole file must tell.
type goFilter struct {
	end  int64   // of the pieces so far
	data segment // unknown for other files than ELF
	rest []byte  // what an earlier piece left: less than a header
	info []byte  // the header and its texts so far; nil before it is found
	done bool    // they are complete
}

func (f *goFilter) pass(piece []byte) (taken []byte, more bool) {
	if f.end == 0 {
		if !beginsAs(piece, executables) {
			return nil, false
		}
		f.data = writable(piece)
	}
	f.end += int64(len(piece))
	if f.info != nil && !f.done {
		f.info = append(f.info, piece...)
	}
	if len(f.rest) > 0 { // the usual case needs no copy: pieces are of whole pages
		f.rest = append(f.rest, piece...)
		piece = f.rest
	}
	for at := find(piece); at >= 0; at = find(piece) {
		if f.info != nil || !f.data.has(f.end-int64(len(piece)-at)) || piece[at+15]&goInline == 0 {
			return append(f.texts(), goWhole...), false
		}
		f.info = slices.Clone(piece[at:])
		piece = piece[at+goAlign:]
	}
	f.rest = append(f.rest[:0], piece[len(piece)-len(piece)%goAlign:]...)
	taken = f.texts()
	return taken, f.done || len(f.info) < 2*goMost
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

// texts returns the header and its texts once, when they are complete.
func (f *goFilter) texts() []byte {
	if f.done || len(f.info) < goHeader {
		return nil
	}
	need := goHeader
	for range 2 {
		size, n := binary.Uvarint(f.info[min(need, len(f.info)):])
		if n <= 0 || size > goMost {
			return nil
		}
		need += n + int(size)
	}
	if len(f.info) < need {
		return nil
	}
	f.done = true
	return f.info[:need:need]
}

// BeginsAsExecutable reports whether a content may be an executable, as far as its first bytes say.
func BeginsAsExecutable(content io.ReaderAt) bool {
	return begins(content, executables)
}

// IsGo reports whether a content is what Executable set aside.
func IsGo(set io.ReaderAt) bool { return begins(set, []string{goMagic, goWhole}) }

func begins(content io.ReaderAt, list []string) bool {
	var head [goAlign]byte
	n, _ := content.ReadAt(head[:], 0)
	return beginsAs(head[:n], list)
}

// NeedsWhole reports whether Go needs the whole file beside what Executable set aside, which has a size.
func NeedsWhole(set io.ReaderAt, size int64) bool {
	var end [len(goWhole)]byte
	n, _ := set.ReadAt(end[:], size-int64(len(end)))
	return string(end[:n]) == goWhole
}

// Go reads what Executable set aside. If that does not tell, open returns the whole file. An executable of another
// language has no packages. One of Go belongs to its main module.
func Go(name string, set []byte, open func() (io.ReaderAt, error)) ([]record.Package, error) {
	info, err := buildInfo(set, open)
	if info == nil || err != nil {
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
	if bytes.HasSuffix(set, []byte(goWhole)) {
		file, err := open()
		if err != nil {
			return nil, err
		}
		return ofWhole(file)
	}
	return inline(set)
}

// inline reads a header and its texts.
func inline(set []byte) (*debug.BuildInfo, error) {
	rest := set[goHeader:]
	var texts [2]string
	for i := range texts {
		size, n := binary.Uvarint(rest)
		if n <= 0 || size > uint64(len(rest)-n) {
			return nil, fmt.Errorf("%w: a build info without its texts", record.ErrDamaged)
		}
		texts[i], rest = string(rest[n:n+int(size)]), rest[n+int(size):]
	}
	module := texts[1]
	if n := len(module); n >= 33 && module[n-17] == '\n' { // between two marks of 16 bytes
		module = module[16 : n-16]
	} else {
		module = ""
	}
	info, err := debug.ParseBuildInfo(module)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", record.ErrDamaged, err)
	}
	info.GoVersion = texts[0]
	return info, nil
}
