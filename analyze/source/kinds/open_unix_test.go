//go:build unix

package kinds

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestOnlyFilesAndDirectoriesAreOpened(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Skip("no FIFO here: ", err)
	}
	for name, want := range map[string]string{ // without care, a FIFO blocks and a device never ends
		fifo:                       "named pipe",
		"/dev/zero":                "is a device",
		dir:                        "is a directory, but not an OCI layout",
		filepath.Join(dir, "gone"): "no such file",
		filepath.Join(fifo, "x"):   "no such file",
		"":                         "empty name",
	} {
		_, err := Open(t.Context(), name, testOptions(t))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", name, err, want)
		}
	}
}
