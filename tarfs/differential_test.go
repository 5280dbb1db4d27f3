package tarfs_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"layup/tarfs"
)

// Engines read layers with archive/tar or copies of it, so it defines what a tar means. If Scan read a header in
// another way, one image could show two trees.

// describe writes a raw entry for comparison.
func describe(name string, kind tarfs.Type, link string, size int64) string {
	return fmt.Sprintf("%q %d %q %d", name, kind, link, size)
}

// byLibrary lists what archive/tar reads, and whether it came to the end.
func byLibrary(data []byte) (list []string, err error) {
	r := tar.NewReader(bytes.NewReader(data))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return list, err
		}
		if h.Typeflag == tar.TypeXGlobalHeader {
			continue // an entry for archive/tar, but not for engines
		}
		kind, size := libraryKind(h)
		if kind == tarfs.File && size < 1<<20 { // a sparse file may claim any size
			if n, err := io.Copy(io.Discard, r); err != nil || n != size {
				return list, fmt.Errorf("content: %v", err)
			}
		}
		list = append(list, describe(strings.TrimRight(h.Name, "/"), kind, h.Linkname, size))
	}
}

func libraryKind(h *tar.Header) (kind tarfs.Type, size int64) {
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeCont, tar.TypeGNUSparse:
		return tarfs.File, h.Size
	case tar.TypeDir, 'D':
		return tarfs.Dir, 0
	case tar.TypeSymlink:
		return tarfs.Symlink, 0
	case tar.TypeLink:
		return tarfs.Hardlink, 0
	case tar.TypeChar:
		return tarfs.Char, 0
	case tar.TypeBlock:
		return tarfs.Block, 0
	case tar.TypeFifo:
		return tarfs.Fifo, 0
	}
	return tarfs.Other, 0
}

// byScan lists what Scan reads, in the form of byLibrary.
func byScan(data []byte) ([]string, error) {
	l, err := scan(data, tarfs.ScanOptions{})
	var list []string
	for e := range l.Raw() {
		size := e.Size
		if e.Type != tarfs.File {
			size = 0
		}
		list = append(list, describe(e.Name, e.Type, e.Link, size))
	}
	return list, err
}

// strict are errors of Scan for input that archive/tar accepts.
var strict = []string{
	"a name is longer than",           // 65,535 bytes
	"sparse map is damaged: it names", // archive/tar notices it in content, which this test reads only of small files
	"GNU.sparse.name holds NUL",       // no engine can make such a file
}

func FuzzScanMatchesLibrary(f *testing.F) {
	for _, c := range streams {
		f.Add(c.data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if d := compareWithLibrary(data); d != "" {
			t.Fatal(d)
		}
	})
}

func compareWithLibrary(data []byte) string {
	want, libraryErr := byLibrary(data)
	got, scanErr := byScan(data)
	excused := scanErr != nil && slices.ContainsFunc(strict,
		func(s string) bool { return strings.Contains(scanErr.Error(), s) })
	switch {
	case (libraryErr == nil) == (scanErr == nil) && libraryErr == nil:
		return differ("entries", got, want)
	case libraryErr != nil && scanErr != nil:
		// One of them may also return the entry with the damaged content.
		n := min(len(got), len(want))
		return differ("entries before the damage", got[:n], want[:n])
	case libraryErr == nil && !excused:
		return fmt.Sprintf("Scan: %v; archive/tar reads it", scanErr)
	case scanErr == nil:
		return fmt.Sprintf("archive/tar: %v; Scan reads it", libraryErr)
	}
	return ""
}

func TestScanReadsWhatArchiveTarReads(t *testing.T) {
	for _, c := range streams {
		t.Run(c.name, func(t *testing.T) {
			if d := compareWithLibrary(c.data); d != "" {
				t.Error(d)
			}
		})
	}
}

// Metadata of every entry is that of archive/tar too.
func TestScanReadsMetadataAsArchiveTarDoes(t *testing.T) {
	for _, c := range streams {
		l, err := scan(c.data, tarfs.ScanOptions{})
		if err != nil {
			continue
		}
		tree, _ := tarfs.Merge([]*tarfs.Layer{l}, tarfs.Spec)
		r := tar.NewReader(bytes.NewReader(c.data))
		for {
			h, err := r.Next()
			if err != nil {
				if !errors.Is(err, io.EOF) {
					t.Errorf("%s: %v", c.name, err)
				}
				break
			}
			if v, ok := tree.Top().Lookup(h.Name); ok && !v.Implied() && h.Typeflag != tar.TypeLink && !c.again {
				checkMetadata(t, c.name, v, h)
			}
		}
	}
}

func checkMetadata(t *testing.T, name string, v tarfs.Version, h *tar.Header) {
	t.Helper()
	m := v.Meta()
	got := fmt.Sprintf("%04o %d:%d %d.%09d", m.Mode, m.UID, m.GID, m.MTime, m.MTimeNS)
	uid, gid := uint32(h.Uid), uint32(h.Gid)
	if uid == 1<<32-1 {
		uid = 0
	}
	if gid == 1<<32-1 {
		gid = 0
	}
	want := fmt.Sprintf("%04o %d:%d %d.%09d", h.Mode&0o7777, uid, gid, h.ModTime.Unix(), h.ModTime.Nanosecond())
	if got != want {
		t.Errorf("%s: %q: got %s, want %s", name, h.Name, got, want)
	}
	xattrs := map[string]string{}
	for _, x := range v.Xattrs() {
		xattrs[x.Name] = x.Value
	}
	for key, value := range h.PAXRecords {
		if attribute, ok := strings.CutPrefix(key, "SCHILY.xattr."); ok && xattrs[attribute] != value {
			t.Errorf("%s: %q: %s is %q, want %q", name, h.Name, attribute, xattrs[attribute], value)
		}
	}
	major, minor := v.Device()
	if v.Type() == tarfs.Char && (int64(major) != h.Devmajor&0xffffffff || int64(minor) != h.Devminor&0xffffffff) {
		t.Errorf("%s: %q: device %d:%d, want %d:%d", name, h.Name, major, minor, h.Devmajor, h.Devminor)
	}
}
