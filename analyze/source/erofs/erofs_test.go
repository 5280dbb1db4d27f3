package erofs

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	library "github.com/erofs/go-erofs"

	"layup/tarfs"
)

// imageOf writes an image of every kind of entry.
func imageOf(t testing.TB, opt ...library.CreateOpt) []byte {
	t.Helper()
	name := filepath.Join(t.TempDir(), "x.erofs")
	out, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w := library.Create(out, append(opt, library.WithTempDir(t.TempDir()))...)
	file := func(name, content string) {
		f, err := w.Create(name)
		if err == nil {
			_, err = io.WriteString(f, content)
		}
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	file("/a", "one")
	file("/big", strings.Repeat("0123456789abcdef", 1000))
	file("/d/caf\xe9", "x")
	file("/d/empty", "")
	for i := range 300 {
		file(fmt.Sprintf("/many/file%03d", i), fmt.Sprint(i))
	}
	for _, err := range []error{
		w.Symlink("a", "/link"), w.Mknod("/gone", 0o20000, 0), w.Mknod("/tty", 0o20620, 4<<8|1), w.Mknod("/fifo", 0o10600, 0),
		w.Setxattr("/d", "trusted.overlay.opaque", "y"), w.Setxattr("/a", "user.note", "hi"), w.Chown("/a", 7, 70000),
		w.Chmod("/a", 0o755|fs.ModeSetuid), w.Chtimes("/a", time.Time{}, time.Unix(1700000000, 5)), w.Close(),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// treeOf merges an image as a layer on top of one with other files.
func treeOf(t testing.TB, image []byte, digests bool) (*tarfs.Snapshot, error) {
	t.Helper()
	tar, err := Tar(bytes.NewReader(image), int64(len(image)), 1<<24, nil)
	if err != nil {
		return nil, err
	}
	r := tar.Open(t.Context())
	defer r.Close()
	table, err := tarfs.Scan(r, tarfs.ScanOptions{Limits: tarfs.DefaultLimits(), Digests: digests, Dialect: tar.Dialect})
	if err != nil {
		return nil, err
	}
	tree, errs := tarfs.Merge([]*tarfs.Layer{table}, tarfs.Runtime)
	if len(errs) > 0 {
		return nil, errs[0]
	}
	return tree.Top(), nil
}

func TestAnImageShowsItsFiles(t *testing.T) {
	for _, size := range []int{512, 1024, 4096, 16384} {
		image := imageOf(t, library.WithBlockSize(size))
		snap, err := treeOf(t, image, true)
		if err != nil {
			t.Fatalf("blocks of %d bytes: %v", size, err)
		}
		var got []string
		top, _ := snap.Lookup("/")
		for v := range snap.Walk(top.Node(), -1) {
			if name := v.Node().Path(); !strings.HasPrefix(name, "/many/") {
				got = append(got, fmt.Sprintf("%s %v %04o %d", name, v.Type(), v.Meta().Mode, v.Size()))
			}
		}
		want := "/ dir 0755 0|/a file 4755 3|/big file 0644 16000|/d dir 0755 0|/d/caf\xe9 file 0644 1|" +
			"/d/empty file 0644 0|/fifo fifo 0600 0|/link symlink 0777 0|/many dir 0755 0|/tty char 0620 0"
		if strings.Join(got, "|") != want {
			t.Errorf("blocks of %d bytes: got\n%s\nwant\n%s", size, strings.Join(got, "|"), want)
		}
		v, err := snap.Resolve("/a", false)
		if m := v.Meta(); err != nil || m.UID != 7 || m.GID != 70000 || m.MTime != 1700000000 ||
			len(v.Xattrs()) != 1 || v.Xattrs()[0] != (tarfs.Xattr{Name: "user.note", Value: "hi"}) {
			t.Errorf("/a: got %+v, %v, %v", m, v.Xattrs(), err)
		}
	}
}

// The whiteout and the opaque directory of an image hide what a lower layer has.
func TestAnImageHidesAsOverlayfsDoes(t *testing.T) {
	image := imageOf(t)
	tar, err := Tar(bytes.NewReader(image), int64(len(image)), 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := tar.Open(t.Context())
	defer r.Close()
	upper, err := tarfs.Scan(r, tarfs.ScanOptions{Limits: tarfs.DefaultLimits(), Dialect: tar.Dialect})
	if err != nil {
		t.Fatal(err)
	}
	lower, err := treeOfNames("gone", "d/lower", "kept")
	if err != nil {
		t.Fatal(err)
	}
	tree, errs := tarfs.Merge([]*tarfs.Layer{lower, upper}, tarfs.Runtime)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	for name, want := range map[string]bool{"/gone": false, "/d/lower": false, "/kept": true, "/d/empty": true} {
		if _, err := tree.Top().Resolve(name, false); (err == nil) != want {
			t.Errorf("%s: got %v, want shown %v", name, err, want)
		}
	}
}

func TestWhatCannotBeReadIsNamed(t *testing.T) {
	whole := imageOf(t)
	changed := func(edit func(b []byte)) []byte {
		b := bytes.Clone(whole)
		edit(b)
		return b
	}
	feature := func(bits uint32) func(b []byte) {
		return func(b []byte) { binary.LittleEndian.PutUint32(b[incompatAt:], bits) }
	}
	for _, tt := range []struct {
		case_ string
		image []byte
		want  string
	}{
		{"lz4", changed(feature(lz4Padding)), "a compressed EROFS image (lz4)"},
		{"zstd", changed(func(b []byte) { feature(comprCfgs)(b); b[algorithmAt] = 9 }),
			"a compressed EROFS image (lz4, zstd)"},
		{"a device", changed(func(b []byte) { feature(deviceTable)(b); b[devicesAt] = 1 }), "needs 1 other device"},
		{"an unknown feature", changed(feature(1 << 30)), "damaged EROFS image"},
		{"a cut superblock", whole[:1100], "damaged EROFS image: it ends too early"},
		{"a cut image", whole[:len(whole)/2], "damaged EROFS image"},
	} {
		if _, err := treeOf(t, tt.image, false); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.case_, err, tt.want)
		}
	}
}

// treeOfNames returns a layer of empty files.
func treeOfNames(names ...string) (*tarfs.Layer, error) {
	var out bytes.Buffer
	for _, name := range names {
		header := make([]byte, 512)
		copy(header, name)
		copy(header[100:], "0000644\x000000000\x000000000\x0000000000000\x0000000000000\x00        0")
		sum := 0
		for _, c := range header {
			sum += int(c)
		}
		copy(header[148:], fmt.Sprintf("%06o\x00 ", sum))
		out.Write(header)
	}
	out.Write(make([]byte, 1024))
	return tarfs.Scan(bufio.NewReader(&out), tarfs.ScanOptions{Limits: tarfs.DefaultLimits()})
}

// A damaged image gives an error or files; it never panics, and takes no more time than its bytes are worth.
func TestDamageIsAnError(t *testing.T) {
	whole := imageOf(t, library.WithBlockSize(512))
	step := max(1, len(whole)/500) | 1 // odd, so that every field is hit
	for i := superBlock; i < len(whole); i += step {
		for _, bit := range []byte{0x01, 0xff} {
			image := bytes.Clone(whole)
			image[i] ^= bit
			start := time.Now()
			_, err := treeOf(t, image, true)
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("byte %d: took %v, %v", i, took, err)
			}
		}
	}
}

func FuzzImage(f *testing.F) {
	for _, size := range []int{512, 4096} {
		f.Add(imageOf(f, library.WithBlockSize(size)))
	}
	f.Fuzz(func(t *testing.T, image []byte) {
		start := time.Now()
		if _, err := treeOf(t, image, true); err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("an error of several lines: %v", err)
		}
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("took %v", took)
		}
	})
}
