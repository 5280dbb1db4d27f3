package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"layup/analyze/source/decode"
	"layup/analyze/source/disk"
	"layup/analyze/source/erofs"
	"layup/analyze/source/store"
	"layup/tarfs"
)

// imageHead is how many bytes tell an EROFS image.
const imageHead = 1028

// isImage reports whether the blob is an EROFS image, also inside a compression.
func (b *Blob) isImage(ctx context.Context, l *Layer) bool {
	section, head, err := b.section()
	if err != nil || section == nil || b.File != nil {
		return false
	}
	var src io.Reader = section
	switch found := decode.Sniff(head, section.Size()); found {
	case decode.None:
		if !decode.IsZero(head) {
			return false
		}
	case "":
		return false
	default:
		t := new(tarReader)
		if err := t.decompress(ctx, section, found, l.Limits); err != nil {
			return false
		}
		defer t.Close() // only read from
		src = t
	}
	start := make([]byte, imageHead)
	n, _ := io.ReadFull(src, start)
	return decode.IsEROFS(start[:n])
}

// An imageTar is an EROFS image as a tar, with what must be closed after it.
type imageTar struct {
	*store.Tar
	spool *os.File // nil if the image lies in its blob
	check func() error
}

// image makes a tar of a blob that is an EROFS image. A compressed one is copied into a temporary file.
func (b *Blob) image(ctx context.Context, l *Layer, warn func(tarfs.Code, string)) (*imageTar, error) {
	section, head, err := b.section()
	switch {
	case err != nil:
		return nil, err
	case section == nil:
		return nil, fmt.Errorf("is an EROFS image without a media type that says so: %w", errNotKept)
	}
	t := &imageTar{check: b.Check}
	var at io.ReaderAt = section
	size := section.Size()
	if found := decode.Sniff(head, size); found != decode.None {
		if t.spool, size, err = spooled(ctx, section, found, l); err != nil {
			return nil, err
		}
		at = t.spool
	}
	most := l.Limits.LayerBytes
	if ratio := l.Limits.Ratio; ratio > 0 && size <= most/ratio {
		most = max(l.Limits.RatioFloor, size*ratio)
	}
	if t.Tar, err = erofs.Tar(at, size, most, warn); err != nil {
		return nil, errors.Join(err, t.close())
	}
	return t, nil
}

// spooled decompresses a blob into an unlinked temporary file.
func spooled(ctx context.Context, section *io.SectionReader, compression string, l *Layer) (*os.File, int64, error) {
	file, err := Unlinked(l.TempDir)
	if err != nil {
		return nil, 0, NoRoom(l.TempDir, err)
	}
	t := new(tarReader)
	var size int64
	if err = t.decompress(ctx, section, compression, l.Limits); err == nil {
		size, err = io.Copy(file, t)
		err = errors.Join(err, t.Close())
	}
	if err != nil {
		return nil, 0, errors.Join(err, file.Close())
	}
	return file, size, nil
}

func (t *imageTar) close() error {
	if t.spool == nil {
		return nil
	}
	return t.spool.Close()
}

// scanImage makes the table of an EROFS image after its bytes were read and verified.
func (p *pass) scanImage() error {
	l := p.layer
	warn := func(code tarfs.Code, path string) {
		p.out.Warnings = append(p.out.Warnings, tarfs.Warning{Code: code, Layer: l.Index, Path: path})
	}
	t, err := p.from.image(p.ctx, l, warn)
	if err != nil {
		return err
	}
	r := t.Open(p.ctx)
	opt := p.opt.Tar(l)
	opt.Dialect = t.Dialect
	table, err := tarfs.Scan(r, opt)
	if table != nil {
		p.out.Table = table
	}
	if err == nil && t.check != nil {
		if err = t.check(); errors.Is(err, disk.ErrGrown) {
			err = nil
		}
	}
	return errors.Join(err, r.Close(), t.close())
}

// openImage returns the tar of an EROFS image from an offset on.
func (b *Blob) openImage(ctx context.Context, l *Layer, offset int64) (io.ReadCloser, error) {
	t, err := b.image(ctx, l, nil)
	if err != nil {
		return nil, err
	}
	r := &imageReader{t.Open(ctx), t}
	if err := decode.Discard(r, offset); err != nil && err != io.EOF {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// An imageReader reads the tar of an EROFS image.
type imageReader struct {
	*store.Reader
	from *imageTar
}

// Close also tells whether the input changed.
func (r *imageReader) Close() error {
	err := errors.Join(r.Reader.Close(), r.from.close())
	if r.from.check != nil {
		err = errors.Join(err, r.from.check())
	}
	return err
}

// isImageType reports whether a media type is that of EROFS images.
func isImageType(mediaType string) bool { return strings.Contains(mediaType, "erofs") }
