package render

import (
	"bufio"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"
)

// A schema is a JSON Schema of draft 2020-12.
type schema struct {
	Schema     string             `json:"$schema,omitempty"`
	Title      string             `json:"title,omitempty"`
	Type       string             `json:"type,omitempty"`
	Const      any                `json:"const,omitempty"`
	Format     string             `json:"format,omitempty"`
	Encoding   string             `json:"contentEncoding,omitempty"`
	Properties map[string]*schema `json:"properties,omitempty"`
	Additional *schema            `json:"additionalProperties,omitempty"`
	Items      *schema            `json:"items,omitempty"`
	Required   []string           `json:"required,omitempty"`
	AnyOf      []*schema          `json:"anyOf,omitempty"`
}

// writeSchema writes the JSON Schema of the document that json would write. What the answer has no example of may be
// anything.
func writeSchema(w *bufio.Writer, d Doc, _ Terminal) error {
	s := &schema{Type: "object", Properties: map[string]*schema{}}
	if d.many() {
		each := &schema{Type: "object", Properties: map[string]*schema{}}
		for _, section := range d.Sections {
			each.addSection(section)
		}
		s.add("images", &schema{Type: "array", Items: each})
	} else {
		for _, section := range d.Sections {
			s.addSection(section)
		}
	}
	s.Schema, s.Title = "https://json-schema.org/draft/2020-12/schema", "layup "+d.Command
	s.add("schemaVersion", &schema{Const: json.Number(schemaVersion)})
	s.add("command", &schema{Const: d.Command})
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	w.Write(append(text, '\n'))
	return nil
}

// add adds a member that is always there.
func (s *schema) add(name string, member *schema) {
	s.Properties[name] = member
	if !slices.Contains(s.Required, name) {
		s.Required = append(s.Required, name)
	}
}

func (s *schema) addSection(section Section) {
	if section.Image != nil {
		s.add("image", schemaOf(reflect.TypeOf(section.Image)))
	}
	for _, e := range section.Extra {
		s.add(e.Name, schemaOf(reflect.TypeOf(e.Value)))
	}
	for _, list := range append([]List{{Name: "items", Fields: section.Fields, Rows: section.rows}}, section.Lists...) {
		s.add(list.Name, &schema{Type: "array", Items: schemaOfItems(list)})
	}
	s.add("warnings", schemaOfList(section.Warnings))
	s.Properties["errors"] = schemaOfList(section.Errors)
}

func schemaOfList(list []any) *schema {
	s := &schema{Type: "array"}
	if len(list) > 0 {
		s.Items = schemaOf(reflect.TypeOf(list[0]))
	}
	return s
}

// schemaOfItems is an item of a list, of which any member may be absent. The rows show what objects are.
func schemaOfItems(list List) *schema {
	s := &schema{Type: "object", Properties: map[string]*schema{}}
	objects := 0
	for _, f := range list.Fields {
		switch f.Kind {
		case Int:
			s.Properties[f.Name] = &schema{Type: "integer"}
		case Bool:
			s.Properties[f.Name] = &schema{Type: "boolean"}
		case Time:
			s.Properties[f.Name] = &schema{Type: "string", Format: "date-time"}
			s.Properties[f.Name+"Unix"] = &schema{Type: "integer"}
		case Name:
			s.Properties[f.Name] = &schema{Type: "string"}
			s.Properties[f.Name+"Base64"] = &schema{Type: "string", Encoding: "base64"}
		case Object:
			objects++
			s.Properties[f.Name] = &schema{}
		default:
			s.Properties[f.Name] = &schema{Type: "string"}
		}
	}
	if objects == 0 {
		return s
	}
	for row := range list.Rows {
		for i, f := range list.Fields {
			if v := at(row, i); f.Kind == Object && !v.Absent() {
				s.Properties[f.Name] = either(s.Properties[f.Name], schemaOfValue(v))
			}
		}
	}
	return s
}

// schemaOfValue is the schema of a value in a member that may be anything.
func schemaOfValue(v Value) *schema {
	switch {
	case v.text():
		return &schema{Type: "string"}
	case v.is(Int):
		return &schema{Type: "integer"}
	case v.is(Bool):
		return &schema{Type: "boolean"}
	}
	return schemaOf(reflect.TypeOf(v.obj))
}

// either is what a member may be that was something else in another row.
func either(a, b *schema) *schema {
	switch {
	case reflect.DeepEqual(a, b), slices.ContainsFunc(a.AnyOf, func(s *schema) bool { return reflect.DeepEqual(s, b) }):
		return a
	case reflect.DeepEqual(a, &schema{}):
		return b
	case len(a.AnyOf) > 0:
		return &schema{AnyOf: append(a.AnyOf, b)}
	}
	return &schema{AnyOf: []*schema{a, b}}
}

// schemaOf is the schema of what encoding/json makes of a type.
func schemaOf(t reflect.Type) *schema {
	if t == nil {
		return &schema{}
	}
	if t == reflect.TypeFor[time.Time]() {
		return &schema{Type: "string", Format: "date-time"}
	}
	if t.Implements(reflect.TypeFor[json.Marshaler]()) {
		return &schema{}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem())
	case reflect.String:
		return &schema{Type: "string"}
	case reflect.Bool:
		return &schema{Type: "boolean"}
	case reflect.Float32, reflect.Float64:
		return &schema{Type: "number"}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return &schema{Type: "string", Encoding: "base64"}
		}
		return &schema{Type: "array", Items: schemaOf(t.Elem())}
	case reflect.Map:
		return &schema{Type: "object", Additional: schemaOf(t.Elem())}
	case reflect.Struct:
		s := &schema{Type: "object", Properties: map[string]*schema{}}
		s.addMembers(t)
		return s
	case reflect.Interface:
		return &schema{}
	}
	return &schema{Type: "integer"}
}

func (s *schema) addMembers(t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			s.addMembers(f.Type)
		case !f.IsExported() || name == "-":
		case strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero"):
			s.Properties[name] = schemaOf(f.Type)
		case name == "":
			s.add(f.Name, schemaOf(f.Type))
		default:
			s.add(name, schemaOf(f.Type))
		}
	}
}
