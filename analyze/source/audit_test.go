package source

import (
	"errors"
	"strings"
	"testing"
)

// Nothing passes that was not computed and compared, whatever the pass over the layer says of itself.
func TestOnlyWhatWasComputedPasses(t *testing.T) {
	digest := func(hex string) string { return "sha256:" + strings.Repeat(hex, 64) }
	damage := errors.New("damaged")
	for _, c := range []struct {
		say    string
		layer  Layer
		found  Scanned
		failed error
		want   string // what and verdict of each check
	}{
		{"both match", Layer{Digest: digest("a"), DiffID: digest("b")}, Scanned{FoundDigest: digest("a"), FoundDiffID: digest("b")}, nil, "layer 1 diffID 1"},
		{"nothing was computed", Layer{Digest: digest("a"), DiffID: digest("b")}, Scanned{Digest: digest("a"), DiffID: digest("b")}, nil, "layer 2 diffID 2"},
		{"the tar was not computed", Layer{DiffID: digest("b")}, Scanned{DiffID: digest("b")}, nil, "layer 2"},
		{"another tar without an error", Layer{DiffID: digest("b")}, Scanned{FoundDiffID: digest("c")}, nil, "layer 2"},
		{"the tar proves the layer", Layer{DiffID: digest("b")}, Scanned{FoundDiffID: digest("b")}, nil, "layer 1"},
		{"nothing is named", Layer{}, Scanned{FoundDiffID: digest("b")}, nil, "layer 0"},
		{"nothing is named, and it is damaged", Layer{}, Scanned{FoundDiffID: digest("b")}, damage, "layer 0 entries 2"},
		{"the bytes are right, the entries are not", Layer{Digest: digest("a"), DiffID: digest("b")}, Scanned{FoundDigest: digest("a"), FoundDiffID: digest("b")}, damage, "layer 1 diffID 1 entries 2"},
		{"another blob", Layer{Digest: digest("a"), DiffID: digest("b")}, Scanned{FoundDigest: digest("c"), FoundDiffID: digest("b")}, damage, "layer 2 diffID 1"},
		{"a blob that is missing", Layer{Digest: digest("a"), DiffID: digest("b"), Err: MissingBlob{}}, Scanned{}, MissingBlob{}, "layer 2 diffID 2"},
	} {
		var got []string
		for _, check := range c.layer.Checks(c.found, c.failed) {
			got = append(got, check.What, string('0'+rune(check.Verdict)))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: got %q, want %q", c.say, s, c.want)
		}
	}
}
