package render

import (
	"bufio"
)

// schemaVersion is the version of the JSON documents; it changes when a member changes its meaning or goes.
const schemaVersion = "1"

// writeJSON writes one document with an item a line.
func writeJSON(w *bufio.Writer, d Doc, _ Terminal) error {
	head := appendString([]byte(`{"schemaVersion":`+schemaVersion+`,"command":`), d.Command)
	if d.many() {
		return writeImages(w, d, append(head, `,"images":[`...))
	}
	s := Section{}
	if len(d.Sections) == 1 {
		s = d.Sections[0]
	}
	if _, err := w.Write(append(head, ',')); err != nil {
		return err
	}
	if err := writeSection(w, s); err != nil {
		return err
	}
	_, err := w.WriteString("}\n")
	return err
}

func writeImages(w *bufio.Writer, d Doc, head []byte) error {
	if _, err := w.Write(head); err != nil {
		return err
	}
	for i, s := range d.Sections {
		open := ",\n{"
		if i == 0 {
			open = "\n{"
		}
		if _, err := w.WriteString(open); err != nil {
			return err
		}
		if err := writeSection(w, s); err != nil {
			return err
		}
		if err := w.WriteByte('}'); err != nil {
			return err
		}
	}
	_, err := w.WriteString("]}\n")
	return err
}

// writeSection writes the members image, the extra ones, items, warnings and errors.
func writeSection(w *bufio.Writer, s Section) error {
	var b []byte
	var err error
	if s.Image != nil {
		if b, err = appendObject(append(b, `"image":`...), s.Image); err != nil {
			return err
		}
		b = append(b, ',')
	}
	for _, extra := range s.Extra {
		b = append(appendString(b, extra.Name), ':')
		if b, err = appendObject(b, extra.Value); err != nil {
			return err
		}
		b = append(b, ',')
	}
	if _, err := w.Write(append(b, `"items":[`...)); err != nil {
		return err
	}
	if err := writeItems(w, s); err != nil {
		return err
	}
	for _, list := range s.Lists {
		b = append(appendString(append(b[:0], "],"...), list.Name), ":["...)
		if _, err := w.Write(b); err != nil {
			return err
		}
		if err := writeItems(w, Section{Fields: list.Fields, Rows: list.Rows}); err != nil {
			return err
		}
	}
	if b, err = appendList(append(b[:0], `],"warnings":[`...), s.Warnings); err != nil {
		return err
	}
	b = append(b, ']')
	if len(s.Errors) > 0 {
		if b, err = appendList(append(b, `,"errors":[`...), s.Errors); err != nil {
			return err
		}
		b = append(b, ']')
	}
	_, err = w.Write(b)
	return err
}

func writeItems(w *bufio.Writer, s Section) (err error) {
	var b []byte
	keys, separator := keysOf(s.Fields), "\n{"
	for row := range s.rows {
		b, err = keys.appendMembers(append(b[:0], separator...), row)
		if err != nil {
			return err
		}
		if _, err = w.Write(append(b, '}')); err != nil {
			return err
		}
		separator = ",\n{"
	}
	return nil
}

func appendList(b []byte, list []any) (_ []byte, err error) {
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendObject(b, v); err != nil {
			return b, err
		}
	}
	return b, nil
}

// writeLines writes an item a line. If the answer is about several images, items begin with source and image.
func writeLines(w *bufio.Writer, d Doc, _ Terminal) error {
	for _, s := range d.Sections {
		lead := []byte("{")
		if d.many() {
			lead = appendString(append(lead, `"source":`...), s.Source)
			lead = appendString(append(lead, `,"image":`...), s.Name)
		}
		if err := writeSectionLines(w, s, lead); err != nil {
			return err
		}
	}
	return nil
}

func writeSectionLines(w *bufio.Writer, s Section, lead []byte) (err error) {
	var b []byte
	keys := keysOf(s.Fields)
	for row := range s.rows {
		b, err = keys.appendMembers(append(b[:0], lead...), row)
		if err != nil {
			return err
		}
		if _, err = w.Write(append(b, "}\n"...)); err != nil {
			return err
		}
	}
	return nil
}

// keys are the members of an item with their names ready to be written.
type keys []key

type key struct {
	name, other string // "path": and "pathBase64": or "mtimeUnix":
	kind        Kind
}

// besides is what the name of a field of this kind gets if its value cannot be written exactly. Most kinds have none.
func (k Kind) besides() string {
	switch k {
	case Name:
		return "Base64"
	case Time:
		return "Unix"
	}
	return ""
}

func keysOf(fields []Field) keys {
	list := make(keys, len(fields))
	for i, f := range fields {
		list[i] = key{name: string(appendString(nil, f.Name)) + ":", kind: f.Kind}
		if other := f.Kind.besides(); other != "" {
			list[i].other = string(appendString(nil, f.Name+other)) + ":"
		}
	}
	return list
}

// appendMembers writes the members of an item that are not absent, separated by commas. b ends at the place of the
// first.
func (list keys) appendMembers(b []byte, row []Value) (_ []byte, err error) {
	comma := len(b) > 0 && b[len(b)-1] != '{'
	for i := range list {
		v := at(row, i)
		if v.Absent() {
			continue
		}
		if comma {
			b = append(b, ',')
		}
		comma = true
		if b, err = list[i].appendMember(b, v); err != nil {
			return b, err
		}
	}
	return b, nil
}
