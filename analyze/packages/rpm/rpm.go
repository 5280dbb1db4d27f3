// Package rpm reads the databases of rpm without writing to them: SQLite, ndb and Berkeley DB. Each is read by itself
// from its pages, because the image is hostile and nothing may be recovered or locked.
package rpm

import (
	"context"
	"errors"
	"fmt"
	"io"

	"layup/analyze/packages/record"
)

// Directories are where rpm keeps its database, from the root. The first that holds one counts, as in rpm's own search.
var Directories = []string{"/usr/lib/sysimage/rpm", "/var/lib/rpm"}

// The names of a database by its format.
const (
	SQLite    = "rpmdb.sqlite"
	SQLiteWAL = "rpmdb.sqlite-wal" // changes that are not in SQLite yet
	NDB       = "Packages.db"
	BDB       = "Packages"
)

// MostBytes is the size of the largest database that is read.
const MostBytes = 1 << 30

// A Database is the file of a database.
type Database struct {
	Name string // SQLite, NDB or BDB
	Data io.ReaderAt
	Size int64
	Log  io.ReaderAt // SQLiteWAL; nil if there is none
	Ends int64       // the size of Log
}

// Packages reads all packages. With an error it returns those that could be read. It stops when ctx ends.
func (d Database) Packages(ctx context.Context, known *record.Cache) (list []record.Package, err error) {
	defer func() {
		if r := recover(); r != nil { // a reader's own mistake must not end the answer
			err = damaged("%v", r)
		}
	}()
	var first error
	bad := 0
	d.Data, d.Log = stopping(ctx, d.Data), stopping(ctx, d.Log)
	take := func(blob []byte) error {
		p, ok, err := known.Read(blob, parse)
		if err != nil {
			bad++
			first = orElse(first, err)
		}
		switch {
		case ok && len(list) >= record.MostPackages:
			return damaged("more than %d packages", record.MostPackages)
		case ok:
			list = append(list, p)
		}
		return nil
	}
	switch {
	case d.Size > MostBytes || d.Ends > MostBytes:
		return nil, damaged("the database has more than %d bytes", MostBytes)
	case d.Name == SQLite:
		err = readSQLite(d.Data, d.Size, d.Log, d.Ends, take)
	case d.Name == NDB:
		err = readNDB(d.Data, d.Size, take)
	case d.Name == BDB:
		err = readBDB(d.Data, d.Size, take)
	}
	if bad > 0 {
		err = errors.Join(err, fmt.Errorf("%d packages cannot be read: %w", bad, first))
	}
	return list, err
}

// A stopper fails when its context has ended.
type stopper struct {
	io.ReaderAt
	ctx context.Context
}

func stopping(ctx context.Context, r io.ReaderAt) io.ReaderAt {
	if r == nil {
		return nil
	}
	return &stopper{r, ctx}
}

func (s *stopper) ReadAt(b []byte, offset int64) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.ReaderAt.ReadAt(b, offset)
}

// at reads n bytes at an offset, or fails.
func at(r io.ReaderAt, offset int64, n int) ([]byte, error) {
	b := make([]byte, n)
	if read, err := r.ReadAt(b, offset); read < n {
		if err == io.EOF {
			return nil, damaged("it ends before offset %d", offset+int64(n))
		}
		return nil, err
	}
	return b, nil
}
