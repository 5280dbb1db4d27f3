package source

import (
	"errors"
	"strings"
	"testing"

	"layup/analyze/digest"
)

// Nothing passes that was not computed and compared, whatever the pass over the layer says of itself.
func TestOnlyWhatWasComputedPasses(t *testing.T) {
	a, b, c := digest.FromHex(strings.Repeat("a", 64)), digest.FromHex(strings.Repeat("b", 64)), digest.FromHex("c")
	damage := errors.New("damaged")
	for _, tt := range []struct {
		say    string
		layer  Layer
		found  Scanned
		failed error
		want   string // what and verdict of each check
	}{
		{"both match", Layer{Digest: a, DiffID: b}, Scanned{FoundDigest: a, FoundDiffID: b}, nil, "layer 1 diffID 1"},
		{"nothing was computed", Layer{Digest: a, DiffID: b}, Scanned{Digest: a, DiffID: b}, nil, "layer 2 diffID 2"},
		{"the tar was not computed", Layer{DiffID: b}, Scanned{DiffID: b}, nil, "layer 2"},
		{"another tar without an error", Layer{DiffID: b}, Scanned{FoundDiffID: c}, nil, "layer 2"},
		{"the tar proves the layer", Layer{DiffID: b}, Scanned{FoundDiffID: b}, nil, "layer 1"},
		{"nothing is named", Layer{}, Scanned{FoundDiffID: b}, nil, "layer 0"},
		{"nothing is named, and it is damaged", Layer{}, Scanned{FoundDiffID: b}, damage, "layer 0 entries 2"},
		{"the bytes are right, the entries are not", Layer{Digest: a, DiffID: b},
			Scanned{FoundDigest: a, FoundDiffID: b}, damage, "layer 1 diffID 1 entries 2"},
		{"another blob", Layer{Digest: a, DiffID: b}, Scanned{FoundDigest: c, FoundDiffID: b}, damage, "layer 2 diffID 1"},
		{"a blob that is missing", Layer{Digest: a, DiffID: b, Err: MissingBlob("")}, Scanned{}, MissingBlob(""),
			"layer 2 diffID 2"},
	} {
		var got []string
		for _, check := range tt.layer.Checks(tt.found, tt.failed) {
			got = append(got, check.What, string('0'+rune(check.Verdict)))
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: got %q, want %q", tt.say, s, tt.want)
		}
	}
}
