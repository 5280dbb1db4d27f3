package source

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"layup/analyze/cache"
	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source/decode"
	"layup/analyze/source/document"
	"layup/tarfs"
)

var (
	errNoTar     = errors.New("not a tar: neither a tar header nor gzip, zstd, bzip2 or xz")
	errZerosOnly = errors.New("not a tar: it begins with zeros, and other data follows")
)

// A pass reads one layer once, in one goroutine. It counts and hashes the blob, decompresses it, counts and hashes the
// tar and makes its table. It keeps each kind of damage apart, so that the error names the cause and not a consequence.
type pass struct {
	ctx   context.Context
	layer *Layer
	from  *Blob
	opt   ScanOptions
	out   Scanned
	known *known // nil if nothing is remembered

	stream  *stream // nil if the layer lies in a file
	blob    *blobReader
	decoder decode.Decoder // nil if the layer is not compressed
	tar     *meter
	hashes  *digest.Sums  // of the tar; nil unless verifying
	noTar   error         // what the layer is instead of a tar
	erofs   bool          // it is an EROFS image
	scanErr error         // what is wrong in the tar
	points  *cache.Writer // checkpoints of a gzip stream that is remembered; else nil
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
	if p.recognise(decode.None, r) {
		p.scan(r)
	}
	return p.explained(cmp.Or(p.ctx.Err(), p.notTar()))
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
	in := bufio.NewReaderSize(p.blob, int(min(blobBuffer, max(p.blob.size, leastBuffer))))
	if p.decoder, err = decode.New(in, found, l.Limits.Window); err != nil {
		return err
	}
	if p.known != nil && found == decode.Gzip {
		points := p.known.cache.Create(kindPoints, p.known.key(l))
		if decode.Note(p.decoder, func() int64 { return p.blob.read - int64(in.Buffered()) }, points) {
			p.points = points
		}
	}
	p.tar.src, p.tar.blob = p.decoder, p.blob
	if p.opt.Tars != nil {
		p.tar.copy = NewScratch(p.opt.Tars.Dir)
		p.tar.copy.Memory = blobBuffer // an image may have many small layers
	}
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
	size := int64(tarBuffer) // or less: an image may have many small layers
	switch {
	case p.from.File != nil:
	case p.decoder == nil:
		size = min(size, max(p.blob.size, leastBuffer))
	default: // compressed ones seldom have four times as much in them
		size = min(size, max(4*p.blob.size, decode.FormatHead))
	}
	r := bufio.NewReaderSize(p.tar, int(size))
	if p.recognise(found, r) {
		p.scan(r)
	}
	if p.layer.Verify && p.limit() == nil {
		if p.decoder == nil || p.noTar == nil {
			_ = decode.Drain(r) // what stops it is kept by the meter
		}
		_, _ = io.Copy(io.Discard, p.blob) // and here by the blob's reader
	}
	if p.stream != nil && p.blob.err == nil && p.blob.read == p.blob.size {
		p.blob.err = p.stream.end()
	}
	p.out.Unpacked = p.tar.count
}

func (p *pass) scan(r tarfs.Reader) {
	opt := p.opt.Tar(p.layer)
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
func (p *pass) recognise(found string, r tarfs.Reader) bool {
	outer, inner := p.from.Outer, found
	if p.decoder != nil && outer == "" {
		head, err := r.Peek(decode.HeadSize)
		if err != nil && err != io.EOF {
			return true // the table of contents meets it again
		}
		outer, inner = found, decode.Sniff(head, -1)
	}
	start, _ := r.Peek(decode.HeadSize)
	if inner == decode.None && !decode.IsZero(start) {
		return true
	}
	head, _ := r.Peek(decode.FormatHead) // whatever there is
	format, known := decode.FormatOf(head)
	switch {
	case inner == decode.None && decode.IsEROFS(head):
		p.erofs = true
	case inner == decode.None && !known:
		return true
	case inner != "" && inner != decode.None:
		p.noTar = fmt.Errorf("not a tar (%s inside %s)", inner, outer)
	case outer != "" && known:
		p.scanErr = fmt.Errorf("not a tar but %s, inside %s", format.Name, outer) // unless the stream turns out to be damaged
	case outer != "":
		p.scanErr = fmt.Errorf("not a tar (inside %s)", outer)
	case known:
		p.noTar = fmt.Errorf("not a tar but %s", format.Name)
	default:
		p.noTar = errNoTar
	}
	return false
}

// notTar returns what the layer is instead of a tar. A layer without entries is one only if nothing follows, and if its
// media type, if there is one, says so.
func (p *pass) notTar() error {
	err, mediaType := cmp.Or(p.noTar, p.scanErr), p.layer.MediaType
	foreign := mediaType != "" && !strings.Contains(mediaType, "tar") && !p.layer.Artifact
	if table := p.out.Table; err == nil && !p.erofs && table.Len() == 0 {
		switch {
		case table.Tail():
			err = errZerosOnly
		case foreign:
			err = errors.New("not a tar")
		}
	}
	switch {
	case err == errNoTar && foreign:
		err = fmt.Errorf("not a tar: its media type is %s", show.Cut(mediaType))
	case err != nil && foreign:
		err = fmt.Errorf("%w (media type %s)", err, show.Cut(mediaType))
	}
	return err
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
