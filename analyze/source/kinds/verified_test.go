package kinds

import (
	"os"
	"path/filepath"
	"testing"

	"layup/analyze/source"
	"layup/analyze/source/document"
	"layup/fixtures"
)

func TestOnlyWhatNamesDigestsIsSaidToBeVerified(t *testing.T) {
	img, err := fixtures.Load("myfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		say    string
		format fixtures.Format
		verify bool
		want   string
	}{
		{"docker save since 1.10", fixtures.Docker20, true, "full"},
		{"an OCI layout", fixtures.OCI, true, "full"},
		{"an OCI layout, not verified", fixtures.OCI, false, "none"},
		{"docker save before 1.10", fixtures.DockerV1, true, "none"},
		{"a root file system", fixtures.FlatRootfs, true, "none"},
	} {
		data, err := fixtures.Packing{Format: test.format}.Pack(img)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(t.TempDir(), "image.tar")
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
		opt := Options{Options: source.Options{Verify: test.verify, Limits: document.DefaultLimits()}}
		archive, err := Open(t.Context(), name, opt)
		if err != nil {
			t.Fatal(err)
		}
		images, _, err := archive.Choose(t.Context(), source.Selection{})
		if err != nil {
			t.Fatal(err)
		}
		if got := images[0].Verified; got != test.want {
			t.Errorf("%s: got %q, want %q", test.say, got, test.want)
		}
		if err := archive.Close(); err != nil {
			t.Error(err)
		}
	}
}
