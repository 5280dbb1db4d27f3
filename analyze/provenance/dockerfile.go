package provenance

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"layup/analyze/show"
)

// A file is a Dockerfile.
type file struct {
	name, text string
	ends       []int // by line: the offset after it, without the end of the line
	starts     []int
}

const (
	mostDockerfile = 1 << 20 // bytes of a Dockerfile
	mostText       = 4 << 20 // bytes of all instructions of an image
)

// addFiles takes the Dockerfiles.
func (s *Statement) addFiles(said *metadata) error {
	for _, info := range said.Source.Infos {
		f, err := newFile(info.Name, info.Data)
		if err != nil {
			return fmt.Errorf("the Dockerfile %s: %w", show.Cut(info.Name), err)
		}
		s.files = append(s.files, f)
	}
	return nil
}

// newFile takes a Dockerfile that a person can read: every character of it is visible, or a space.
func newFile(name string, data []byte) (*file, error) {
	if len(data) > mostDockerfile {
		return nil, fmt.Errorf("has %d bytes, more than %d", len(data), mostDockerfile)
	}
	f := &file{name: name, text: strings.TrimPrefix(string(data), "\ufeff")}
	switch {
	case name == "":
		return nil, errors.New("has no name")
	case show.Safe(name) != name:
		return nil, errors.New("has a name of " + errNotPlain.Error())
	case !utf8.ValidString(f.text):
		return nil, errors.New("is not UTF-8")
	}
	for at := 0; at < len(f.text); {
		end := len(f.text)
		next := end
		if i := strings.IndexByte(f.text[at:], '\n'); i >= 0 {
			end, next = at+i, at+i+1
		}
		if end > at && f.text[end-1] == '\r' {
			end--
		}
		if line := strings.ReplaceAll(f.text[at:end], "\t", " "); show.Line(line) != line {
			return nil, fmt.Errorf("line %d %w", len(f.ends)+1, errNotPlain)
		}
		f.starts, f.ends, at = append(f.starts, at), append(f.ends, end), next
	}
	return f, nil
}

// lines returns the text from one line to another, both counted from 1.
func (f *file) lines(from, to int) string {
	return strings.ReplaceAll(f.text[f.starts[from-1]:f.ends[to-1]], "\r\n", "\n")
}

// A Line is the instruction of a Dockerfile that made a layer.
type Line struct {
	File    int    `json:"-"`       // the index of the Dockerfile in Dockerfiles: two may have one name
	Name    string `json:"name"`    // of the Dockerfile
	Line    int    `json:"line"`    // the first line of the instruction, from 1
	EndLine int    `json:"endLine"` // the last one
	Text    string `json:"text"`    // as it is written, with the ends of lines between
	Matched string `json:"matched"` // Digest or Position
}

// How a layer was found in a statement.
const (
	Digest   = "digest"   // by the digests of the layer and of all below it
	Position = "position" // by their number: the image was compressed again after the build
)

// String names the place: Dockerfile:6.
func (l *Line) String() string { return fmt.Sprintf("%s:%d", l.Name, l.Line) }

// OneLine is the instruction on one line. ⏎ ends a line of a script.
func (l *Line) OneLine() string { return oneLine(l.Text) }

// A Dockerfile is one that a statement holds.
type Dockerfile struct{ Name, Text string }

// Dockerfiles returns the Dockerfiles of the build; mostly there is one.
func (s *Statement) Dockerfiles() []Dockerfile {
	var list []Dockerfile
	for _, f := range s.files {
		list = append(list, Dockerfile{f.name, f.text})
	}
	return list
}

// oneLine joins the lines of an instruction: what a backslash continues by a space, others by ⏎. It leaves out comments
// between continued lines.
func oneLine(text string) string {
	var b strings.Builder
	sign := ""
	for line := range strings.Lines(text) {
		line = strings.Join(strings.Fields(line), " ")
		if line == "" || sign == " " && line[0] == '#' {
			continue
		}
		b.WriteString(sign)
		sign = " ⏎ "
		if rest, more := strings.CutSuffix(line, `\`); more {
			line, sign = strings.TrimRight(rest, " "), " "
		}
		b.WriteString(line)
	}
	return b.String()
}
