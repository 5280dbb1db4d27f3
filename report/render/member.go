package render

import (
	"strconv"
	"unicode/utf8"

	"layup/analyze/show"
)

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
