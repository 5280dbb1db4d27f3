package render

import (
	"bufio"
	"slices"
	"strconv"
	"unicode/utf8"

	"layup/analyze/show"
)

// schemaVersion is the version of the JSON documents. It changes if a member is removed or changes its meaning.
const schemaVersion = "1"

// writeJSON writes one document with an item a line.
func writeJSON(w *bufio.Writer, d Doc, _ Terminal) error {
	head := appendString([]byte(`{"schemaVersion":`+schemaVersion+`,"command":`), d.Command)
	w.Write(append(head, ','))
	if d.many() {
		return writeImages(w, d.Sections)
	}
	s := Section{}
	if len(d.Sections) == 1 {
		s = d.Sections[0]
	}
	if err := writeSection(w, s); err != nil {
		return err
	}
	w.WriteString("}\n")
	return nil
}

func writeImages(w *bufio.Writer, sections []Section) error {
	w.WriteString(`"images":[`)
	separator := "\n{"
	for _, s := range sections {
		w.WriteString(separator)
		if err := writeSection(w, s); err != nil {
			return err
		}
		separator = "},\n{"
	}
	if len(sections) > 0 {
		w.WriteByte('}')
	}
	w.WriteString("]}\n")
	return nil
}

// WriteSection writes a section alone, as a JSON document has it.
func WriteSection(w *bufio.Writer, s Section) error {
	w.WriteByte('{')
	if err := writeSection(w, s); err != nil {
		return err
	}
	return w.WriteByte('}')
}

// writeSection writes the members image, the extra ones, items, further lists, warnings and errors.
func writeSection(w *bufio.Writer, s Section) (err error) {
	var b []byte
	extra := s.Extra
	if s.Image != nil {
		extra = slices.Concat([]Extra{{"image", s.Image}}, extra)
	}
	for _, e := range extra {
		if b, err = appendObject(append(appendString(b, e.Name), ':'), e.Value); err != nil {
			return err
		}
		b = append(b, ',')
	}
	for _, list := range slices.Concat([]List{{Name: "items", Fields: s.Fields, Rows: s.rows}}, s.Lists) {
		w.Write(append(appendString(b, list.Name), ":["...))
		if err := writeItems(w, list); err != nil {
			return err
		}
		b = append(b[:0], "],"...)
	}
	if b, err = appendList(append(b, `"warnings":[`...), s.Warnings); err != nil {
		return err
	}
	if len(s.Errors) > 0 {
		if b, err = appendList(append(b, `],"errors":[`...), s.Errors); err != nil {
			return err
		}
	}
	w.Write(append(b, ']'))
	return nil
}

func writeItems(w *bufio.Writer, list List) (err error) {
	var b []byte
	keys, separator := keysOf(list.Fields), "\n{"
	for row := range list.Rows {
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
func writeLines(w *bufio.Writer, d Doc, _ Terminal) (err error) {
	var b []byte
	for _, s := range d.Sections {
		keys, lead := keysOf(s.Fields), s.lead(d.many())
		for row := range s.rows {
			b, err = keys.appendMembers(append(b[:0], lead...), row)
			if err != nil {
				return err
			}
			if _, err = w.Write(append(b, "}\n"...)); err != nil {
				return err
			}
		}
	}
	return nil
}

// lead begins an item on a line of its own.
func (s Section) lead(many bool) []byte {
	lead := []byte("{")
	if many {
		lead = appendString(append(lead, `"source":`...), s.Source)
		lead = appendString(append(lead, `,"image":`...), s.Name)
	}
	return lead
}

// keys are the members of an item with their names ready to be written.
type keys []key

type key struct {
	name, other string // "path": and "pathBase64": or "mtimeUnix":
	kind        Kind
}

// besides ends the name of a second member, which holds what the first cannot say exactly. Most kinds have none.
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

// A Shape is a list of fields of an object within an item: its values are written as those of an item are.
type Shape struct{ keys keys }

// NewShape returns the shape of these fields.
func NewShape(fields []Field) *Shape { return &Shape{keysOf(fields)} }

// Value is an object of the shape; the row may be used again.
func (s *Shape) Value(row []Value) Value { return O(record{s, slices.Clone(row)}) }

type record struct {
	shape *Shape
	row   []Value
}

// MarshalJSON writes the values that are there.
func (r record) MarshalJSON() ([]byte, error) {
	b, err := r.shape.keys.appendMembers([]byte{'{'}, r.row)
	return append(b, '}'), err
}

// appendMember writes a member of an item, and a second one if the first cannot say the value exactly.
func (k *key) appendMember(b []byte, v Value) ([]byte, error) {
	if v.is(Time) && !show.Dated(v.num) {
		return strconv.AppendInt(append(b, k.unix()...), v.num, 10), nil
	}
	b = append(b, k.name...)
	switch {
	case v.text():
		b = appendString(b, v.str)
		if k.kind == Name && !utf8.ValidString(v.str) {
			b = append(append(b, ','), k.other...)
			b = append(appendBase64(append(b, '"'), v.str), '"')
		}
	case v.is(Int):
		b = strconv.AppendInt(b, v.num, 10)
	case v.is(Bool):
		b = strconv.AppendBool(b, v.num != 0)
	case v.is(Time):
		b = append(appendTime(append(b, '"'), v.num, v.nsec), '"')
	case v.is(Object):
		return appendObject(b, v.obj)
	}
	return b, nil
}

// unix is the name of the member that holds the seconds of a time that no date can say.
func (k *key) unix() string {
	if k.kind == Time {
		return k.other
	}
	return k.name // the field is not one of times: a number is all that can be said
}
