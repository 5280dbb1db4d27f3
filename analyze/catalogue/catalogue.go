// Package catalogue keeps what the layers of many images hold, and answers which of the images hold something. A
// catalogue is plain Parquet in the folders images, layers and files of a place: each unique layer is read once, and
// its rows are written once. Other engines read them as they are; this package is the writer, and a reader for one
// machine.
package catalogue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"layup/analyze/catalogue/place"
	"layup/analyze/source/advice"
)

// Version is the version of the format. A reader refuses any other.
const Version = "1"

// header is the name of the file that makes a place a catalogue.
const header = "catalogue.json"

// A Catalogue is a place with a header.
type Catalogue struct {
	Place   place.Place
	Digests bool // the SHA-256 of every file's content is in it
}

// A document is the header. It is never rewritten.
type document struct {
	Format  string `json:"format"`
	Version string `json:"version"`
	Digests bool   `json:"digests"`
}

const formatName = "layup-catalogue"

// ErrNone says that a place is not a catalogue.
var ErrNone = errors.New("is not a catalogue: it has no " + header)

// Open opens the catalogue of a place. The error is ErrNone if there is none.
func Open(ctx context.Context, p place.Place) (*Catalogue, error) {
	f, err := p.Open(ctx, header)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", p, ErrNone)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read from
	var d document
	text, err := io.ReadAll(io.NewSectionReader(f, 0, min(f.Size(), 1<<16)))
	if err != nil {
		return nil, foreign(p, header, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&d); err != nil || d.Format != formatName {
		return nil, foreign(p, header, errors.New("is not the header of a catalogue"))
	}
	if d.Version != Version {
		return nil, &advice.Hinted{Err: foreign(p, header, fmt.Errorf("has version %q of the format, this program reads %q",
			d.Version, Version)), Hint: "index the sources again into another catalogue, or use the program that made this one"}
	}
	return &Catalogue{Place: p, Digests: d.Digests}, nil
}

// Create opens the catalogue of a place, or makes one if there is none. Digests says whether it shall have the digests
// of files; nil takes what is there.
func Create(ctx context.Context, p place.Place, digests *bool) (*Catalogue, error) {
	c, err := Open(ctx, p)
	if errors.Is(err, ErrNone) {
		if err = empty(ctx, p); err != nil {
			return nil, err
		}
		d := document{Format: formatName, Version: Version, Digests: digests != nil && *digests}
		text, _ := json.Marshal(d) // texts and a bool
		err = p.Put(ctx, header, func(w io.Writer) error {
			_, err := w.Write(append(text, '\n'))
			return err
		})
		if err != nil {
			return nil, err
		}
		c, err = Open(ctx, p) // another process may have made it meanwhile
	}
	if err == nil && digests != nil && c.Digests != *digests {
		return nil, mixed(c)
	}
	return c, err
}

// unchanged returns an error if another process made the catalogue at the same time with the other choice of digests.
func (c *Catalogue) unchanged(ctx context.Context) error {
	now, err := Open(ctx, c.Place)
	if err == nil && now.Digests != c.Digests {
		err = &advice.Hinted{Err: fmt.Errorf("%s: two processes made it at once, one with --digests", c.Place),
			Hint: "remove it, and index again"}
	}
	return err
}

// empty returns an error if a place holds parts, but no header.
func empty(ctx context.Context, p place.Place) error {
	for _, folder := range []string{filesFolder, layersFolder, imagesFolder} {
		if list, err := p.List(ctx, folder); err != nil || len(list) > 0 {
			if err == nil {
				err = fmt.Errorf("%s: has files in %s, but no %s: it is not a catalogue, or damaged", p, folder, header)
			}
			return err
		}
	}
	return nil
}

// mixed says that a catalogue was made with the other choice of digests.
func mixed(c *Catalogue) error {
	err := fmt.Errorf("%s: was made without --digests: layers that it knows are not read again", c.Place)
	hint := "leave --digests out, or name another catalogue"
	if c.Digests {
		err = fmt.Errorf("%s: was made with --digests", c.Place)
		hint = "leave --digests=false out"
	}
	return &advice.Hinted{Err: err, Hint: hint}
}
