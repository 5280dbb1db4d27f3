package render

import (
	"net/url"
	"strings"

	"layup/analyze/show"
)

// A finding is an item of a document about results of checks, with the fields rule, limit, pass, path, line, layer and
// message.
type finding struct {
	rule, limit, path, message string
	pass                       bool
	layer, line                Value
}

// A getter returns a value of a row by the name of its field; absent if there is no such field.
type getter func(row []Value, name string) Value

func (s Section) getter() getter {
	place := map[string]int{}
	for i, f := range s.Fields {
		place[f.Name] = i + 1
	}
	return func(row []Value, name string) Value {
		if i := place[name]; i > 0 {
			return at(row, i-1)
		}
		return Value{}
	}
}

// findings yields the items of a section.
func (s Section) findings(yield func(finding) bool) {
	get := s.getter()
	for row := range s.rows {
		f := finding{
			rule: get(row, "rule").String(), limit: get(row, "limit").String(), path: get(row, "path").String(),
			message: get(row, "message").String(), pass: get(row, "pass").Bool(), layer: get(row, "layer"),
			line: get(row, "line"),
		}
		if !yield(f) {
			return
		}
	}
}

// sentence is the finding's message with its path and its layer, for readers who see nothing else.
func (f finding) sentence() string {
	var b strings.Builder
	if f.path != "" {
		b.WriteString(show.Safe(f.path) + ": ")
	}
	b.WriteString(show.Safe(f.message))
	if !f.layer.Absent() {
		b.WriteString(" (layer " + f.layer.String() + ")")
	}
	return b.String()
}

// uri is a path as a relative reference, with its bytes kept: those that are not letters are percent-encoded.
func uri(path string) string {
	path = strings.TrimLeft(path, "/")
	if path == "" {
		return "." // the root
	}
	parts := strings.Split(path, "/")
	for i, p := range parts {
		switch p {
		case ".", "..":
			parts[i] = strings.ReplaceAll(p, ".", "%2E") // a name, not a step
		default:
			parts[i] = url.PathEscape(p)
		}
	}
	return strings.ReplaceAll(strings.Join(parts, "/"), ":", "%3A") // a colon in the first part would be a scheme's
}

// fullLabel is what the section's image is called, with its source: others may have its name.
func (s Section) fullLabel() string {
	if s.Name == "" || s.Name == s.Source {
		return s.Source
	}
	return s.Source + " " + s.Name
}
