// Package dpkg reads the databases of dpkg: deb(5), dpkg-query(1), and lib/dpkg of its source.
package dpkg

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"layup/analyze/packages/record"
)

// Where dpkg keeps its records, from the root.
const (
	StatusFile     = "/var/lib/dpkg/status"
	StatusDir      = "/var/lib/dpkg/status.d" // a file for each package, in images without dpkg
	InfoDir        = "/var/lib/dpkg/info"
	DiversionsFile = "/var/lib/dpkg/diversions"
)

// Beside are the endings of the files that lie in StatusDir beside those of packages, as dpkg names them.
var Beside = []string{".md5sums", ".list", ".conffiles", ".preinst", ".postinst", ".prerm", ".postrm", ".triggers",
	".shlibs", ".symbols", ".templates", ".config"}

// Status reads a status file, or one of StatusDir. It leaves out packages that were never installed or were purged. The
// error says how many paragraphs make no sense.
func Status(text []byte, known *record.Cache) (list []record.Package, err error) {
	bad, first := 0, ""
	list = make([]record.Package, 0, min(bytes.Count(text, []byte("\n\n"))+1, record.MostPackages))
	for at := 0; at < len(text); {
		end, next := len(text), len(text)
		if i := bytes.Index(text[at:], []byte("\n\n")); i >= 0 {
			end, next = at+i+1, at+i+2
		}
		p, ok, err := known.Read(text[at:end], installed)
		switch {
		case len(list) >= record.MostPackages:
			return list, fmt.Errorf("%w: more than %d packages", record.ErrDamaged, record.MostPackages)
		case ok:
			list = append(list, p)
		case err != nil:
			if bad++; bad == 1 {
				first = fmt.Sprintf("the first at offset %d: %v", at, err)
			}
		}
		at = next
	}
	if bad > 0 {
		err = fmt.Errorf("%w: %d paragraphs cannot be read, %s", record.ErrDamaged, bad, first)
	}
	return list, err
}

// installed reads a paragraph. It is not a package if ok is false.
func installed(text []byte) (p record.Package, ok bool, err error) {
	one, there := read(text)
	if there && !one.Sound() || one.Name == "" && len(bytes.TrimSpace(text)) > 0 {
		return p, false, errors.New("no name, or no version")
	}
	return one.Package, there && one.Sound(), nil
}

// A paragraph is one package of a status file.
type paragraph struct {
	record.Package
	name    string // of its lists
	several bool   // their names may end with the architecture
}

// read reads one package. Installed is false for one that is only known.
func read(text []byte) (p paragraph, installed bool) {
	installed = true // a file of StatusDir has no status
	conffiles := false
	for line := range bytes.Lines(text) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) > 0 && (line[0] == ' ' || line[0] == '\t') {
			if conffiles {
				p.conffile(string(line))
			}
			continue
		}
		name, value, _ := bytes.Cut(line, []byte{':'})
		conffiles = false
		switch value = bytes.TrimSpace(value); strings.ToLower(string(name)) {
		case "package":
			p.Name = strings.ToLower(string(value))
			p.name = string(value)
		case "version":
			p.Version = string(value)
		case "architecture":
			p.Architecture = string(value)
		case "multi-arch":
			p.several = string(value) == "same"
		case "source":
			p.source(string(value))
		case "status":
			installed = p.state(string(value))
		case "conffiles":
			conffiles = true
		}
	}
	if p.Source == p.Name {
		p.Source = ""
	}
	p.Lists, p.Sums = p.named(".list"), p.named(".md5sums")
	return p, installed
}

// named returns the names that a file about the package may have.
func (p *paragraph) named(extension string) []string {
	plain, full := InfoDir+"/"+p.name+extension, InfoDir+"/"+p.name+":"+p.Architecture+extension
	if p.several {
		return []string{full, plain}
	}
	return []string{plain, full}
}

// source reads NAME or NAME (VERSION).
func (p *paragraph) source(value string) {
	name, version, _ := strings.Cut(value, " ")
	p.Source, p.SourceVersion = name, strings.Trim(version, "() ")
}

// state reads the three words of a status, and reports whether anything of the package is there.
func (p *paragraph) state(value string) (there bool) {
	words := strings.Fields(value)
	if len(words) == 0 {
		return false
	}
	switch words[len(words)-1] {
	case "not-installed":
		return false
	case "config-files":
		p.Leftover = true
	}
	return true
}

// conffile reads PATH MD5, which may be followed by "obsolete".
func (p *paragraph) conffile(line string) {
	words := strings.Fields(line)
	if len(words) < 2 || len(p.Files) >= record.MostFiles {
		return
	}
	if sum := rawSum(words[1]); sum != "" {
		p.Files = append(p.Files, record.File{Path: words[0], Sum: sum})
	}
}

// rawSum returns the bytes of an MD5 digest; empty for all else.
func rawSum(digits string) string {
	raw, err := hex.DecodeString(digits)
	if err != nil || len(raw) != 16 {
		return ""
	}
	return string(raw)
}

// Paths reads a .list file: a path a line. The root is written as "/.".
func Paths(text []byte) (list []string, err error) {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSuffix(line, []byte{'\n'})
		if len(line) > record.MostPath || len(list) >= record.MostFiles {
			return list, fmt.Errorf("%w: a path of %d bytes, or more than %d paths", record.ErrDamaged, len(line),
				record.MostFiles)
		}
		if len(line) > 0 {
			list = append(list, string(line))
		}
	}
	return list, nil
}

// Sums reads a .md5sums file: the digest in hexadecimal, two spaces, and a path without its first slash.
func Sums(text []byte) (list []record.File, err error) {
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		digits, path, ok := strings.Cut(line, " ")
		path = strings.TrimPrefix(strings.TrimPrefix(path, " "), "*")
		sum := rawSum(digits)
		if line == "" {
			continue
		}
		if !ok || sum == "" || path == "" || len(path) > record.MostPath || len(list) >= record.MostFiles {
			return list, fmt.Errorf("%w: line %d is not a digest and a path", record.ErrDamaged, len(list)+1)
		}
		list = append(list, record.File{Path: "/" + strings.TrimLeft(path, "/"), Sum: sum})
	}
	return list, nil
}

// Diversions say where files of other packages went.
type Diversions map[string]Diversion

// A Diversion moves a path of all packages except one.
type Diversion struct {
	To string
	By string // the package that keeps the path; ":" for none
}

// ReadDiversions reads the diversions file: three lines each.
func ReadDiversions(text []byte) (Diversions, error) {
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	d := Diversions{}
	if len(text) == 0 {
		return d, nil
	}
	for i := 0; i+2 < len(lines); i += 3 {
		d[lines[i]] = Diversion{To: lines[i+1], By: lines[i+2]}
	}
	if len(lines)%3 != 0 {
		return d, fmt.Errorf("%w: %d lines are not diversions of three lines each", record.ErrDamaged, len(lines))
	}
	return d, nil
}

// Path returns where a path of a package is.
func (d Diversions) Path(path, name string) string {
	if to, ok := d[path]; ok && to.By != name {
		return to.To
	}
	return path
}
