package render

import "slices"

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
