package extract

import (
	"context"
	"io"

	"layup/analyze"
	"layup/tarfs"
)

// tarRecord is the length to whose multiples an archive is padded.
const tarRecord = 20 * blockSize

// Tar writes the plan as a tar in path order into an empty file, of which it returns the length. Contents are written where they belong as
// they come past, so that each layer is read once; what is not written is zeros. The same image and plan give the same bytes. The file must
// not be seen by anybody before Tar returns without an error.
func (p *Plan) Tar(ctx context.Context, w io.WriterAt) (int64, error) {
	if err := p.checkSize(); err != nil {
		return 0, err
	}
	items, versions := p.files()
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
		if p.is(i, tarfs.File) {
			at = append(at, end)
		}
		end += stored + padding(stored)
	}
	err := p.img.Bodies(ctx, versions, func(which []int, b *analyze.Body) error {
		return copyAll(run, b, which, at)
	})
	end += 2 * blockSize
	end += (tarRecord - end%tarRecord) % tarRecord
	if err == nil {
		err = run.write([]byte{0}, end-1) // the file is to have its length
	}
	if err == nil {
		err = run.flush()
	}
	return end, err
}

// copyAll writes a content to each of its places.
func copyAll(run *run, b *analyze.Body, which []int, at []int64) error {
	buf := make([]byte, 64<<10)
	done := int64(0)
	for {
		n, err := b.Read(buf)
		for _, i := range which {
			if err := run.write(buf[:n], at[i]+done); err != nil {
				return err
			}
		}
		done += int64(n)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// run gathers what is written one behind the other.
type run struct {
	w   io.WriterAt
	buf []byte
	at  int64 // of the buffer's first byte
}

const runBuffer = 256 << 10

func (r *run) write(p []byte, at int64) error {
	if at != r.at+int64(len(r.buf)) || len(r.buf)+len(p) > runBuffer {
		if err := r.flush(); err != nil {
			return err
		}
		r.at = at
	}
	if len(p) >= runBuffer {
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
