package report

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// A signal may come before the server has begun to listen: nobody else would take the socket away.
func TestServingThatEndsAtOnceLeavesNoSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "lu") // short, as a socket's path must be
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 {
		listener, err := listenPrivately(filepath.Join(dir, "s"))
		if err != nil {
			t.Skipf("no sockets here: %v", err)
		}
		if err := serveOn(ended, listener, http.NotFoundHandler()); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Fatalf("left behind: %v, %v", left, err)
		}
	}
}
