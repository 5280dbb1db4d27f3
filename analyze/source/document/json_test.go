package document

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"layup/tarfs"
)

func TestJSONThatReadersDifferOnIsRefused(t *testing.T) {
	for _, tt := range []struct{ case_, doc, want string }{
		{"a key twice", `{"a":1,"a":2}`, `duplicate key "a"`},
		{"a key twice below", `[{"x":{"a":1,"b":[],"a":2}}]`, `duplicate key "a"`},
		{"a key twice by escapes", `{"a":1,"\u0061":2}`, `duplicate key "a"`},
		{"a key twice by invalid bytes", "{\"a\xff\":1,\"a\xfe\":2}", "duplicate key"},
		{"a known key in two cases", `{"rootfs":1,"RootFS":2}`, `duplicate key "RootFS" (also in another case)`},
		{"a known key with the long s", `{"layers":1,"layerſ":2}`, "in another case"},
		{"a known key with the Kelvin sign", `{"mediatype":1,"mediaType":2}`, "in another case"},
		{"a label twice", `{"Labels":{"a":"1","a":"2"}}`, `duplicate key "a"`},
		{"a byte order mark", "\xef\xbb\xbf{}", "BOM"},
		{"UTF-16", "{\x00}\x00", "not UTF-8"},
		{"UTF-16 with its mark", "\xff\xfe{\x00", "not UTF-8"},
		{"a page", " <html>", "HTML"},
		{"nothing", " \n", "it is empty"},
		{"an end in the middle", `{"a":[1,`, "in the middle"},
		{"not JSON", `{"a":tru}`, "not JSON: at offset"},
		{"a second value", `{} {}`, "data after the JSON value"},
		{"a stray bracket", `{}]`, "data after the JSON value"},
		{"too deep", strings.Repeat("[", 65) + strings.Repeat("]", 65), "nested too deep"},
	} {
		err := CheckJSON([]byte(tt.doc), 64)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.case_, err, tt.want)
		}
	}
}

func TestJSONWithOneReadingIsTaken(t *testing.T) {
	for _, doc := range []string{
		`{}`, `[]`, `null`, `"x"`, ` {"a":1} `, "{\n}\r\n\t",
		`{"Labels":{"Author":"1","author":"2"},"annotations":{"os":"x","OS":"y"}}`, // their keys are anybody's
		`{"unknown":1,"Unknown":2}`,
		`[{"a":1},{"a":2}]`,
		`{"a":{"a":{"a":1}}}`,
		`{"author":"\ud800 \u0000","n":1e999999}`,
		strings.Repeat("[", 64) + strings.Repeat("]", 64),
	} {
		if err := CheckJSON([]byte(doc), 64); err != nil {
			t.Errorf("%s: %v", doc, err)
		}
	}
}

func TestDepthIsALimit(t *testing.T) {
	err := CheckJSON([]byte(`[[[1]]]`), 2)
	if limit, ok := errors.AsType[*tarfs.LimitError](err); !ok || limit.Name != limitJSONDepth {
		t.Errorf("got %v", err)
	}
	if err := CheckJSON([]byte(`[[[1]]]`), 0); err != nil {
		t.Errorf("no limit: %v", err)
	}
}

func TestMismatchedTypesAreSaidInWordsOfJSON(t *testing.T) {
	var v struct {
		List []string          `json:"list"`
		Map  map[string]string `json:"map"`
		Deep struct {
			Flag bool   `json:"flag"`
			Size int64  `json:"size"`
			Data []byte `json:"data"`
		} `json:"deep"`
	}
	for doc, want := range map[string]string{
		`{"list":"x"}`:          "list: want a list, found string",
		`{"map":[]}`:            "map: want an object, found list",
		`{"deep":{"flag":1}}`:   "deep.flag: want true or false, found number",
		`{"deep":{"size":1.5}}`: "deep.size: want a whole number, found number",
		`{"deep":{"data":1}}`:   "deep.data: want a string in base64, found number",
		`[]`:                    "want an object, found list",
	} {
		if err := Unmarshal([]byte(doc), 64, &v); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %q", doc, err, want)
		}
	}
}

func FuzzCheckedJSONHasOneReading(f *testing.F) {
	for _, doc := range []string{`{"a":1}`, `[{"rootfs":{"diff_ids":[]}}]`, `{"a":1,"a":2}`, "\xef\xbb\xbf{}",
		`{"Labels":{"a":"b"}}`, `[[[`} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if CheckJSON(doc, 64) != nil {
			return
		}
		if !json.Valid(doc) {
			t.Errorf("%q was taken and is not JSON", doc)
		}
	})
}
