//go:build unix

package docker

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"layup/fixtures/harness"
)

// deadSocket is a socket as a killed program leaves it, in a directory with a short path.
func deadSocket(t *testing.T) string {
	t.Helper()
	path := filepath.Join(harness.ShortDir(t), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(path, socketMode), l.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// answers reports whether a program listens at a path.
func answers(path string) bool {
	conn, err := net.Dial("unix", path)
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// Two programs find the same dead socket; the first to replace it stays.
func TestSocketOfAnotherStartIsNotReplaced(t *testing.T) {
	path := deadSocket(t)
	dead, err := checkSocket(path) // of the slower one
	if err != nil || dead == nil {
		t.Fatalf("%v, %v", dead, err)
	}
	first, err := listenPrivately(path)
	if err != nil {
		t.Fatal(err)
	}
	made := filepath.Join(t.TempDir(), "made")
	if err := os.WriteFile(made, nil, socketMode); err != nil {
		t.Fatal(err)
	}
	if err := place(made, path, dead); !errors.Is(err, errListening) || !answers(path) {
		t.Errorf("the slower one: %v; the first answers: %t", err, answers(path))
	}
	if err := place(made, path, nil); !errors.Is(err, errListening) || !answers(path) {
		t.Errorf("one that found nothing there: %v; the first answers: %t", err, answers(path))
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the first left its socket: %v", err)
	}
}

func TestOfManyStartsOneListens(t *testing.T) {
	for range 20 {
		path := deadSocket(t)
		var wg sync.WaitGroup
		listeners := make([]net.Listener, 8)
		for i := range listeners {
			wg.Go(func() { listeners[i], _ = listenPrivately(path) })
		}
		wg.Wait()
		count := 0
		for _, l := range listeners {
			if l != nil {
				count++
			}
		}
		if count != 1 || !answers(path) {
			t.Fatalf("%d listen; answered: %t", count, answers(path))
		}
		for _, l := range listeners {
			if l != nil {
				l.Close()
			}
		}
		if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) > 0 {
			t.Fatalf("left: %v, %v", left, err)
		}
	}
}

func TestSocketsPathThatIsTooLongIsRefusedBeforeAnythingIsLoaded(t *testing.T) {
	dir := "/" + strings.Repeat("d", longestAddress-len(birthplace)-1)
	for path, want := range map[string]string{
		dir + "/s":  "is not a directory",
		dir + "d/s": "its directory's path has 88 bytes, and 87 is the most",
		"/tmp/" + strings.Repeat("x", longestAddress): "its path has 108 bytes, and 103 is the most",
		"/none/s": "is not a directory",
	} {
		if _, err := checkSocket(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}
