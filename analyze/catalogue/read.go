package catalogue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"sync"

	"github.com/parquet-go/parquet-go"

	"layup/analyze/catalogue/place"
)

// A part is an opened file of a catalogue.
type part struct {
	name    string
	place   place.Place
	file    place.File
	checked *checked
	guide   guide

	mu     sync.Mutex
	footer *parquet.File // nil before it is needed
	failed error         // why it is not what the guide says
}

// named names the part in an error.
func (p *part) named(err error) error {
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

// open opens a part of a folder, and checks that it is one of this version.
func open(ctx context.Context, place place.Place, name string) (p *part, err error) {
	f, err := place.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	p = &part{name: name, place: place, file: f}
	if p.checked, err = newChecked(f); err == nil {
		err = json.Unmarshal(p.checked.note, &p.guide)
	}
	switch {
	case err != nil:
	case p.guide.Version != Version:
		err = fmt.Errorf("has version %q of the format, this program reads %q", p.guide.Version, Version)
	case p.guide.Folder != path.Dir(name):
		err = fmt.Errorf("is a part of %q", p.guide.Folder)
	}
	if err != nil {
		f.Close() // only read from
		return nil, p.named(err)
	}
	return p, nil
}

// decode decodes the footer once, and checks that the part has the columns of rows, and is what its guide says.
func decode[T any](p *part) (*parquet.File, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.footer != nil || p.failed != nil {
		return p.footer, p.failed
	}
	p.failed = sheltered(func() error {
		f, err := parquet.OpenFile(p.checked, p.checked.Size(), parquet.SkipPageIndex(true))
		if err != nil {
			return err
		}
		version, _ := f.Lookup(versionKey)
		folder, _ := f.Lookup(folderKey)
		if version != p.guide.Version || folder != p.guide.Folder {
			return errors.New("is not what it says at its end")
		}
		if want := parquet.SchemaOf(new(T)); !parquet.EqualNodes(f.Schema(), want) {
			return errors.New("has other columns than this version of the format")
		}
		p.footer = f
		return nil
	})
	return p.footer, p.failed
}

func (p *part) Close() error { return p.file.Close() }

// A row is filled from a row group.
type row[T any] interface {
	*T
	fill(g *group, at int64)
}

// rows calls a function for all rows of a part. The row is valid only during the call.
func rows[T any, R row[T]](ctx context.Context, p *part, each func(*T) error) error {
	return p.named(sheltered(func() error {
		f, err := decode[T](p)
		if err != nil {
			return err
		}
		numbers := columnNumbers(f.Schema())
		for _, rg := range f.RowGroups() {
			g := &group{hints: &hints{Rows: rg.NumRows()}, part: p, chunks: rg.ColumnChunks(), numbers: numbers,
				columns: make([]*column, len(numbers))}
			err := allRows[T, R](ctx, g, each)
			if g.close(); err != nil {
				return err
			}
		}
		return nil
	}))
}

// allRows calls a function for all rows of a row group.
func allRows[T any, R row[T]](ctx context.Context, g *group, each func(*T) error) error {
	for at := range g.Rows {
		var one T
		R(&one).fill(g, at)
		if g.err != nil {
			return g.err
		}
		if err := each(&one); err != nil {
			return err
		}
		if at%256 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// each calls a function for all rows of all parts of a folder. What cannot be read is an error each; the others are
// read.
func each[T any, R row[T]](ctx context.Context, place place.Place, folder string, do func(*T)) (errs []error) {
	list, err := place.List(ctx, folder)
	if err != nil {
		return []error{err}
	}
	for _, info := range list {
		p, err := open(ctx, place, info.Name)
		if err == nil {
			err = rows[T, R](ctx, p, func(row *T) error { do(row); return nil })
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
