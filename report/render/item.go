package render

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"layup/analyze/show"
)

// An item is what a template sees of a row.
type item struct {
	keys    keys
	fields  []spelled
	lead    []byte // of its JSON
	seen    bool   // strings are made safe
	members members
	row     []Value
}

// members are the values of an item by their JSON names and by these names capitalised, and the item by the empty name.
type members map[string]any

// A spelled is a field with the names of its members, each in both spellings.
type spelled struct {
	kind        Kind
	name, other [2]string // other is empty for most kinds
}

func bothSpellings(name string) [2]string { return [2]string{name, capital(name)} }

func newItem(s Section, many, seen bool) *item {
	it := &item{keys: keysOf(s.Fields), lead: s.lead(many), seen: seen, members: members{}}
	it.members[""] = it
	for _, f := range s.Fields {
		field := spelled{kind: f.Kind, name: bothSpellings(f.Name)}
		if other := f.Kind.besides(); other != "" {
			field.other = bothSpellings(f.Name + other)
		}
		it.fields = append(it.fields, field)
	}
	if many {
		it.put(bothSpellings("source"), it.plain(s.Source))
		it.put(bothSpellings("image"), it.plain(s.Name))
	}
	return it
}

// MarshalJSON is the item as jsonl has it.
func (m members) MarshalJSON() ([]byte, error) {
	it := m[""].(*item)
	b, err := it.keys.appendMembers(bytes.Clone(it.lead), it.row)
	return append(b, '}'), err
}

// String is the item as jsonl has it.
func (m members) String() string {
	b, err := m.MarshalJSON()
	if err != nil {
		return "?"
	}
	return string(b)
}

// nothing stands for an absent number, truth or object: it prints nothing, is false, and has no members.
type nothing map[string]any

func (nothing) String() string { return "" }

func (it *item) put(names [2]string, v any) {
	it.members[names[0]] = v
	it.members[names[1]] = v
}

// set makes the item that of a row.
func (it *item) set(row []Value) error {
	it.row = row
	for i := range it.fields {
		f := &it.fields[i]
		value, other, err := it.value(f.kind, at(row, i))
		if err != nil {
			return fmt.Errorf("template: %s: %w", f.name[0], err)
		}
		it.put(f.name, value)
		if f.other[0] != "" {
			it.put(f.other, other)
		}
	}
	return nil
}

// value is what a template sees of a value, and of the member besides.
func (it *item) value(kind Kind, v Value) (value, other any, err error) {
	value, other = nothing(nil), nothing(nil)
	if kind == Name {
		other = ""
	}
	switch {
	case v.text():
		value = it.plain(v.str)
		if kind == Name && !utf8.ValidString(v.str) {
			other = base64.StdEncoding.EncodeToString([]byte(v.str))
		}
	case v.is(Int):
		value = v.num
	case v.is(Bool):
		value = v.num != 0
	case v.is(Time) && !show.Dated(v.num):
		value, other = "", v.num
	case v.is(Time):
		value = v.String()
	case v.is(Object):
		value, err = it.object(v.obj)
	case kind == Text || kind == Name || kind == Time:
		value = ""
	}
	return value, other, err
}

// plain is a string as a template gets it: as JSON has it, or safe if a person sees it.
func (it *item) plain(s string) string {
	switch {
	case it.seen:
		return show.Safe(s)
	case !utf8.ValidString(s):
		return string([]rune(s))
	}
	return s
}

// object is what encoding/json makes of a value; whole numbers are int64.
func (it *item) object(v any) (any, error) {
	b, err := appendObject(nil, v)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var decoded any
	if err := dec.Decode(&decoded); err != nil {
		return nil, err
	}
	return it.simple(decoded), nil
}

func (it *item) simple(v any) any {
	switch v := v.(type) {
	case string:
		return it.plain(v)
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64() // encoding/json wrote it
		return f
	case []any:
		for i := range v {
			v[i] = it.simple(v[i])
		}
	case map[string]any:
		simple := make(map[string]any, len(v))
		for k, member := range v {
			simple[it.plain(k)] = it.simple(member)
		}
		return simple
	}
	return v
}
