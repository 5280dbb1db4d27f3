package store

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"strings"

	"github.com/klauspost/compress/gzip"

	"layup/analyze/show"
	"layup/tarfs"
)

// maxRecord bounds a line of a tar-split file, in bytes. A PAX header can have 1 MiB or more, and is in base64.
const maxRecord = 16 << 20

// The records of a layer hold its headers, which compress well. If they have more than freeSplit bytes, they may be at
// most mostSplit times as long as the file.
const (
	freeSplit = 256 << 20
	mostSplit = 250
)

// A counter counts what was read.
type counter struct {
	src io.Reader
	n   int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.src.Read(b)
	c.n += int64(n)
	return n, err
}

// A record is one line of a tar-split file: either bytes of the tar, or the content of a file of the layer's directory.
// Source: vbatts/tar-split, tar/storage.
type record struct {
	Type    int    `json:"type"` // 1 file, 2 segment
	Name    string `json:"name"`
	NameRaw []byte `json:"name_raw"` // set if the name is not UTF-8
	Size    int64  `json:"size"`
	Payload []byte `json:"payload"`
}

const (
	recordFile    = 1
	recordSegment = 2
)

// TarSplit assembles the tar of a layer from the headers in a tar-split file and the contents in a directory. Its
// digest is the diffID unless somebody changed the files.
func TarSplit(files Files, split, dir string, layout Layout) *Tar {
	segments := func(ctx context.Context) iter.Seq2[Segment, error] {
		return func(yield func(Segment, error) bool) {
			if err := splitSegments(ctx, files, split, dir, yield); err != nil {
				yield(Segment{}, err)
			}
		}
	}
	return &Tar{Files: files, layout: layout, Dialect: tarfs.Whiteouts, Segments: segments}
}

func splitSegments(ctx context.Context, files Files, split, dir string, yield func(Segment, error) bool) error {
	file, err := files.Open(split)
	if err != nil {
		return err
	}
	defer file.Close() // opened for reading: nothing is lost
	stored := &counter{src: file}
	unzipped, err := gzip.NewReader(bufio.NewReaderSize(stored, 64<<10))
	if err != nil {
		return fmt.Errorf("%s: %w", show.Path(split), err)
	}
	plain := &counter{src: unzipped}
	lines := bufio.NewReaderSize(plain, 64<<10)
	for number := 1; ; number++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		line, err := readLine(lines)
		if err == io.EOF {
			return nil
		}
		var r record
		if err == nil {
			err = parseRecord(line, &r)
		}
		if plain.n > freeSplit && plain.n/mostSplit > stored.n {
			err = fmt.Errorf("unpacks to more than %d bytes and to %d times its size", freeSplit, mostSplit)
		}
		if err != nil {
			return fmt.Errorf("%s: line %d: %w", show.Path(split), number, err)
		}
		if s, ok := r.segment(dir); ok && !yield(s, nil) {
			return nil
		}
	}
}

// readLine returns a line without its newline, and io.EOF after the last.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		if line == nil && err == nil {
			return part[:len(part)-1], nil
		}
		if line = append(line, part...); len(line) > maxRecord {
			return nil, fmt.Errorf("is longer than %d bytes", maxRecord)
		}
		switch {
		case err == nil:
			return line[:len(line)-1], nil
		case err == io.EOF && len(line) > 0:
			return line, nil
		case err != bufio.ErrBufferFull:
			return nil, err
		}
	}
}

// segmentStart begins nearly every line that holds bytes. Parsing such lines by hand takes a tenth of the time.
var segmentStart = []byte(`{"type":2,"payload":"`)

func parseRecord(line []byte, r *record) error {
	if rest, ok := bytes.CutPrefix(line, segmentStart); ok {
		if end := bytes.IndexByte(rest, '"'); end >= 0 && bytes.IndexByte(rest[:end], '\\') < 0 {
			r.Type, r.Payload = recordSegment, make([]byte, base64.StdEncoding.DecodedLen(end))
			n, err := base64.StdEncoding.Decode(r.Payload, rest[:end])
			r.Payload = r.Payload[:n]
			return err
		}
	}
	if err := json.Unmarshal(line, r); err != nil {
		return errors.New("is not a tar-split record")
	}
	switch {
	case r.Type != recordFile && r.Type != recordSegment:
		return fmt.Errorf("unknown type %d", r.Type)
	case r.Size < 0:
		return fmt.Errorf("size %d is negative", r.Size)
	}
	return nil
}

// segment returns the segment of a record, false if it is empty.
func (r *record) segment(dir string) (Segment, bool) {
	if r.Type == recordSegment {
		return Segment{Bytes: r.Payload}, len(r.Payload) > 0
	}
	name := r.Name
	if len(r.NameRaw) > 0 {
		name = string(r.NameRaw)
	}
	name = path.Clean("/" + strings.TrimLeft(name, "/"))
	return Segment{File: path.Join(dir, name[1:]), Size: r.Size, Sum: r.Payload}, r.Size > 0
}
