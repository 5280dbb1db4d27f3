package render

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"layup/analyze/show"
)

// writeBodyfile writes the rows of a timeline as the body files of The Sleuth Kit 3 and later, for mactime:
//
//	MD5|name|inode|mode_as_string|UID|GID|size|atime|mtime|ctime|crtime
//
// What an image does not know is 0: MD5, inode, all times except mtime. After the path the name says, in parentheses,
// which layer wrote the version and what became of it. In the path, a byte that could end the row or the cell, that is
// not printable UTF-8, or that is one of % | ( > is written as %XX.
func writeBodyfile(w *bufio.Writer, d Doc, _ Terminal) error {
	for _, s := range d.Sections {
		get := s.getter()
		for row := range s.rows {
			var b []byte
			b = appendBodyName(append(b, "0|"...), get(row, "path").String())
			if link := get(row, "link"); !link.Absent() {
				b = appendBodyName(append(b, " -> "...), link.String())
			}
			b = appendFate(b, row, get)
			if label := d.bodyLabel(s, get(row, "images")); label != "" {
				b = appendBodyName(append(b, ", in "...), label)
			}
			b = fmt.Appendf(b, ")|0|%s|%d|%d|%d|0|%d|0|0\n", bodyMode(get(row, "type").String(), get(row, "mode").String()),
				get(row, "uid").Int(), get(row, "gid").Int(), get(row, "size").Int(), get(row, "mtime").Int())
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
	}
	return nil
}

// bodyLabel names the images of a row if there are several in the document.
func (d Doc) bodyLabel(s Section, images Value) string {
	if list, ok := images.Object().([]string); ok {
		return strings.Join(list, ", ")
	}
	if d.many() {
		return d.label(s)
	}
	return ""
}

// appendFate appends which layer wrote a version, and what became of it.
func appendFate(b []byte, row []Value, get getter) []byte {
	b = append(b, " (layer "...)
	b = append(b, Dashed(get(row, "layer"))...)
	if status := get(row, "status").String(); status != "live" {
		b = append(append(b, ", "...), status...)
		if by := get(row, "hiddenBy"); !by.Absent() {
			b = strconv.AppendInt(append(b, " by "...), by.Int(), 10)
		}
	}
	return b
}

// appendBodyName appends a name so that it is one cell of one row, and can be read back.
func appendBodyName(b []byte, name string) []byte {
	for i := 0; i < len(name); {
		_, n := utf8.DecodeRuneInString(name[i:])
		part := name[i : i+n]
		if i += n; part == " " || !strings.Contains("%|(>", part) && show.Safe(part) == part {
			b = append(b, part...)
			continue
		}
		for _, c := range []byte(part) {
			b = fmt.Appendf(b, "%%%02X", c)
		}
	}
	return b
}

// bodyMode draws type and permissions as The Sleuth Kit does: the type of the name, that of the inode, permissions.
func bodyMode(kind, octal string) string {
	drawn := show.Mode(kind, octal)
	letter := drawn[:1]
	if letter == "-" {
		letter = "r"
	}
	return letter + "/" + letter + drawn[1:]
}
