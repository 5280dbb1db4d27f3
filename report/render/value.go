package render

import (
	"strconv"
	"time"

	"layup/analyze/show"
)

// A Value is one member of one item. The zero Value is absent: JSON leaves the member out, csv leaves the cell empty.
type Value struct {
	tag  uint8 // 0: absent, else the Kind and one
	nsec uint32
	num  int64
	str  string
	obj  any
}

// T is a text; bytes that are not UTF-8 become U+FFFD wherever a format cannot hold exact bytes.
func T(s string) Value { return Value{tag: uint8(Text) + 1, str: s} }

// N is a name with its exact bytes; the field's kind is to be Name.
func N(exact string) Value { return Value{tag: uint8(Name) + 1, str: exact} }

// I is an integer, written plain.
func I(n int64) Value { return Value{tag: uint8(Int) + 1, num: n} }

// B is true or false.
func B(b bool) Value {
	v := Value{tag: uint8(Bool) + 1}
	if b {
		v.num = 1
	}
	return v
}

// At is a time: seconds since 1970 in UTC and nanoseconds below one second. (Time is the name of its kind.)
func At(sec int64, nsec uint32) Value { return Value{tag: uint8(Time) + 1, num: sec, nsec: nsec} }

// O is anything that encoding/json takes; nil is absent.
func O(v any) Value {
	if v == nil {
		return Value{}
	}
	return Value{tag: uint8(Object) + 1, obj: v}
}

// Absent reports whether there is no value.
func (v Value) Absent() bool { return v.tag == 0 }

// Int is the number of an integer, the seconds of a time, and 0 of all else.
func (v Value) Int() int64 {
	if v.is(Int) || v.is(Time) {
		return v.num
	}
	return 0
}

// Bool is the truth of a B, and false of all else.
func (v Value) Bool() bool { return v.is(Bool) && v.num != 0 }

// Time is the seconds and nanoseconds of an At, and zeros of all else.
func (v Value) Time() (sec int64, nsec uint32) {
	if !v.is(Time) {
		return 0, 0
	}
	return v.num, v.nsec
}

// Object is what an O holds, and nil of all else.
func (v Value) Object() any { return v.obj }

// String is the exact text of a T or N, the plain form of a number, a truth or a time, and the JSON of an object. It is
// empty if the value is absent.
func (v Value) String() string {
	switch {
	case v.is(Text), v.is(Name):
		return v.str
	case v.is(Int):
		return strconv.FormatInt(v.num, 10)
	case v.is(Bool):
		return strconv.FormatBool(v.num != 0)
	case v.is(Time):
		if !show.Dated(v.num) {
			return strconv.FormatInt(v.num, 10)
		}
		return string(appendTime(nil, v.num, v.nsec))
	case v.is(Object):
		b, err := appendObject(nil, v.obj)
		if err != nil {
			return "?"
		}
		return string(b)
	}
	return ""
}

func (v Value) is(k Kind) bool { return v.tag == uint8(k)+1 }

// text reports whether the value is a string, exact or not.
func (v Value) text() bool { return v.is(Text) || v.is(Name) }

// at is the value of column i; rows may be shorter than their fields.
func at(row []Value, i int) Value {
	if i < len(row) {
		return row[i]
	}
	return Value{}
}

// appendTime writes a dated time as RFC 3339 in UTC, with nanoseconds unless they are zero.
func appendTime(b []byte, sec int64, nsec uint32) []byte {
	if nsec > 999_999_999 {
		nsec = 0 // it would move the second; no honest header says so
	}
	return time.Unix(sec, int64(nsec)).UTC().AppendFormat(b, time.RFC3339Nano)
}
