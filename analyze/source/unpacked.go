package source

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	"layup/analyze/source/store"
	"layup/tarfs"
)

// An unpacked is the directory in which an engine unpacked a layer whose blob it kept: the blob says what the image is, the directory what its
// containers see.
type unpacked struct {
	files  store.Files
	dir    string
	differ differ
}

// unpackedIn notes where the layer is unpacked.
func (l *Layer) unpackedIn(s store.Layer) {
	if l.tar == nil && l.err == nil && s.Differences != nil {
		l.unpacked = &unpacked{s.Files, s.Directory, s.Differences}
	}
}

// Unpacked reports whether the layer is a blob that an engine unpacked.
func (l *Layer) Unpacked() bool { return l.unpacked != nil }

// Strayed lists what is not in the directory of the engine as the layer's blob has it, but for content, which is not read.
func (l *Layer) Strayed(ctx context.Context, table *tarfs.Layer) ([]tarfs.Warning, error) {
	if l.unpacked == nil || !l.verify {
		return nil, nil
	}
	found, err := l.unpacked.differ(ctx, table)
	var list []tarfs.Warning
	for _, d := range found {
		if !d.Time {
			list = append(list, tarfs.Warning{Code: StoreDiffers, Layer: l.Index, Path: d.Path})
		}
	}
	return list, privileged(err)
}

// strayedContents reads the layer once more and compares the content of each file with that in the directory.
func (l *Layer) strayedContents(ctx context.Context) ([]store.Difference, error) {
	tar, err := l.Tar(ctx, 0)
	if err != nil {
		return nil, err
	}
	c := &contentCompare{unpacked: l.unpacked}
	opt := tarfs.ScanOptions{Limits: l.limits.Limits, Keep: func(name []byte, size int64) io.Writer { return c.next(string(name), size) }}
	_, err = tarfs.Scan(bufio.NewReaderSize(tar, tarBuffer), opt)
	return c.found, errors.Join(err, c.end(), tar.Close())
}

// A contentCompare is written the content of one file after the other.
type contentCompare struct {
	*unpacked
	found  []store.Difference
	name   string
	body   io.ReadCloser // of the file at hand; nil between files
	left   int64
	buffer []byte
	other  bool
}

// next begins a file. What is not there, or is no file, is found by who compares the names.
func (c *contentCompare) next(name string, size int64) io.Writer {
	_ = c.end() // closing what was read loses nothing
	c.name = path.Clean("/" + name)
	full := path.Join(c.dir, c.name)
	if info, err := c.files.Stat(full); size == 0 || err != nil || info.Type != tarfs.File || info.Size != size {
		return nil
	}
	body, err := c.files.Open(full)
	if err != nil {
		return nil
	}
	c.body, c.left, c.other = body, size, false
	return c
}

func (c *contentCompare) Write(b []byte) (int, error) {
	if len(c.buffer) < len(b) {
		c.buffer = make([]byte, len(b))
	}
	n, err := io.ReadFull(c.body, c.buffer[:len(b)])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return 0, fmt.Errorf("%q: %w", c.name, err)
	}
	c.other = c.other || n < len(b) || !bytes.Equal(c.buffer[:n], b)
	if c.left -= int64(len(b)); c.left == 0 && c.other {
		c.found = append(c.found, store.Difference{Code: store.ContentChanged, Path: c.name, What: "another content than in the layer's blob"})
	}
	return len(b), nil
}

func (c *contentCompare) end() error {
	if c.body == nil {
		return nil
	}
	body := c.body
	c.body = nil
	return body.Close()
}
