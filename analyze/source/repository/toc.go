package repository

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"

	"layup/analyze/digest"
	"layup/analyze/source"
	"layup/analyze/source/decode"
	"layup/analyze/source/registry"
	"layup/analyze/source/store"
	"layup/tarfs"
)

// The annotations by which a manifest names the digest of a layer's table of contents: eStargz (stargz-snapshotter,
// docs/estargz.md) over the JSON, zstd:chunked (containers/storage) over the compressed JSON.
const (
	stargzDigest = "containerd.io/snapshot/stargz/toc.digest"
	chunkedSum   = ".zstd-chunked.manifest-checksum"
	chunkedPlace = ".zstd-chunked.manifest-position"
)

// chunkedOwners are what the annotations of zstd:chunked begin with.
var chunkedOwners = []string{"io.github.containers", "io.containers"}

// The bounds of a table of contents: bytes as stored, and of the JSON.
const (
	maxTOC     = 64 << 20
	maxTOCJSON = 1 << 30
)

// A toc is the table of contents that the builder of a lazy layer stored in it. It stands in for the layer's blob.
type toc struct {
	*source.Blob // which is fetched if its registry serves no parts
	blob         *farBlob
	digest       string // that the manifest names
	compressed   bool   // the digest is over the compressed JSON
	from, to     int64  // where the table lies; if both are 0, the layer's footer says it
}

// withTOC returns the table of contents that the layer's descriptor names, or else the blob.
func withTOC(b *source.Blob) source.Content {
	far, ok := b.Bytes.(*farBlob)
	if !ok {
		return b
	}
	notes := far.descriptor.Annotations
	sha256 := func(d string) bool { return digest.Algorithm(d) == digest.SHA256 && digest.Valid(d) }
	if d := notes[stargzDigest]; sha256(d) {
		return &toc{Blob: b, blob: far, digest: d}
	}
	for _, owner := range chunkedOwners {
		d := notes[owner+chunkedSum]
		from, to, ok := place(notes[owner+chunkedPlace], far.Size())
		if ok && sha256(d) {
			return &toc{Blob: b, blob: far, digest: d, compressed: true, from: from, to: to}
		}
	}
	return b
}

// Window is not known: a table needs little.
func (*toc) Window(*source.Layer) int64 { return 0 }

// Same tells tables of contents apart.
func (t *toc) Same() string { return t.digest }

// place reads OFFSET:LENGTH:UNPACKED:TYPE, of which type 1 is a table of contents in JSON.
func place(text string, size int64) (from, to int64, ok bool) {
	part := strings.Split(text, ":")
	if len(part) != 4 || part[3] != "1" {
		return 0, 0, false
	}
	from, err := strconv.ParseInt(part[0], 10, 64)
	length, err2 := strconv.ParseInt(part[1], 10, 64)
	if err != nil || err2 != nil || from < 0 || length <= 0 || length > maxTOC || from > size-length {
		return 0, 0, false
	}
	return from, from + length, true
}

// Scan makes a layer's table of its table of contents. If the registry serves no parts, the layer is fetched whole.
func (t *toc) Scan(ctx context.Context, l *source.Layer, opt source.ScanOptions) (source.Scanned, error) {
	found, err := t.scan(ctx, l, opt)
	if errors.Is(err, registry.ErrNoRange) {
		return t.Blob.Scan(ctx, l, opt)
	}
	return found, err
}

func (t *toc) scan(ctx context.Context, l *source.Layer, opt source.ScanOptions) (source.Scanned, error) {
	out := source.Scanned{Table: new(tarfs.Layer), Digest: l.Digest, DiffID: l.DiffID, Unpacked: -1, TOC: true,
		Compression: decode.Gzip}
	stored, fetched, err := t.fetch(ctx)
	out.Fetched = fetched
	if opt.Progress != nil {
		opt.Progress(fetched)
	}
	if err != nil {
		return out, err
	}
	if t.compressed {
		out.Compression = decode.Zstd
		l.Reserve(&opt)
	}
	doc, sum, err := t.decompress(stored)
	if err != nil {
		return out, fmt.Errorf("table of contents: %w", err)
	}
	defer doc.Close()
	listing := &tocReader{r: io.TeeReader(io.LimitReader(doc, maxTOCJSON), sum), most: l.Limits.LayerBytes}
	r := (&store.Tar{Segments: listing.segments}).Open(ctx)
	table, err := tarfs.Scan(r, tarfs.ScanOptions{Limits: l.Limits.Limits})
	if table != nil {
		out.Table = table
	}
	_, rest := io.Copy(io.Discard, listing.r)
	return out, t.verdict(sum, errors.Join(err, r.Close()), rest)
}

// verdict reports a wrong digest before errors of the content: it explains them.
func (t *toc) verdict(sum hash.Hash, err, rest error) error {
	err = cmp.Or(err, rest)
	if !t.compressed && rest == nil {
		err = cmp.Or(digest.Compare(t.digest, digest.Sum(digest.SHA256, sum)), err)
	}
	if err != nil {
		return fmt.Errorf("table of contents: %w", err)
	}
	return nil
}

// tailPart is how many bytes at the end of an eStargz layer are asked for first: the footer, and often the whole table.
const tailPart = 32 << 10

// stargzFooter is the length of the footer: an empty gzip member whose extra field says where the table begins.
const stargzFooter = 51

// fetch returns the compressed table, and how many bytes came over the network.
func (t *toc) fetch(ctx context.Context) ([]byte, int64, error) {
	r, d := t.blob.repository, registry.Descriptor{Digest: t.blob.descriptor.Digest, Size: t.blob.Size()}
	if t.compressed {
		part, err := r.client.Part(ctx, r.ref, d, t.from, t.to)
		if err != nil {
			return nil, 0, fromRegistry(err)
		}
		if err := digest.Match(part, t.digest); err != nil {
			return nil, int64(len(part)), fmt.Errorf("table of contents: %w", err)
		}
		return part, int64(len(part)), nil
	}
	start := max(0, d.Size-tailPart)
	tail, err := r.client.Part(ctx, r.ref, d, start, d.Size)
	if err != nil {
		return nil, 0, fromRegistry(err)
	}
	fetched := int64(len(tail))
	from, err := footer(tail)
	if err == nil && (from > d.Size-stargzFooter || d.Size-from > maxTOC) {
		err = fmt.Errorf("its footer says that it begins at offset %d of %d", from, d.Size)
	}
	if err != nil {
		return nil, fetched, fmt.Errorf("table of contents: %w", err)
	}
	if from >= start {
		return tail[from-start : len(tail)-stargzFooter], fetched, nil
	}
	head, err := r.client.Part(ctx, r.ref, d, from, start)
	if err != nil {
		return nil, fetched, fromRegistry(err)
	}
	whole := append(head, tail...)
	return whole[:len(whole)-stargzFooter], fetched + int64(len(head)), nil
}

// footer reads where the table begins.
func footer(tail []byte) (int64, error) {
	const mark = "STARGZ"
	if len(tail) >= stargzFooter {
		f := tail[len(tail)-stargzFooter:]
		// 10 bytes of gzip header, the length of the extra field, SG, the length of what it holds, 16 hexadecimal digits, the
		// mark
		if bytes.HasPrefix(f, decode.GzipMagic) && string(f[12:14]) == "SG" &&
			binary.LittleEndian.Uint16(f[14:16]) == 22 && string(f[32:38]) == mark {
			if at, err := strconv.ParseInt(string(f[16:32]), 16, 64); err == nil && at >= 0 {
				return at, nil
			}
		}
	}
	return 0, errors.New("the layer has no footer of eStargz, though its manifest says so")
}

// decompress opens the JSON of a table. It also returns the hash for that JSON.
func (t *toc) decompress(stored []byte) (io.ReadCloser, hash.Hash, error) {
	sum := sha256.New()
	if t.compressed {
		dec, err := zstd.NewReader(bytes.NewReader(stored), zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(128<<20), zstd.WithDecoderMaxMemory(1<<63))
		if err != nil {
			return nil, nil, err
		}
		return dec.IOReadCloser(), sum, nil
	}
	gz, err := gzip.NewReader(bytes.NewReader(stored))
	if err != nil {
		return nil, nil, err
	}
	gz.Multistream(false)
	doc, err := tocMember(gz)
	if err != nil {
		return nil, nil, err
	}
	return io.NopCloser(doc), sum, nil
}
