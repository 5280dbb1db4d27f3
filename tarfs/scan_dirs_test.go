package tarfs_test

import (
	"slices"
	"testing"

	"layup/tarfs"
)

// Directories of one length after one another were once taken for the first of them, for the scanner compared with a buffer it had
// filled again.
func TestDirectoriesOfTheSameLengthAreKeptApart(t *testing.T) {
	want := []string{"aaaa/x", "bbbb/x", "bbbb/y", "aaaa/y", "cccc/x"}
	table, err := tarfs.Scan(layer(want...), tarfs.ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for e := range table.Raw() {
		got = append(got, e.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
