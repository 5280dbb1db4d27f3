package source

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/source/decode"
	"layup/analyze/source/document"
	"layup/tarfs"
)

var errNoTar = errors.New("not a tar: neither a tar header nor gzip, zstd, bzip2 or xz")

// A pass reads one layer once, in one goroutine. It counts and hashes the blob, decompresses it, counts and hashes the
// tar and makes its table. It keeps each kind of damage apart, so that the error names the cause and not a consequence.
type pass struct {
	ctx   context.Context
	layer *Layer
	from  *Blob
	opt   ScanOptions
	out   Scanned

	stream  *stream // nil if the layer lies in a file
	blob    *blobReader
	decoder decode.Decoder // nil if the layer is not compressed
	tar     *meter
	hashes  *digest.Sums // of the tar; nil unless verifying
	noTar   error        // what the layer is instead of a tar
	scanErr error        // what is wrong in the tar
}

func (p *pass) run() error {
	l := p.layer
	src, head, err := p.open()
	if err != nil {
		return err
	}
	defer src.Close() // only read from; of a stream it ends the request
	found := p.from.sniff(head)
	p.out.Compression = found
	if p.from.Outer != "" {
		p.out.Compression = p.from.Outer
	}
	p.compareHint(found)
	if p.stream != nil && (found == decode.Zstd || found == decode.Xz) {
		l.Reserve(&p.opt)
	}
	if found == decode.None { // what comes out is known before it is read
		if err := document.Over(document.LimitLayerBytes, p.from.Bytes.Size(), l.Limits.LayerBytes); err != nil {
			return err
		}
	}
	at, placed := p.from.Bytes.(io.ReaderAt)
	if placed && found == decode.None && !l.Verify && !p.opt.Digests && p.from.File == nil {
		return p.headers(at)
	}
	if err := p.stack(found, src); err != nil {
		return err
	}
	p.read(found)
	if p.decoder != nil {
		if p.decoder.Tail() || decode.IsTrailer(p.tar.err) {
			p.warn(CompressedTailDamaged)
		}
		err = p.decoder.Close()
	}
	return cmp.Or(p.verdict(), err)
}

// open returns the layer's bytes and the first of them.
func (p *pass) open() (io.ReadCloser, []byte, error) {
	if far, ok := p.from.Bytes.(Streamed); ok {
		return p.fetch(far)
	}
	section, head, err := p.from.section()
	return io.NopCloser(section), head, err
}

// headers reads only headers: nothing is hashed.
func (p *pass) headers(at io.ReaderAt) error {
	p.out.Unpacked = p.from.Bytes.Size()
	r := NewHeaderReader(p.ctx, at, p.from.Bytes.Size())
	r.progress = p.opt.Progress
	p.scan(r)
	return p.explained(cmp.Or(p.ctx.Err(), p.scanErr))
}

// stack builds the readers on top of one another.
func (p *pass) stack(found string, src io.Reader) (err error) {
	l := p.layer
	p.blob = &blobReader{ctx: p.ctx, src: src, size: p.from.Bytes.Size(), progress: p.opt.Progress}
	p.tar = &meter{ctx: p.ctx, src: p.blob, limits: l.Limits}
	compressed, made := found != decode.None && found != "", p.from.File != nil
	if l.Verify {
		if err := p.digest(compressed || made); err != nil {
			return err
		}
	}
	if made {
		p.tar.src = p.from.asTar(p.blob)
	}
	if !compressed {
		return nil
	}
	p.decoder, err = decode.New(bufio.NewReaderSize(p.blob, blobBuffer), found, l.Limits.Window)
	if err != nil {
		return err
	}
	p.tar.src, p.tar.blob = p.decoder, p.blob
	return nil
}

// digest prepares the hashes of the blob and of the tar. If both are the same bytes, they are hashed once, for both
// digests.
func (p *pass) digest(apart bool) (err error) {
	l := p.layer
	of := []string{digest.Algorithm(l.DiffID)}
	if !apart {
		of = append(of, digest.Algorithm(l.Digest))
	} else if p.blob.digests, err = digest.NewSums(digest.Algorithm(l.Digest)); err != nil {
		return err
	}
	if p.hashes, err = digest.NewSums(of...); err != nil {
		return err
	}
	p.hashes.Beside = p.opt.Beside
	p.tar.digests = p.hashes
	return nil
}

// read reads the tar. After damage it reads on for the digests.
func (p *pass) read(found string) {
	r := bufio.NewReaderSize(p.tar, tarBuffer)
	if p.recognise(found, r) {
		p.scan(r)
	}
	if p.layer.Verify && p.limit() == nil {
		if p.decoder == nil || p.noTar == nil {
			_ = decode.Drain(r) // what stops it is kept by the meter
		}
		_ = decode.Drain(bufio.NewReaderSize(p.blob, blobBuffer)) // and here by the blob's reader
	}
	if p.stream != nil && p.blob.err == nil && p.blob.read == p.blob.size {
		p.blob.err = p.stream.end()
	}
	p.out.Unpacked = p.tar.count
}

func (p *pass) scan(r tarfs.Reader) {
	opt := tarfs.ScanOptions{Limits: p.layer.Limits.Limits, Digests: p.opt.Digests, Dense: p.opt.Dense, Mark: p.opt.Mark}
	if p.layer.Artifact {
		opt.Dialect = tarfs.Plain
	}
	table, err := tarfs.Scan(r, opt)
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
	outer, inner := found, decode.None
	switch {
	case p.from.Outer != "":
		outer, inner = p.from.Outer, found
	case p.decoder != nil:
		head, err := r.Peek(decode.HeadSize)
		if err != nil && err != io.EOF {
			return true // the table of contents meets it again
		}
		inner = decode.Sniff(head, -1)
	}
	switch inner {
	case decode.None:
		return true
	case "":
		p.scanErr = fmt.Errorf("not a tar (inside %s)", outer) // unless the stream turns out to be damaged
	default:
		p.noTar = fmt.Errorf("not a tar (%s inside %s)", inner, outer)
	}
	return false
}

// limit returns the error of the limit that was exceeded: nothing more is read then. It is nil if there was none.
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

func (p *pass) warn(code tarfs.Code) {
	p.out.Warnings = append(p.out.Warnings, tarfs.Warning{Code: code, Layer: p.layer.Index})
}

// compareHint warns if the media type claims another compression than there is. An empty blob, a file name, and a type
// that does not name a compression claim nothing.
func (p *pass) compareHint(found string) {
	if p.from.Bytes.Size() == 0 || found == "" {
		return
	}
	if claimed := claim(p.from.Hint); claimed != "" && claimed != found {
		p.warn(MediaTypeMismatch)
	}
}

func claim(mediaType string) string {
	if !strings.HasPrefix(mediaType, "application/") {
		return ""
	}
	for _, row := range []struct{ suffix, compression string }{
		{"+gzip", decode.Gzip},
		{".tar.gzip", decode.Gzip},
		{"+zstd", decode.Zstd},
		{".tar", decode.None},
	} {
		if strings.HasSuffix(mediaType, row.suffix) {
			return row.compression
		}
	}
	return ""
}
