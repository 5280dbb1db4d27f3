package source

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

	"layup/analyze/cache"
	"layup/analyze/source/decode"
	"layup/analyze/source/disk"
	"layup/analyze/source/document"
	"layup/tarfs"
)

// The kinds of objects in a cache.
const (
	kindSeal   = "seal"   // of bytes in a file: they are those that were verified
	kindTable  = "table"  // what a pass over a layer found
	kindPoints = "points" // checkpoints of a layer's gzip stream
)

// A Ranged stream also gives a part of its bytes.
type Ranged interface {
	Streamed
	// From begins to fetch the bytes at an offset. It fetches little more than is read.
	From(ctx context.Context, offset int64) (io.ReadCloser, error)
}

// settled is how long the file must have been unchanged before it is verified: a change within one tick of the file
// system's clock has the same time.
const settled = 2 * time.Second

// A known is what the cache may know of the bytes of a blob.
type known struct {
	cache *cache.Cache
	layer string        // key of all that tells what a pass finds, except its options
	seal  string        // key of the seal; empty if the layer's digest names the bytes
	at    any           // the file in which they lie
	file  disk.Identity // of that file
	begun time.Time
}

// known returns nil if nothing about the blob is remembered: of an engine's store, of a pipe.
func (b *Blob) known(l *Layer) *known {
	if l.Cache == nil || l.Kept != nil || b.File != nil || b.Outer != "" {
		return nil
	}
	k := &known{cache: l.Cache, layer: b.named(l), begun: time.Now()}
	if _, far := b.Bytes.(Ranged); far {
		if l.Digest == "" {
			return nil
		}
		return k
	}
	return k.inFile(b.Bytes)
}

// named is all that tells what a pass over a verified blob finds, except its options.
func (b *Blob) named(l *Layer) string {
	limits := l.Limits.Limits
	limits.Held = nil
	return cache.Of(l.Digest, l.DiffID, l.MediaType, l.Size, l.Artifact, b.Hint, b.Bytes.Size(), limits,
		l.Limits.LayerBytes, l.Limits.Ratio, l.Limits.RatioFloor, l.Limits.Window)
}

// inFile adds where the bytes lie; nil if that is not a file, or if they are few.
func (k *known) inFile(bytes Bytes) *known {
	section, ok := bytes.(*io.SectionReader)
	if !ok || section.Size() < k.cache.Least {
		return nil
	}
	file, offset, size := outermost(section)
	if k.file, ok = disk.IdentityOf(file); !ok {
		return nil
	}
	k.at = file
	ends := sha256.New()
	for _, at := range []int64{0, max(0, size-edge)} {
		if _, err := io.Copy(ends, io.NewSectionReader(section, at, min(edge, size))); err != nil {
			return nil
		}
	}
	k.seal = cache.Of(k.file.Text, offset, size, k.layer, fmt.Sprintf("%x", ends.Sum(nil)))
	return k
}

// mostEntries is how many entries a layer may have to be remembered: its table is in memory once more meanwhile.
const mostEntries = 1 << 20

// outermost returns in what a section of sections lies, and where.
func outermost(section *io.SectionReader) (file io.ReaderAt, offset, size int64) {
	file, offset, size = section.Outer()
	for {
		outer, ok := file.(*io.SectionReader)
		if !ok {
			return file, offset, size
		}
		var more int64
		file, more, _ = outer.Outer()
		offset += more
	}
}

// edge is how many bytes at each end of a layer are compared.
const edge = 4096

// key is that of an object of the layer. If nothing names the blob, the seal does: blobs with one diffID may differ.
func (k *known) key(l *Layer, more ...any) string {
	if l.Digest == "" {
		more = append(more, k.seal)
	}
	return cache.Of(append(more, k.layer)...)
}

// A variant is what a pass was asked for besides the table.
type variant struct{ Digests, Dense, Marks bool }

func (o *ScanOptions) variant() variant {
	return variant{o.Digests, o.Dense && o.Digests, o.Mark != nil}
}

// served lists the variants that hold all of another, itself first.
func (v variant) served() (list []variant) {
	for _, marks := range []bool{v.Marks, true} {
		for _, digests := range []variant{{v.Digests, v.Dense, marks}, {true, true, marks}, {true, false, marks}} {
			if !v.Digests || digests.Digests == v.Digests && digests.Dense == v.Dense {
				list = append(list, digests)
			}
		}
	}
	return list
}

// A finding is what is stored of a pass, before the table.
type finding struct {
	Digest, DiffID, Compression, FoundDigest, FoundDiffID string
	Unpacked                                              int64
	Warnings                                              []tarfs.Warning
	Points                                                bool // checkpoints are stored
}

// recall returns what an earlier pass over the same bytes found, if it was asked for as much.
func (b *Blob) recall(k *known, l *Layer, opt *ScanOptions) (Scanned, bool) {
	if k == nil || opt.Copy != nil {
		return Scanned{}, false
	}
	if k.seal != "" {
		if _, ok := k.cache.Get(kindSeal, k.seal); !ok {
			return Scanned{}, false
		}
	}
	_, far := b.Bytes.(Ranged)
	asked := opt.variant()
	asked.Digests = asked.Digests || opt.Tags != nil // they do as well as tags
	asked.Dense = asked.Digests && opt.Dense
	for _, v := range asked.served() {
		if far && !v.Digests { // a part of it could not be proven
			continue
		}
		data, ok := k.cache.Get(kindTable, k.key(l, v))
		if !ok {
			continue
		}
		found, points, err := parseFinding(data, l)
		if err != nil {
			continue
		}
		found.Known, found.Proof, found.Named = true, found.Table, k.layer
		found.Table = found.Table.Without(!asked.Digests, !asked.Marks)
		if points {
			b.points = sync.OnceValue(func() *decode.Checkpoints { return k.points(l) })
		}
		b.recalled, b.plain = true, found.Compression == decode.None
		if k.seal != "" {
			b.Check = k.same(b.Check)
		}
		return found, true
	}
	return Scanned{}, false
}

// same returns a check that the file is still what it was when it was verified, besides another check, if there is one.
func (k *known) same(check func() error) func() error {
	return func() error {
		if check != nil {
			if err := check(); err != nil {
				return err
			}
		}
		if now, ok := disk.IdentityOf(k.at); !ok || now != k.file {
			return disk.ErrChanged
		}
		return nil
	}
}

func (k *known) points(l *Layer) *decode.Checkpoints {
	data, ok := k.cache.Get(kindPoints, k.key(l))
	if !ok {
		return nil
	}
	points, err := decode.ParseCheckpoints(data)
	if err != nil {
		return nil
	}
	return points
}

// ask asks a pass for the digests of a layer that is fetched: they prove its parts later.
func (k *known) ask(opt *ScanOptions) {
	if k != nil && k.seal == "" && opt.Tags == nil && !opt.Digests {
		opt.Digests, opt.Dense = true, true
	}
}

// remember stores what a pass found that verified the whole layer, if it was asked for all that is of use later.
func (k *known) remember(l *Layer, opt *ScanOptions, found *Scanned, points *cache.Writer) {
	if k == nil || found.FoundDigest == "" && found.FoundDiffID == "" || !k.unchanged() ||
		found.Table.Len() > mostEntries {
		return
	}
	if !plainText(found.Warnings) {
		return
	}
	about := "layer " + cmp.Or(l.Digest, l.DiffID, found.DiffID)
	head, err := json.Marshal(finding{found.Digest, found.DiffID, found.Compression, found.FoundDigest, found.FoundDiffID,
		found.Unpacked, found.Warnings, points != nil && points.Commit(about)})
	if err != nil {
		return
	}
	k.cache.Write(kindTable, k.key(l, opt.variant()), about, func(w io.Writer) error {
		_, err := w.Write(append(binary.AppendUvarint(nil, uint64(len(head))), head...))
		return cmp.Or(err, found.Table.Without(!opt.Digests, false).WriteBinary(w))
	})
	if k.seal != "" {
		k.cache.Put(kindSeal, k.seal, about, nil)
	}
}

// plainText reports whether JSON holds warnings exactly.
func plainText(list []tarfs.Warning) bool {
	return !slices.ContainsFunc(list, func(w tarfs.Warning) bool { return !utf8.ValidString(w.Path + w.Note) })
}

// unchanged reports whether the file is as it had been for a while when the pass began.
func (k *known) unchanged() bool {
	if k.seal == "" {
		return true
	}
	now, ok := disk.IdentityOf(k.at)
	return ok && now == k.file && now.Changed.Before(k.begun.Add(-settled))
}

func parseFinding(data []byte, l *Layer) (found Scanned, points bool, err error) {
	n, size := binary.Uvarint(data)
	if size <= 0 || n > uint64(len(data)-size) {
		return found, false, io.ErrUnexpectedEOF
	}
	var f finding
	if err := json.Unmarshal(data[size:size+int(n)], &f); err != nil {
		return found, false, err
	}
	table, err := tarfs.ParseLayer(data[size+int(n):], l.Limits.Limits)
	return Scanned{Table: table, Digest: f.Digest, DiffID: f.DiffID, Compression: f.Compression, Unpacked: f.Unpacked,
		Warnings: f.Warnings, FoundDigest: f.FoundDigest, FoundDiffID: f.FoundDiffID}, f.Points, err
}

// Seekable reports whether Tar can begin near any offset, because the cache knows the layer: it costs a few MiB.
func (b *Blob) Seekable() bool {
	return b.recalled && (b.plain || b.points != nil && b.points() != nil)
}

// before returns the last checkpoint before an offset of the tar, if the cache has checkpoints.
func (b *Blob) before(offset int64) (decode.Checkpoint, bool) {
	if b.points == nil || offset == 0 {
		return decode.Checkpoint{}, false
	}
	points := b.points()
	if points == nil {
		return decode.Checkpoint{}, false
	}
	return points.Before(offset)
}

// resume lets a tar begin at an offset, after the checkpoint before it. The source begins with the checkpoint's byte.
func (b *Blob) resume(ctx context.Context, t *tarReader, src io.Reader, p decode.Checkpoint, offset int64,
	limits *document.Limits) error {
	blob := &blobReader{ctx: ctx, src: src, size: b.Bytes.Size() - p.In}
	d, err := decode.ResumeGzip(bufio.NewReaderSize(blob, blobBuffer), p)
	if err != nil {
		return errors.Join(err, t.Close())
	}
	t.decoder = d
	t.src = &meter{ctx: ctx, src: t.decoder, limits: limits}
	return t.skip(offset - p.Out)
}

// skip passes over the first bytes of a tar. The end is not an error: there is nothing to read beyond it.
func (t *tarReader) skip(n int64) error {
	r := bufio.NewReaderSize(t.src, blobBuffer)
	t.src = r
	if err := decode.Discard(r, n); err != nil && err != io.EOF {
		return errors.Join(err, t.Close())
	}
	return nil
}

// far returns the tar of a blob that is not here from an offset on. Of gzip with checkpoints it fetches what is needed.
func (b *Blob) far(ctx context.Context, l *Layer, offset int64) (io.ReadCloser, error) {
	far := b.Bytes.(Ranged)
	p, ok := b.before(offset)
	if !ok {
		p = decode.Checkpoint{}
	}
	if b.plain {
		p.In = min(offset, b.Bytes.Size())
	}
	body, err := far.From(ctx, p.In)
	if err != nil {
		return nil, err
	}
	t := &tarReader{body: body}
	if b.plain {
		t.src = &blobReader{ctx: ctx, src: body, size: b.Bytes.Size() - p.In}
		return t, nil
	}
	if ok {
		return t, b.resume(ctx, t, body, p, offset, l.Limits)
	}
	head := bufio.NewReaderSize(body, blobBuffer)
	start, err := head.Peek(int(min(decode.HeadSize, b.Bytes.Size())))
	if err != nil && err != io.EOF {
		return nil, errors.Join(err, body.Close())
	}
	blob := &blobReader{ctx: ctx, src: head, size: b.Bytes.Size()}
	t.decoder, err = decode.New(bufio.NewReaderSize(blob, blobBuffer), decode.Sniff(start, blob.size), l.Limits.Window)
	if err != nil {
		return nil, errors.Join(err, body.Close())
	}
	t.src = &meter{ctx: ctx, src: t.decoder, blob: blob, limits: l.Limits}
	return t, t.skip(offset)
}
