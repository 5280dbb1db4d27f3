package analyze_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"layup/analyze"
)

// The standard library's own test reads every file of the image, after each layer.
func TestFSPassesTestFS(t *testing.T) {
	for _, bodies := range []analyze.Bodies{analyze.NoBodies, analyze.MostBodies} {
		opt := analyze.Default()
		opt.Bodies = bodies
		img := open(t, "../fixtures/myfile.tar", opt)
		for layer := range img.Layers {
			if err := fstest.TestFS(img.FS(layer), "etc"); err != nil {
				t.Errorf("after layer %d: %v", layer, err)
			}
		}
		for layer, want := range []error{fs.ErrNotExist, nil, nil, nil, fs.ErrNotExist, fs.ErrNotExist, nil} {
			if _, err := fs.ReadFile(img.FS(layer), "etc/MYFILE"); !errors.Is(err, want) {
				t.Errorf("etc/MYFILE after layer %d: %v, want %v", layer, err, want)
			}
		}
	}
}

// If an archive changes after it is opened, reading a file fails before the file's last byte.
func TestFSProvesWhatIsRead(t *testing.T) {
	for _, bodies := range []analyze.Bodies{analyze.NoBodies, analyze.MostBodies} {
		name := write(t, files(t, "file", "text"))
		opt := analyze.Default()
		opt.Bodies = bodies
		fsys := open(t, name, opt).FS(analyze.Last)
		if got, err := fs.ReadFile(fsys, "file"); err != nil || string(got) != "text" {
			t.Errorf("before: %q, %v", got, err)
		}
		rewrite(t, name, "text", "test")
		_, err := fs.ReadFile(fsys, "file")
		if _, ok := errors.AsType[*fs.PathError](err); !ok || !strings.Contains(fmt.Sprint(err), "changed while being read") {
			t.Errorf("after: %v", err)
		}
	}
}
