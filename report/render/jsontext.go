package render

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"

	"layup/analyze/show"
)

// appendString writes a JSON string. Bytes that are not UTF-8 become U+FFFD, one for each. What Safe escapes is written
// as \uNNNN, which a program reads as the character and a terminal does not obey.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		if c := s[i]; c >= ' ' && c <= '~' && c != '"' && c != '\\' {
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r >= utf8.RuneSelf && n > 1 && !show.Odd(r) {
			i += n
			continue
		}
		b = appendJSONEscape(append(b, s[start:i]...), r)
		i += n
		start = i
	}
	return append(append(b, s[start:]...), '"')
}

func appendJSONEscape(b []byte, r rune) []byte {
	switch {
	case r == '"' || r == '\\':
		return append(b, '\\', byte(r))
	case r == '\n':
		return append(b, `\n`...)
	case r == '\t':
		return append(b, `\t`...)
	case r == '\r':
		return append(b, `\r`...)
	case r == utf8.RuneError:
		return append(b, "\uFFFD"...)
	case r <= 0xffff:
		return fmt.Appendf(b, `\u%04x`, r)
	}
	high, low := utf16.EncodeRune(r)
	return fmt.Appendf(b, `\u%04x\u%04x`, high, low)
}

// appendObject writes what encoding/json makes of v, without its escapes for HTML and with ours for terminals.
func appendObject(b []byte, v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return b, fmt.Errorf("json: %w", err)
	}
	return appendSafe(b, bytes.TrimSuffix(buf.Bytes(), []byte("\n"))), nil
}

// SafeJSON returns a valid JSON text with escapes for what a terminal would obey.
func SafeJSON(text []byte) []byte { return appendSafe(nil, text) }

func appendSafe(b, text []byte) []byte {
	start := 0
	for i := 0; i < len(text); {
		if text[i] < 0x7f {
			i++
			continue
		}
		r, n := utf8.DecodeRune(text[i:])
		if r == utf8.RuneError || show.Odd(r) { // outside strings JSON is ASCII
			b = appendJSONEscape(append(b, text[start:i]...), r)
			start = i + n
		}
		i += n
	}
	return append(b, text[start:]...)
}

// appendBase64 writes the exact bytes of a name.
func appendBase64(b []byte, s string) []byte {
	return base64.StdEncoding.AppendEncode(b, []byte(s))
}
