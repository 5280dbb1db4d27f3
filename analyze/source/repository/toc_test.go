package repository

import (
	"strings"
	"testing"

	"layup/analyze/source/store"
)

// Only the builder vouches for a table of contents. Its sizes must not cost time, and engines must not find another
// table in it.
func TestTablesOfContentsThatLieAreRefused(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"sound", `{"version":1,"entries":[{"name":"a","type":"reg","size":5}]}`, ""},
		{"sound, in another case", `{"Version":1,"ENTRIES":[{"name":"a","type":"reg"}]}`, ""},
		{"the greatest size", `{"entries":[{"name":"a","type":"reg","size":9223372036854775807}]}`, "layer-bytes"},
		{"over the limit", `{"version":1,"entries":[{"name":"a","type":"reg","size":1025}]}`, "layer-bytes"},
		{"over the limit together", `{"entries":[{"name":"a","type":"reg","size":600},` +
			`{"name":"b","type":"reg","size":600}]}`, "layer-bytes"},
		{"a negative size", `{"version":1,"entries":[{"name":"a","type":"reg","size":-1}]}`, "negative"},
		{"entries twice", `{"version":1,"entries":[],"entries":[]}`, `duplicate key "entries"`},
		{"entries twice in other case", `{"version":1,"entries":[],"Entries":[]}`, `duplicate key "entries"`},
		{"version twice", `{"version":2,"version":1,"entries":[]}`, "version 2"},
		{"another version", `{"version":2,"entries":[]}`, "version 2"},
		{"cut off", `{"version":1,"entries":[`, "EOF"},
	} {
		listing := &tocReader{r: strings.NewReader(tt.text), most: 1024}
		err := listing.entries(func(store.Segment) bool { return true })
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.want)
		}
	}
	huge := strings.Repeat(`{"name":"a","type":"reg","size":4611686018427387904},`, 2)
	unlimited := &tocReader{r: strings.NewReader(`{"entries":[` + huge + `{"name":"b","type":"reg"}]}`)}
	err := unlimited.entries(func(store.Segment) bool { return true })
	if err == nil || !strings.Contains(err.Error(), "more than can be counted") {
		t.Errorf("without a limit: got %v", err)
	}
}
