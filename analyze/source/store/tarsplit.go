package store

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"layup/analyze/show"
	"layup/analyze/source/decode"
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
	t := &Tar{Files: files, layout: layout, Dialect: tarfs.Whiteouts}
	t.pull = func(ctx context.Context) (func() (Segment, error, bool), func()) {
		s := layout.spare().split()
		s.ctx, s.files, s.name, s.dir = ctx, files, split, dir
		return s.next, s.close
	}
	return t
}

// A splitReader reads the segments of a tar-split file.
type splitReader struct {
	ctx       context.Context
	files     Files
	name, dir string
	spare     *Spare

	file          io.Closer // nil before the first segment
	stored, plain counter
	input, lines  *bufio.Reader // kept with unzip for the next file
	unzip         decode.Resetter
	record        record // no segment outlives the next one
	number        int    // of the line
}

// open opens the file.
func (s *splitReader) open() error {
	file, err := s.files.Open(s.name)
	if err != nil {
		return err
	}
	s.file, s.stored, s.number = file, counter{src: file}, 0
	if s.unzip == nil {
		const size = 64 << 10
		s.input, s.lines = bufio.NewReaderSize(nil, size), bufio.NewReaderSize(nil, size)
		s.unzip = decode.NewGzip(s.input)
	}
	s.input.Reset(&s.stored)
	s.unzip.Reset(s.input)
	s.plain = counter{src: s.unzip}
	s.lines.Reset(&s.plain)
	return nil
}

// next returns the next segment that is not empty; false after the last.
func (s *splitReader) next() (Segment, error, bool) {
	if s.file == nil {
		if err := s.open(); err != nil {
			return Segment{}, err, true
		}
	}
	for {
		if err := s.ctx.Err(); err != nil {
			return Segment{}, err, true
		}
		line, err := readLine(s.lines)
		if err == io.EOF {
			return Segment{}, nil, false
		}
		s.number++
		s.record = record{Payload: s.record.Payload[:0]}
		if err == nil {
			err = parseRecord(line, &s.record)
		}
		if s.plain.n > freeSplit && s.plain.n/mostSplit > s.stored.n {
			err = fmt.Errorf("unpacks to more than %d bytes and to %d times its size", freeSplit, mostSplit)
		}
		if err != nil {
			return Segment{}, fmt.Errorf("%s: line %d: %w", show.Path(s.name), s.number, err), true
		}
		if found, ok := s.record.segment(s.dir); ok {
			return found, nil, true
		}
	}
}

// close ends the reading. Closing loses nothing: the file was opened for reading.
func (s *splitReader) close() {
	if s.file != nil {
		_ = s.file.Close()
		s.file, s.files, s.ctx = nil, nil, nil
		s.spare.splits.Put(s)
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

// These begin nearly every line of either type. Parsing such lines by hand takes a tenth of the time.
var (
	segmentStart = []byte(`{"type":2,"payload":"`)
	fileStart    = []byte(`{"type":1,"name":"`)
)

func parseRecord(line []byte, r *record) error {
	if rest, ok := bytes.CutPrefix(line, segmentStart); ok {
		if text, _, ok := plainText(rest); ok {
			r.Type = recordSegment
			return r.decode(text)
		}
	}
	if rest, ok := bytes.CutPrefix(line, fileStart); ok {
		if done, err := r.parseFile(rest); done {
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

// parseFile parses what follows fileStart, or reports that the line is not of the usual form.
func (r *record) parseFile(line []byte) (done bool, err error) {
	name, rest, ok := plainText(line)
	if !ok || slices.ContainsFunc(name, func(c byte) bool { return c < ' ' || c >= utf8.RuneSelf }) {
		return false, nil
	}
	size := int64(0)
	if digits, found := bytes.CutPrefix(rest, []byte(`,"size":`)); found {
		end := bytes.IndexByte(digits, ',')
		if end < 0 {
			return false, nil
		}
		if size, err = strconv.ParseInt(string(digits[:end]), 10, 64); err != nil || size < 0 {
			return false, nil
		}
		rest = digits[end:]
	}
	rest, ok = bytes.CutPrefix(rest, []byte(`,"payload":"`))
	sum, rest, whole := plainText(rest)
	rest, placed := bytes.CutPrefix(rest, []byte(`,"position":`))
	if !ok || !whole || !placed || len(bytes.TrimLeft(rest, "0123456789")) != 1 || rest[len(rest)-1] != '}' {
		return false, nil
	}
	r.Type, r.Size = recordFile, size
	if size == 0 {
		return true, nil // it is in no segment
	}
	r.Name = string(name)
	return true, r.decode(sum)
}

// plainText returns the text before a quote, without escapes, and what follows the quote.
func plainText(line []byte) (text, rest []byte, ok bool) {
	text, rest, ok = bytes.Cut(line, []byte{'"'})
	return text, rest, ok && bytes.IndexByte(text, '\\') < 0
}

// zeros are six bytes of zeros in base64: most of a header.
const zeros = 0x4141414141414141

// decode sets the payload from its base64. It writes zeros without decoding them, which saves half the time.
func (r *record) decode(text []byte) error {
	r.Payload = slices.Grow(r.Payload[:0], base64.StdEncoding.DecodedLen(len(text)))
	out := r.Payload[:cap(r.Payload)]
	n := 0
	for len(text) > 0 {
		run, other := stretch(text)
		clear(out[n : n+run/4*3])
		n += run / 4 * 3
		k, err := base64.StdEncoding.Decode(out[n:], text[run:run+other])
		n, text = n+k, text[run+other:]
		if err == nil && len(text) > 0 && k != other/4*3 {
			err = errors.New("data after the end of base64")
		}
		if err != nil {
			return err
		}
	}
	r.Payload = out[:n]
	return nil
}

// stretch returns how many characters at the beginning of base64 are zeros, and how many after them are not.
func stretch(text []byte) (run, other int) {
	at := func(i int) uint64 { return binary.LittleEndian.Uint64(text[i:]) }
	for len(text)-run >= 8 && at(run) == zeros {
		run += 8
	}
	end := run
	for len(text)-end >= 8 && at(end) != zeros {
		end += 8
	}
	if len(text)-end < 8 {
		end = len(text)
	}
	return run, end - run
}

// segment returns the segment of a record, false if it is empty.
func (r *record) segment(dir string) (Segment, bool) {
	if r.Type == recordSegment {
		return Segment{Bytes: r.Payload}, len(r.Payload) > 0
	}
	if r.Size == 0 {
		return Segment{}, false
	}
	name := r.Name
	if len(r.NameRaw) > 0 {
		name = string(r.NameRaw)
	}
	name = path.Clean("/" + strings.TrimLeft(name, "/"))
	return Segment{File: path.Join(dir, name[1:]), Size: r.Size, Sum: r.Payload}, true
}
