package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	template "github.com/DataDog/datadog-agent/pkg/template/text"
)

// functions are those of the meter, docker's, and, metered, those of text/template that can make long texts of short
// ones.
func (m *meter) functions() template.FuncMap {
	return template.FuncMap{
		"meterRound": m.round, "meterEnter": m.enter, "meterLeave": m.leave,
		"json": m.json, "join": m.join, "split": m.split, "pad": m.pad, "truncate": truncate,
		//lint:ignore SA1019 docker's title is this one
		"upper": m.changed(strings.ToUpper), "lower": m.changed(strings.ToLower), "title": m.changed(strings.Title),
		"print": m.metered(fmt.Sprint), "println": m.metered(fmt.Sprintln), "printf": m.printf,
		"html": m.metered(template.HTMLEscaper), "js": m.metered(template.JSEscaper),
		"urlquery": m.metered(template.URLQueryEscaper),
	}
}

// metered charges for the arguments before and for the result after.
func (m *meter) metered(f func(...any) string) func(...any) (string, error) {
	return func(args ...any) (string, error) {
		if err := m.chargeAll(args); err != nil {
			return "", err
		}
		s := f(args...)
		return s, m.charge(len(s))
	}
}

// changed charges for what a function makes of a string of about the same length.
func (m *meter) changed(f func(string) string) func(string) (string, error) {
	return func(s string) (string, error) {
		if err := m.charge(len(s)); err != nil {
			return "", err
		}
		return f(s), nil
	}
}

// chargeAll charges for values as long as they are when printed, one after the other.
func (m *meter) chargeAll(values []any) error {
	for _, v := range values {
		n := 0
		if s, ok := v.(string); ok {
			n = len(s)
		} else {
			n = len(fmt.Sprint(v))
		}
		if err := m.charge(n); err != nil {
			return err
		}
	}
	return nil
}

// printf is fmt.Sprintf. Each verb may print the longest argument, quoted, and pad it to its width.
func (m *meter) printf(format string, args ...any) (string, error) {
	before := m.produced
	if err := m.chargeAll(args); err != nil {
		return "", err
	}
	longest := (m.produced - before) * 4
	m.produced = before
	for verb := range strings.SplitSeq(format, "%") {
		if err := m.charge(len(verb) + verbWidth(verb) + longest); err != nil {
			return "", err
		}
	}
	m.produced = before
	s := fmt.Sprintf(format, args...)
	return s, m.charge(len(s))
}

// verbWidth is the most that the numbers at the beginning of a verb can pad to; fmt ignores those over a million.
func verbWidth(verb string) int {
	const most = 1_000_000
	total, number := 0, 0
	for i := range len(verb) {
		c := verb[i]
		switch {
		case c >= '0' && c <= '9':
			number = number*10 + int(c-'0')
			if number > most {
				return 2 * most
			}
			continue
		case c == '*':
			return 2 * most
		case !strings.ContainsRune("+-# .[]", rune(c)):
			return total + number
		}
		total, number = total+number, 0
	}
	return total + number
}

// json is docker's: compact, without escapes for HTML.
func (m *meter) json(v any) (string, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSpace(buf.String()), m.charge(buf.Len())
}

// join is docker 29's: the elements of any list, or the values of a map in their order when printed.
func (m *meter) join(list any, separator string) (string, error) {
	if words, ok := list.([]string); ok {
		return m.joinWords(words, separator)
	}
	var elements []string
	switch v := reflect.ValueOf(list); v.Kind() {
	case reflect.Invalid:
	case reflect.Array, reflect.Slice:
		for i := range v.Len() {
			elements = append(elements, fmt.Sprint(v.Index(i).Interface()))
		}
	case reflect.Map:
		elements = printedValues(v)
	default:
		return "", &notListError{list}
	}
	return m.joinWords(elements, separator)
}

// A notListError says that what was to be joined is not a list.
type notListError struct{ value any }

func (e *notListError) Error() string { return fmt.Sprintf("expected slice, got %T", e.value) }

// joinWords is the join of docker 28 and before.
func (m *meter) joinWords(words []string, separator string) (string, error) {
	n := len(separator) * len(words)
	for _, s := range words {
		n += len(s)
	}
	if err := m.charge(n); err != nil {
		return "", err
	}
	return strings.Join(words, separator), nil
}

func (m *meter) split(s, separator string) ([]string, error) {
	const header = 16 // bytes of a string besides its own
	parts := strings.Count(s, separator) + 1
	if err := m.charge(len(s) + parts*header); err != nil {
		return nil, err
	}
	return strings.Split(s, separator), nil
}

// pad is docker's: spaces before and after what is not empty.
func (m *meter) pad(s string, before, after int) (string, error) {
	if s == "" {
		return "", nil
	}
	if before < 0 || after < 0 {
		return "", errors.New("strings: negative Repeat count") // docker's words
	}
	if err := m.charge(min(before, m.bytes+1) + len(s) + min(after, m.bytes+1)); err != nil {
		return "", err
	}
	return strings.Repeat(" ", before) + s + strings.Repeat(" ", after), nil
}

// truncate is docker's: at most so many bytes. A negative length of a text that is not empty is an error, because the
// template's engine catches the panic.
func truncate(s string, length int) string {
	if len(s) < length {
		return s
	}
	return s[:length]
}

// printedValues are the values of a map as they are printed, sorted.
func printedValues(m reflect.Value) []string {
	values := make([]string, 0, m.Len())
	for _, v := range m.Seq2() {
		values = append(values, fmt.Sprint(v.Interface()))
	}
	slices.Sort(values)
	return values
}
