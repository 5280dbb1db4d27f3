package render

import (
	"iter"

	"layup/analyze/show"
)

// A Table lists once what a small answer says of each of its things: the members of an item and the columns that show
// them, in this order. Answers that may have millions of items append values instead, which is faster.
type Table[T any] []Member[T]

// A Member is a member of an item, a column, or both.
type Member[T any] struct {
	field  Field // without a name it is a column only
	value  func(T) Value
	column Column // without a title it is a member only
	show   func(Value) string
	cell   func(T) string // instead of value and show
	when   func([]T) bool // whether a table of these things has the column; nil: always
}

// Of is a member of any kind.
func Of[T any](name string, kind Kind, value func(T) Value) Member[T] {
	return Member[T]{field: Field{name, kind}, value: value, column: Column{Right: kind == Int}, show: Value.String}
}

// TextOf is a text, absent if it is empty.
func TextOf[T any](name string, text func(T) string) Member[T] {
	return Of(name, Text, func(thing T) Value { return Known(text(thing)) })
}

// NameOf is a name with its exact bytes, absent if it is empty.
func NameOf[T any](name string, exact func(T) string) Member[T] {
	return Of(name, Name, func(thing T) Value { return KnownName(exact(thing)) })
}

// IntOf is a number, absent if it is negative. Its column is aligned to the right.
func IntOf[T any, N int | int32 | int64](name string, number func(T) N) Member[T] {
	return Of(name, Int, func(thing T) Value { return Counted(int64(number(thing))) })
}

// Cell is a column that no single member has.
func Cell[T any](title string, cell func(T) string) Member[T] {
	return Member[T]{column: Column{Title: title}, cell: cell}
}

// Known is a text, absent if it is empty.
func Known(s string) Value {
	if s == "" {
		return Value{}
	}
	return T(s)
}

// KnownName is a name, absent if it is empty.
func KnownName(exact string) Value {
	if exact == "" {
		return Value{}
	}
	return N(exact)
}

// Counted is a number, absent if it is negative.
func Counted(n int64) Value {
	if n < 0 {
		return Value{}
	}
	return I(n)
}

// Column shows the member under a title, by default as it is.
func (m Member[T]) Column(title string, shown ...func(Value) string) Member[T] {
	m.column.Title = title
	for _, m.show = range shown {
	}
	return m
}

// Right aligns the column to the right.
func (m Member[T]) Right() Member[T] {
	m.column.Right = true
	return m
}

// Cut lets the column be cut to the terminal's width.
func (m Member[T]) Cut() Member[T] {
	m.column.Cut = true
	return m
}

// Wrap lets the last column go on in further lines on a narrow terminal.
func (m Member[T]) Wrap() Member[T] {
	m.column.Wrap = true
	return m
}

// Hex shows a digest by its first digits.
func (m Member[T]) Hex() Member[T] {
	m.column.Hex = true
	return m
}

// Tone colours the rows by the column's cells.
func (m Member[T]) Tone(of func(cell string) Tone) Member[T] {
	m.column.Tone = of
	return m
}

// Path cuts the column to the terminal's width at its beginning.
func (m Member[T]) Path() Member[T] {
	m.column.Cut, m.column.Path = true, true
	return m
}

// Spare lets the column be left out on a narrow terminal.
func (m Member[T]) Spare() Member[T] {
	m.column.Spare = true
	return m
}

// If shows the column only if when is true of the things.
func (m Member[T]) If(when func(things []T) bool) Member[T] {
	m.when = when
	return m
}

// Section is the answer about these things.
func (t Table[T]) Section(things []T) Section {
	return Section{Fields: t.Fields(), Rows: t.Rows(things), Columns: t.Columns(things)}
}

// List is a list of these things besides the items.
func (t Table[T]) List(name string, things []T) List {
	return List{Name: name, Fields: t.Fields(), Rows: t.Rows(things), Columns: t.Columns(things)}
}

// Fields are the members of an item.
func (t Table[T]) Fields() (fields []Field) {
	for _, m := range t {
		if m.value != nil {
			fields = append(fields, m.field)
		}
	}
	return fields
}

// Rows yields the values of each thing and, for columns, the thing itself.
func (t Table[T]) Rows(things []T) iter.Seq[[]Value] {
	return func(yield func([]Value) bool) {
		var row []Value
		for _, thing := range things {
			row = row[:0]
			for _, m := range t {
				if m.value != nil {
					row = append(row, m.value(thing))
				}
			}
			if row = append(row, O(thing)); !yield(row) {
				return
			}
		}
	}
}

// Columns are those of the table of these things.
func (t Table[T]) Columns(things []T) (columns []Column) {
	at := 0
	for _, m := range t {
		i, c := at, m.column
		if m.value != nil {
			at++
			c.Cell = func(row []Value) string { return m.show(row[i]) }
		} else {
			c.Cell = func(row []Value) string { return m.cell(row[len(row)-1].Object().(T)) }
		}
		if c.Title != "" && (m.when == nil || m.when(things)) {
			columns = append(columns, c)
		}
	}
	return columns
}

// Dashed shows a number, and a dash for one that is absent or negative: a layer, or none.
func Dashed(v Value) string {
	if v.Absent() || v.Int() < 0 {
		return "-"
	}
	return v.String()
}

// Sized shows bytes for a person.
func Sized(v Value) string {
	if v.Absent() {
		return "-"
	}
	return show.Size(v.Int())
}

// Moment shows a time in UTC.
func Moment(v Value) string {
	if v.Absent() {
		return "-"
	}
	return show.When(v.Int())
}
