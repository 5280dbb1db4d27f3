package extract

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"layup/analyze"
)

// tarRecord is the unit of an archive's length: zeros fill the last record.
const tarRecord = 20 * blockSize

// Tar writes the plan as a tar in path order to an empty file, and returns the length. It writes each content at its
// place, in the order in which the layers store them, so it reads each layer once. What it does not write must read as
// zeros. One plan always gives the same bytes. Do not expose the file until Tar returns nil.
func (p *Plan) Tar(ctx context.Context, w io.WriterAt) (int64, error) {
	items, versions, err := p.files()
	if err != nil {
		return 0, err
	}
	at := make([]int64, 0, len(items)) // of the contents
	run := &run{w: w}
	end := int64(0)
	for i := range p.items {
		if i%1024 == 0 && ctx.Err() != nil {
			return 0, ctx.Err()
		}
		blocks, stored := p.header(i)
		if err := run.write(blocks, end); err != nil {
			return 0, err
		}
		end += int64(len(blocks))
		if p.isFile(i) {
			at = append(at, end)
		}
		end += stored + padding(stored)
	}
	buf := make([]byte, bufferSize)
	err = p.img.Bodies(ctx, versions, func(which []int, b *analyze.Body) error {
		n, err := copyAll(run, b, which, at, buf)
		p.wrote(n * int64(len(which)))
		return err
	})
	end += closing(end)
	if err == nil {
		err = run.write([]byte{0}, end-1) // gives the file its length
	}
	if err == nil {
		err = run.flush()
	}
	return end, err
}

// Stream writes the bytes of Tar from the beginning to the end. Open the image with the option Direct: then Stream
// reads contents of uncompressed layers in place, and verifies each before it writes its last byte. It reads and
// verifies other layers first. After a *CutError the tar ends inside an entry: no reader accepts it as complete.
func (p *Plan) Stream(ctx context.Context, to io.Writer) error {
	_, versions, err := p.files()
	if err != nil {
		return err
	}
	contents, err := p.img.Contents(ctx, versions)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(to, 1<<16)
	end := int64(0)
	for i := range p.items {
		n, err := p.entry(ctx, w, i, contents)
		if err != nil {
			_, _ = w.Flush(), contents.Close() // the first failure counts
			return &CutError{fmt.Errorf("%q: %w", p.items[i].version.Node().Path(), err)}
		}
		end += n
	}
	_, err = w.Write(make([]byte, closing(end)))
	return errors.Join(err, w.Flush(), contents.Close())
}

// A CutError says why a tar is not complete.
type CutError struct{ Err error }

// Error returns the entry and the cause.
func (e *CutError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *CutError) Unwrap() error { return e.Err }

// entry writes one entry and returns its length.
func (p *Plan) entry(ctx context.Context, w *bufio.Writer, i int, contents *analyze.Contents) (int64, error) {
	blocks, stored := p.header(i)
	if _, err := w.Write(blocks); err != nil {
		return 0, err
	}
	if stored == 0 {
		return int64(len(blocks)), ctx.Err()
	}
	body, err := contents.Open(ctx, p.items[i].version)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(w, body)
	if err := errors.Join(err, body.Close()); err != nil {
		return 0, err
	}
	p.wrote(stored)
	_, err = w.Write(make([]byte, padding(stored)))
	return int64(len(blocks)) + stored + padding(stored), err
}

// closing returns the number of zeros after the last entry.
func closing(end int64) int64 {
	end += 2 * blockSize
	return 2*blockSize + (tarRecord-end%tarRecord)%tarRecord
}

// copyAll writes a content to each of its places and returns its length.
func copyAll(run *run, b *analyze.Body, which []int, at []int64, buf []byte) (int64, error) {
	done := int64(0)
	for {
		n, err := b.Read(buf)
		for _, i := range which {
			if err := run.write(buf[:n], at[i]+done); err != nil {
				return done, err
			}
		}
		done += int64(n)
		if err == io.EOF {
			return done, nil
		}
		if err != nil {
			return done, err
		}
	}
}

// run joins writes that follow one another.
type run struct {
	w   io.WriterAt
	buf []byte
	at  int64 // of the buffer's first byte
}

func (r *run) write(p []byte, at int64) error {
	if at != r.at+int64(len(r.buf)) || len(r.buf)+len(p) > bufferSize {
		if err := r.flush(); err != nil {
			return err
		}
		r.at = at
	}
	if len(p) >= bufferSize {
		_, err := r.w.WriteAt(p, at)
		r.at = at + int64(len(p))
		return err
	}
	r.buf = append(r.buf, p...)
	return nil
}

func (r *run) flush() error {
	if len(r.buf) == 0 {
		return nil
	}
	_, err := r.w.WriteAt(r.buf, r.at)
	r.at += int64(len(r.buf))
	r.buf = r.buf[:0]
	return err
}
