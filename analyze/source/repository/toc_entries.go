package repository

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"
	"time"

	"layup/analyze/show"
	"layup/analyze/source/decode"
	"layup/analyze/source/document"
	"layup/analyze/source/store"
)

// A tocEntry is an entry of a table of contents: the fields that eStargz and zstd:chunked have in common.
type tocEntry struct {
	Name     string            `json:"name"`
	Type     string            `json:"type"`
	Size     int64             `json:"size"`
	ModTime  string            `json:"modtime"`
	Link     string            `json:"linkName"`
	Mode     int64             `json:"mode"`
	UID      int               `json:"uid"`
	GID      int               `json:"gid"`
	DevMajor int64             `json:"devMajor"`
	DevMinor int64             `json:"devMinor"`
	Xattrs   map[string][]byte `json:"xattrs"`
}

// stargzIndex is the file that holds the table in an eStargz layer.
const stargzIndex = "stargz.index.json"

// tocMember returns the JSON in the tar that ends an eStargz layer.
func tocMember(r io.Reader) (io.Reader, error) {
	t := tar.NewReader(r)
	h, err := t.Next()
	if err != nil {
		return nil, err
	}
	if h.Name != stargzIndex || h.Typeflag != tar.TypeReg {
		return nil, fmt.Errorf("want the file %s, found %s", stargzIndex, show.Cut(h.Name))
	}
	return t, nil
}

// A tocReader turns the JSON of a table into the headers of the tar, entry by entry. Content has a size only.
type tocReader struct {
	r     io.Reader
	since int   // bytes read since the last entry
	most  int64 // that the files may have together
	total int64 // that they have so far
}

// maxEntry bounds the memory for one entry, in bytes of JSON. Names and attributes also have limits of their own.
const maxEntry = 8 << 20

// Read reads the JSON, but no entry without end.
func (t *tocReader) Read(p []byte) (int, error) {
	if t.since > maxEntry {
		return 0, fmt.Errorf("an entry has more than %d bytes", maxEntry)
	}
	n, err := t.r.Read(p)
	t.since += n
	return n, err
}

func (t *tocReader) segments(ctx context.Context) iter.Seq2[store.Segment, error] {
	return func(yield func(store.Segment, error) bool) {
		more := func(s store.Segment) bool { return ctx.Err() == nil && yield(s, nil) }
		if err := t.entries(more); err != nil {
			yield(store.Segment{}, err)
		} else if ctx.Err() != nil {
			yield(store.Segment{}, ctx.Err())
		}
	}
}

// entries reads {"version":1,"entries":[…]} entry by entry.
func (t *tocReader) entries(yield func(store.Segment) bool) error {
	dec := json.NewDecoder(t)
	if err := expect(dec, json.Delim('{')); err != nil {
		return err
	}
	seen := map[string]bool{} // known keys
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return err
		}
		name := strings.ToLower(fmt.Sprint(key)) // engines ignore case, and of two keys take either
		if seen[name] {
			return fmt.Errorf("duplicate key %q", name)
		}
		if name == "entries" || name == "version" {
			seen[name] = true
		}
		if name != "entries" {
			var other json.RawMessage
			if err := dec.Decode(&other); err != nil {
				return err
			}
			if name == "version" && string(other) != "1" {
				return fmt.Errorf("version %s is not supported, only 1", document.Written(other))
			}
			continue
		}
		if done, err := t.list(dec, yield); done || err != nil {
			return err
		}
	}
	if err := expect(dec, json.Delim('}')); err != nil {
		return err
	}
	yield(store.Segment{Size: 2 * decode.HeadSize})
	return nil
}

// list reads the entries, and reports whether yield ended it.
func (t *tocReader) list(dec *json.Decoder, yield func(store.Segment) bool) (bool, error) {
	if err := expect(dec, json.Delim('[')); err != nil {
		return false, err
	}
	for dec.More() {
		var e tocEntry
		if err := dec.Decode(&e); err != nil {
			return false, document.Typed(err)
		}
		t.since = 0
		head, err := e.header()
		if err != nil {
			return false, fmt.Errorf("entry %s: %w", show.Cut(e.Name), err)
		}
		if head == nil {
			continue
		}
		if err := t.count(e.body()); err != nil {
			return false, fmt.Errorf("entry %s: %w", show.Cut(e.Name), err)
		}
		if !yield(store.Segment{Bytes: head}) {
			return true, nil
		}
		blocks := (e.body() + decode.HeadSize - 1) / decode.HeadSize
		if blocks > 0 && !yield(store.Segment{Size: blocks * decode.HeadSize}) {
			return true, nil
		}
	}
	return false, expect(dec, json.Delim(']'))
}

// count adds the size of a file, which nothing proves, and checks it against the limit.
func (t *tocReader) count(size int64) error {
	if err := document.Over(document.LimitLayerBytes, size, t.most); err != nil {
		return err
	}
	if size > math.MaxInt64-decode.HeadSize-t.total {
		return errors.New("the sizes add up to more than can be counted")
	}
	t.total += size
	return document.Over(document.LimitLayerBytes, t.total, t.most)
}

func expect(dec *json.Decoder, want json.Delim) error {
	got, err := dec.Token()
	if err == nil && got != want {
		err = fmt.Errorf("want %q, found %v", want.String(), got)
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// tocTypes are the tar's types by their names; chunks are parts of the file before them.
var tocTypes = map[string]byte{
	"dir": tar.TypeDir, "reg": tar.TypeReg, "symlink": tar.TypeSymlink, "hardlink": tar.TypeLink,
	"char": tar.TypeChar, "block": tar.TypeBlock, "fifo": tar.TypeFifo,
}

// body is how many bytes of content follow the header.
func (e *tocEntry) body() int64 {
	if e.Type != "reg" {
		return 0
	}
	return e.Size
}

// header returns the entry's header in a tar; nil for a chunk.
func (e *tocEntry) header() ([]byte, error) {
	kind, ok := tocTypes[e.Type]
	switch {
	case e.Type == "chunk":
		return nil, nil
	case !ok:
		return nil, fmt.Errorf("unknown type %s", show.Cut(e.Type))
	case e.Size < 0:
		return nil, errors.New("negative size")
	}
	h := &tar.Header{Typeflag: kind, Name: e.Name, Linkname: e.Link, Mode: e.Mode & 0o7777, Uid: e.UID, Gid: e.GID,
		Size: e.body(), Devmajor: e.DevMajor, Devminor: e.DevMinor, Format: tar.FormatPAX}
	if e.ModTime != "" {
		t, err := time.Parse(time.RFC3339Nano, e.ModTime)
		if err != nil {
			return nil, fmt.Errorf("modtime: %s is not a time", show.Cut(e.ModTime))
		}
		h.ModTime = t
	}
	if h.Name == "" {
		h.Name = "./"
	}
	if kind == tar.TypeDir && !strings.HasSuffix(h.Name, "/") {
		h.Name += "/"
	}
	for name, value := range e.Xattrs {
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords["SCHILY.xattr."+name] = string(value)
	}
	var b bytes.Buffer
	if err := tar.NewWriter(&b).WriteHeader(h); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
