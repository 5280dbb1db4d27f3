package catalogue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/parquet-go/parquet-go"

	"layup/analyze/catalogue/place"
)

// A part is an opened file of a catalogue.
type part struct {
	name  string
	place place.Place
	file  place.File
	*parquet.File
}

// failed names the part in an error.
func (p *part) failed(err error) error {
	var named *PartError
	if err == nil || errors.As(err, &named) {
		return err
	}
	return foreign(p.place, p.name, err)
}

// sheltered turns a panic of the library into an error: sums do not prove who wrote a part.
func sheltered(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("is not readable: %v", r)
		}
	}()
	return f()
}

// open opens a part of a folder, and checks that it is one of this version with all its columns.
func open[T any](ctx context.Context, place place.Place, name string) (p *part, err error) {
	f, err := place.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	p = &part{name: name, place: place, file: f}
	err = sheltered(func() error {
		c, err := newChecked(f)
		if err != nil {
			return err
		}
		p.File, err = parquet.OpenFile(c, c.Size(), parquet.SkipPageIndex(true))
		if err != nil {
			return err
		}
		if version, _ := p.Lookup(versionKey); version != Version {
			return fmt.Errorf("has version %q of the format, this program reads %q", version, Version)
		}
		if folder, _ := p.Lookup(folderKey); folder != path.Dir(name) {
			return fmt.Errorf("is a part of %q", folder)
		}
		if want := parquet.SchemaOf(new(T)); !parquet.EqualNodes(p.Schema(), want) {
			return errors.New("has other columns than this version of the format")
		}
		return nil
	})
	if err != nil {
		f.Close() // only read from
		return nil, p.failed(err)
	}
	return p, nil
}

func (p *part) Close() error { return p.file.Close() }

// rows calls a function for all rows of a part. The row is valid only during the call.
func rows[T any](ctx context.Context, p *part, each func(*T) error) error {
	return p.failed(sheltered(func() error {
		r := parquet.NewGenericReader[T](p.File)
		defer r.Close() // only read from
		batch := make([]T, 256)
		for {
			clear(batch)
			n, err := r.Read(batch)
			for i := range n {
				if err := each(&batch[i]); err != nil {
					return err
				}
			}
			switch {
			case err == io.EOF:
				return nil
			case err != nil:
				return err
			case n == 0:
				return io.ErrNoProgress
			case ctx.Err() != nil:
				return ctx.Err()
			}
		}
	}))
}

// each calls a function for all rows of all parts of a folder. What cannot be read is an error each; the others are
// read.
func each[T any](ctx context.Context, place place.Place, folder string, do func(*T)) (errs []error) {
	list, err := place.List(ctx, folder)
	if err != nil {
		return []error{err}
	}
	for _, info := range list {
		p, err := open[T](ctx, place, info.Name)
		if err == nil {
			err = rows(ctx, p, func(row *T) error { do(row); return nil })
			p.Close() // only read from
		}
		if err != nil {
			errs = append(errs, err)
		}
		if ctx.Err() != nil {
			return []error{ctx.Err()}
		}
	}
	return errs
}
