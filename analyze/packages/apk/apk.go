// Package apk reads the database of Alpine's apk: apk-spec and src/database.c of apk-tools.
package apk

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"layup/analyze/packages/record"
)

// Databases are where apk keeps what is installed, from the root. The first that exists counts.
var Databases = []string{"/lib/apk/db/installed", "/usr/lib/apk/db/installed"}

// Installed reads a database: a paragraph for each package, a letter and a value a line. The error says which lines
// make no sense, and how many.
func Installed(text []byte) (list []record.Package, err error) {
	r := reader{}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			r.end(n)
			continue
		}
		if len(line) < 2 || line[1] != ':' || !r.field(line[0], string(line[2:])) {
			r.damage(n)
		}
	}
	r.end(n)
	if r.bad > 0 {
		err = fmt.Errorf("%w: %d lines make no sense, the first is line %d", record.ErrDamaged, r.bad, r.first)
	}
	return r.list, err
}

// A reader collects one package after another.
type reader struct {
	list       []record.Package
	now        record.Package
	dir        string // of the files that follow
	files      int    // of all packages
	paths      int    // bytes of their paths
	refused    bool   // the last file, which a digest would follow
	bad, first int
}

func (r *reader) damage(line int) {
	if r.bad++; r.bad == 1 {
		r.first = line
	}
}

// end ends a package.
func (r *reader) end(line int) {
	if r.now.Name != "" || r.now.Version != "" || len(r.now.Files) > 0 {
		if r.now.Sound() && len(r.list) < record.MostPackages {
			r.list = append(r.list, r.now)
		} else {
			r.damage(line)
		}
	}
	r.now, r.dir, r.refused = record.Package{}, "", false
}

// field takes one line. It passes over letters that it does not need.
func (r *reader) field(letter byte, value string) bool {
	switch letter {
	case 'P':
		r.now.Name = value
	case 'V':
		r.now.Version = value
	case 'A':
		r.now.Architecture = value
	case 'L':
		r.now.License = value
	case 'o':
		if value != r.now.Name {
			r.now.Source = value
		}
	case 'F':
		r.dir = value
		return r.add("", value)
	case 'R':
		return r.add(strings.TrimSuffix("/"+r.dir, "/"), value)
	case 'Z':
		sum := rawSum(value)
		if r.refused {
			return true // with its file
		}
		if sum == "" || len(r.now.Files) == 0 {
			return false
		}
		r.now.Files[len(r.now.Files)-1].Sum = sum
	}
	return true
}

func (r *reader) add(dir, name string) bool {
	r.files++
	r.paths += len(dir) + len(name) + 1
	r.refused = len(dir)+len(name) >= record.MostPath || r.files > record.MostFiles || r.paths > record.MostPaths
	if !r.refused {
		r.now.Files = append(r.now.Files, record.File{Path: dir + "/" + name})
	}
	return !r.refused
}

// rawSum reads a digest: Q1 and SHA-1 in base64, Q2 and SHA-256 in base64, or MD5 in hexadecimal.
func rawSum(value string) string {
	for prefix, size := range map[string]int{"Q1": 20, "Q2": 32} {
		if text, ok := strings.CutPrefix(value, prefix); ok {
			raw, err := base64.StdEncoding.DecodeString(text)
			if err != nil || len(raw) != size {
				return ""
			}
			return string(raw)
		}
	}
	raw, err := hex.DecodeString(value)
	if err != nil || len(raw) != 16 {
		return ""
	}
	return string(raw)
}
