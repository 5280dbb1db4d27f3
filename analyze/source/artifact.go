package source

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"

	"layup/analyze/source/decode"
	"layup/analyze/source/document"
)

// files returns the layers of an artifact. A layer is a tar, or a file that its title names.
func (g *Graph) files(m *document.Manifest) []*Layer {
	var list []*Layer
	for i, ref := range m.Layers {
		l := g.Opt.NewLayer(i)
		l.Artifact, l.Title = true, ref.Title()
		l.Err = g.fill(l, ref)
		if l.Err == nil {
			l.Err = l.Content.(*Blob).asFile(ref.Descriptor, l.Limits)
		}
		list = append(list, l)
	}
	return list
}

// asFile makes a blob the content of a file, unless it is a tar that stands for its files.
func (b *Blob) asFile(d document.Descriptor, limits *document.Limits) error {
	b.Hint = "" // the type of an artifact does not name a compression
	if !d.IsFile() {
		tree, err := b.isTree(limits)
		if tree || err != nil {
			return err
		}
	}
	byDigest := strings.Replace(d.Digest, ":", "-", 1)
	var err error
	if b.File, err = fileHeader(d.Title(), b.Bytes.Size()); err != nil {
		b.File, err = fileHeader(byDigest, b.Bytes.Size())
	}
	return err
}

var errNoName = errors.New("no name for a file")

// fileHeader returns the header that makes a file in a tar of what follows it. An error says that the file cannot have
// that name.
func fileHeader(name string, size int64) ([]byte, error) {
	name = strings.TrimRight(name, "/") // else it names a directory
	if strings.Trim(name, "./") == "" {
		return nil, errNoName
	}
	var b bytes.Buffer
	err := tar.NewWriter(&b).WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: size})
	return b.Bytes(), err
}

// isTree reports whether a blob is a tar with at least one entry, perhaps compressed. A damaged one may not be.
func (b *Blob) isTree(limits *document.Limits) (bool, error) {
	r, err := b.open(context.Background()) // of a registry, one short request
	if err != nil {
		return false, err
	}
	defer r.Close() // only the beginning was read
	in := bufio.NewReaderSize(r, blobBuffer)
	head, err := in.Peek(decode.HeadSize)
	if err != nil && err != io.EOF {
		return false, err
	}
	if compression := decode.Sniff(head, b.Bytes.Size()); compression != decode.None && compression != "" {
		d, err := decode.New(in, compression, limits.Window)
		if err != nil {
			return false, nil
		}
		head = make([]byte, decode.HeadSize)
		n, _ := io.ReadFull(d, head)
		head = head[:n]
		d.Close()
	}
	return len(head) == decode.HeadSize && !decode.IsZero(head) && decode.Sniff(head, -1) == decode.None, nil
}

// tail returns what follows the blob in the tar that is made of it: the end of its last block, and the end mark.
func (b *Blob) tail() []byte {
	size := b.Bytes.Size()
	return make([]byte, -size&(decode.HeadSize-1)+2*decode.HeadSize)
}

// asTar returns the tar that is made of the blob, read from the beginning.
func (b *Blob) asTar(stored io.Reader) io.Reader {
	return io.MultiReader(bytes.NewReader(b.File), stored, bytes.NewReader(b.tail()))
}

// tarFrom returns the tar that is made of the blob from an offset on.
func (b *Blob) tarFrom(stored *blobReader, section io.Seeker, offset int64) (io.Reader, error) {
	head, tail := int64(len(b.File)), b.tail()
	at := min(max(0, offset-head), stored.size)
	var err error
	if stored.read, err = section.Seek(at, io.SeekStart); err != nil {
		return nil, err
	}
	after := min(max(0, offset-head-stored.size), int64(len(tail)))
	return io.MultiReader(bytes.NewReader(b.File[min(offset, head):]), stored, bytes.NewReader(tail[after:])), nil
}
