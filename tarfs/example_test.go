package tarfs_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"fmt"
	"io/fs"

	"layup/tarfs"
)

// layer makes the tar of a layer from names; one that ends in a slash is a directory.
func layer(names ...string) *bufio.Reader {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, name := range names {
		h := &tar.Header{Name: name, Mode: 0o644}
		if name[len(name)-1] == '/' {
			h.Mode = 0o755
		}
		if err := w.WriteHeader(h); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return bufio.NewReader(&b)
}

// Who owns a path, and what is hidden?
func Example() {
	var layers []*tarfs.Layer
	for _, r := range []*bufio.Reader{
		layer("etc/", "etc/MYFILE", "etc/passwd"),
		layer("etc/", "etc/MYFILE"),
		layer("etc/", "etc/.wh.passwd"),
	} {
		table, err := tarfs.Scan(r, tarfs.ScanOptions{Limits: tarfs.DefaultLimits()})
		if err != nil {
			fmt.Println(err)
			return
		}
		layers = append(layers, table)
	}
	tree, _ := tarfs.Merge(layers, tarfs.Runtime)
	if v, ok := tree.Top().Lookup("/etc/MYFILE"); ok {
		fmt.Println(v.Node().Path(), "is owned by layer", v.Layer())
	}
	for v := range tree.Versions() {
		if by, how := v.HiddenBy(); how != tarfs.NotHidden {
			fmt.Printf("%s of layer %d was hidden by layer %d: %v\n", v.Node().Path(), v.Layer(), by, how)
		}
	}
	// Output:
	// /etc/MYFILE is owned by layer 1
	// /etc/MYFILE of layer 0 was hidden by layer 1: replaced
	// /etc/passwd of layer 0 was hidden by layer 2: whiteout
}

// A snapshot is an io/fs file system, so everything that takes an fs.FS can work on it.
func ExampleSnapshot_FS() {
	table, err := tarfs.Scan(layer("etc/", "etc/hosts", "etc/passwd"), tarfs.ScanOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	tree, _ := tarfs.Merge([]*tarfs.Layer{table}, tarfs.Runtime)
	names, err := fs.Glob(tree.Top().FS(nil), "etc/*")
	fmt.Println(names, err)
	// Output: [etc/hosts etc/passwd] <nil>
}
