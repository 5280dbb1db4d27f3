package source

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"layup/tarfs"
)

// tarRecord is the size that tar writers pad an archive to.
const tarRecord = 10240

var errNoTar = errors.New("not a tar: neither a tar header nor gzip, zstd, bzip2 or xz")

// A pass reads one layer once: section, count and hash of the blob, decompression, count and hash of the tar, table of contents. It
// runs in one goroutine. What it finds wrong is kept apart by kind, so that the cause is told and not what follows from it.
type pass struct {
	ctx   context.Context
	layer *Layer
	opt   ScanOptions
	out   *Scanned

	blob    *blobReader
	decoder decoder // nil where the layer is not compressed
	tar     *meter
	hashes  *digests // of the tar; nil unless verifying
	noTar   error    // what the layer is instead of a tar
	scanErr error    // what is wrong in the tar
}

func (p *pass) run() error {
	l := p.layer
	head, err := l.head()
	if err != nil {
		return err
	}
	found := sniff(head, l.blob.Size())
	p.out.Compression = found
	if l.outer != "" {
		p.out.Compression = l.outer
	}
	p.compareHint(found)
	if found == compressionNone { // what comes out is known before it is read
		if err := over(limitLayerBytes, l.blob.Size(), l.limits.LayerBytes); err != nil {
			return err
		}
	}
	if found == compressionNone && !l.verify && !p.opt.Digests {
		return p.headers()
	}
	if err := p.stack(found); err != nil {
		return err
	}
	p.read(found)
	if p.decoder != nil {
		if p.decoder.tail() || isTrailer(p.tar.err) {
			p.warn(tarfs.CompressedTailDamaged)
		}
		err = p.decoder.Close()
	}
	return firstOf(p.verdict(), err)
}

// headers reads headers only, where nothing is to be hashed.
func (p *pass) headers() error {
	l := p.layer
	p.out.Unpacked = l.blob.Size()
	r := newHeaderReader(p.ctx, l.blob, l.blob.Size())
	r.progress = p.opt.Progress
	p.scan(r)
	return p.explained(firstOf(p.ctx.Err(), p.scanErr))
}

// stack builds the readers on top of one another.
func (p *pass) stack(found string) (err error) {
	l := p.layer
	p.blob = &blobReader{ctx: p.ctx, src: l.blob, size: l.blob.Size(), progress: p.opt.Progress}
	p.tar = &meter{ctx: p.ctx, src: p.blob, limits: l.limits}
	if l.verify {
		// A layer that is not compressed is hashed once, for both digests.
		if p.hashes, err = newDigests(algorithm(l.DiffID), algorithm(l.Digest)); err != nil {
			return err
		}
		p.tar.digests = p.hashes
	}
	if found == compressionNone || found == "" {
		return nil
	}
	if l.verify {
		p.tar.digests, err = newDigests(algorithm(l.DiffID))
		p.blob.digests, p.hashes = p.hashes, p.tar.digests
	}
	if err != nil {
		return err
	}
	p.decoder, err = newDecoder(bufio.NewReaderSize(p.blob, blobBuffer), found, l.limits)
	if err != nil {
		return err
	}
	p.tar.src, p.tar.blob = p.decoder, p.blob
	return nil
}

// read takes in the tar, and then what damage kept from being read, for the digests.
func (p *pass) read(found string) {
	r := bufio.NewReaderSize(p.tar, tarBuffer)
	if p.recognise(found, r) {
		p.scan(r)
	}
	if p.layer.verify && p.limit() == nil {
		if p.decoder == nil || p.noTar == nil {
			_ = drain(r) // what stops it is kept by the meter
		}
		_ = drain(bufio.NewReaderSize(p.blob, blobBuffer)) // and here by the blob's reader
	}
	p.out.Unpacked = p.tar.count
}

func (p *pass) scan(r tarfs.Reader) {
	table, err := tarfs.Scan(r, tarfs.ScanOptions{Limits: p.layer.limits.Limits, Digests: p.opt.Digests})
	if table != nil {
		p.out.Table = table
	}
	p.scanErr = err
}

// recognise reports whether the layer is a tar or one inside one compression, and notes what it is instead.
func (p *pass) recognise(found string, r *bufio.Reader) bool {
	if found == "" {
		p.noTar = errNoTar
		return false
	}
	outer, inner := found, compressionNone
	switch {
	case p.layer.outer != "":
		outer, inner = p.layer.outer, found
	case p.decoder != nil:
		head, err := r.Peek(blockSize)
		if err != nil && err != io.EOF {
			return true // the table of contents meets it again
		}
		inner = sniff(head, -1)
	}
	switch inner {
	case compressionNone:
		return true
	case "":
		p.scanErr = fmt.Errorf("not a tar (inside %s)", outer) // unless the stream turns out to be damaged
	default:
		p.noTar = fmt.Errorf("not a tar (%s inside %s)", inner, outer)
	}
	return false
}

// limit returns the limit that was passed, nil if none was: then nothing more is read.
func (p *pass) limit() error {
	var limit *tarfs.LimitError
	damage := p.tar.damage()
	switch {
	case errors.As(damage, &limit):
		return p.located(damage)
	case errors.As(p.scanErr, &limit):
		return p.scanErr
	}
	return nil
}

func isTrailer(err error) bool {
	_, ok := err.(*trailerError)
	return ok
}

// verdict compares digests and chooses the cause among what went wrong: a blob that is not the one named explains a decoder's
// error, a tar that is not the one named explains a bad header.
func (p *pass) verdict() error { return p.explained(p.cause()) }

func (p *pass) cause() error {
	if err := firstOf(p.ctx.Err(), p.blob.err, p.limit()); err != nil {
		return err
	}
	if err := firstOf(p.verifyBlob(), p.noTar); err != nil {
		return err
	}
	damage := p.located(p.tar.damage())
	if damage == nil || isTrailer(p.tar.err) { // all content came out
		return firstOf(joined(damage, p.verifyTar()), p.scanErr)
	}
	if l := p.layer; l.verify && l.DiffID != "" {
		got := p.hashes.sum(algorithm(l.DiffID))
		return joined(damage, fmt.Errorf("want diffID %s, got %s of the %d bytes before the damage", l.DiffID, got, p.tar.count))
	}
	return damage
}

// located adds to the damage of a stream the entry that it cuts, where there is one.
func (p *pass) located(damage error) error {
	var at *tarfs.ScanError
	if damage != nil && errors.As(p.scanErr, &at) && at.Name != "" && errors.Is(at, damage) {
		return p.scanErr
	}
	return damage
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// explained returns what explains an error better, where the input changed meanwhile. A pass that went well is right all the same: one that
// verifies by the digests, another by what it read; a file may grow while it is read.
func (p *pass) explained(err error) error {
	if err == nil || p.ctx.Err() != nil || p.layer.check == nil {
		return err
	}
	return firstOf(p.layer.check(), err)
}

// verifyBlob compares the digest of the stored bytes, where one is named, and their number.
func (p *pass) verifyBlob() error {
	l := p.layer
	if !l.verify || l.outer != "" {
		return nil
	}
	d := p.blob.digests
	if d == nil {
		d = p.hashes
	}
	p.out.Digest = d.sum(algorithm(l.Digest))
	var err error
	if l.Digest != "" && l.Digest != p.out.Digest {
		err = fmt.Errorf("content does not match its digest: want %s, got %s", l.Digest, p.out.Digest)
	}
	if size := l.blob.Size(); size != l.Size {
		err = joined(err, fmt.Errorf("size is %d bytes, its descriptor says %d", size, l.Size))
	}
	return err
}

// joined makes one line of two errors.
func joined(err, more error) error {
	switch {
	case err == nil:
		return more
	case more == nil:
		return err
	}
	return fmt.Errorf("%w; %w", err, more)
}

// verifyTar compares the digest of the tar, where one is named. Tools that write zstd:chunked drop the zeros behind the end mark,
// which the diffID covers: with them, it matches.
func (p *pass) verifyTar() error {
	l := p.layer
	if !l.verify {
		return nil
	}
	name := algorithm(l.DiffID)
	p.out.DiffID = p.hashes.sum(name)
	if l.DiffID == "" || l.DiffID == p.out.DiffID {
		return nil
	}
	if rest := p.tar.count % tarRecord; rest != 0 && p.scanErr == nil && p.out.Table.EndMark() {
		p.hashes.write(make([]byte, tarRecord-rest))
		if p.hashes.sum(name) == l.DiffID {
			p.out.DiffID = l.DiffID
			p.warn(tarfs.PaddingDropped)
			return nil
		}
	}
	p.warn(tarfs.DiffIDMismatch)
	return fmt.Errorf("content does not match its diffID: want %s, got %s", l.DiffID, p.out.DiffID)
}

func (p *pass) warn(code tarfs.Code) {
	p.out.Warnings = append(p.out.Warnings, tarfs.Warning{Code: code, Layer: p.layer.Index})
}

// compareHint flags a media type that claims another compression than there is. An empty blob, file names and types that say
// nothing of compression claim nothing.
func (p *pass) compareHint(found string) {
	if p.layer.blob.Size() == 0 || found == "" {
		return
	}
	if claimed := claim(p.layer.hint); claimed != "" && claimed != found {
		p.warn(tarfs.MediaTypeMismatch)
	}
}

func claim(mediaType string) string {
	if !strings.HasPrefix(mediaType, "application/") {
		return ""
	}
	for _, row := range []struct{ suffix, compression string }{
		{"+gzip", compressionGzip},
		{".tar.gzip", compressionGzip},
		{"+zstd", compressionZstd},
		{".tar", compressionNone},
	} {
		if strings.HasSuffix(mediaType, row.suffix) {
			return row.compression
		}
	}
	return ""
}
