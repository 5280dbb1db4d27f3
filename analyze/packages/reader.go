package packages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"layup/analyze"
	"layup/analyze/packages/language"
	"layup/analyze/packages/record"
	"layup/analyze/packages/rpm"
	"layup/analyze/sieve"
	"layup/tarfs"
)

// What this package warns of.
var (
	DatabaseDamaged = tarfs.Code{Name: "package-database-damaged", Severity: tarfs.Medium,
		Message: "a package database, or a part of it, cannot be read: packages may be missing"}
	DatabaseTooLarge = tarfs.Code{Name: "package-database-too-large", Severity: tarfs.Medium,
		Message: "a package database exceeds a limit and is not read: packages or their files may be missing"}
	PathsUnresolved = tarfs.Code{Name: "package-paths-unresolved", Severity: tarfs.Medium,
		Message: "paths of packages lead through too many symlinks: some files count as belonging to no package"}
	ListMissing = tarfs.Code{Name: "package-list-missing", Severity: tarfs.Low,
		Message: "the list of an installed package's files is missing: they count as belonging to no package"}
)

// Codes are all warnings of this package.
var Codes = []tarfs.Code{DatabaseDamaged, DatabaseTooLarge, PathsUnresolved, ListMissing}

// The limits of what is read of an image.
const (
	mostText     = 32 << 20  // bytes of a database that is text
	mostArchive  = 256 << 20 // bytes of an archive of Java, or of an executable
	mostWhole    = 1 << 30   // bytes of executables that are read again
	mostAgain    = 1000      // and how many
	mostRead     = 512 << 20 // bytes of text in all
	mostFiles    = 1 << 19   // files that databases name
	mostPaths    = 48 << 20  // bytes of their paths
	mostClaims   = 4 << 20   // paths of all packages of all layers
	mostRPM      = 4 << 30   // bytes of rpm's databases in all
	mostPackages = 100_000   // versions of packages
	mostSeen     = 3 << 20   // packages and their files, as often as databases of layers have them
	mostLinks    = 1000      // symlinks among the directories of paths, in all layers
	mostSteps    = 20 << 20  // names of paths that are looked up
	mostWarnings = 100
)

// Needs are what Read needs of an image. With sums, Changed also finds digests at hand, and can read files again.
func Needs(sums bool) analyze.Needs {
	needs := analyze.Needs{Sieve: func(name []byte, size int64) sieve.Filter { return choose(name, size, sums) }}
	if sums {
		needs.Bodies = analyze.SomeBodies
	}
	return needs
}

// choose says what to set aside of a file while its layer is read. Symlinks may lead to the databases, so
// only the ends of their usual paths are compared. Whatever it misses is read again.
func choose(name []byte, size int64, sums bool) sieve.Filter {
	cut := bytes.LastIndexByte(name, '/') + 1
	dir, base := name[:cut], string(name[cut:])
	most := int64(0)
	switch {
	case bytes.HasSuffix(dir, []byte("dpkg/info/")):
		if path := bytes.HasSuffix(name, []byte(".list")); path || sums && bytes.HasSuffix(name, []byte(".md5sums")) {
			most = mostText
		}
	case bytes.HasSuffix(dir, []byte("dpkg/status.d/")), base == "installed" && bytes.HasSuffix(dir, []byte("apk/db/")),
		(base == "status" || base == "diversions") && bytes.HasSuffix(dir, []byte("dpkg/")), base == "RECORD":
		most = mostText
	case base == rpm.SQLite || base == rpm.SQLiteWAL || base == rpm.NDB || base == rpm.BDB:
		if bytes.HasSuffix(dir, []byte("/rpm/")) {
			most = rpm.MostBytes
		}
	case base == "os-release", base == "package.json", language.IsPython(string(name)):
		most = language.MostBytes
	case language.IsJar(base):
		most = mostArchive
	}
	if size <= most {
		return sieve.Whole
	}
	return language.Executable(name, size)
}

// A reader reads the content of databases.
type reader struct {
	ctx         context.Context
	img         *analyze.Image
	again       []*analyze.Contents
	from        map[uint64]*analyze.Contents // by inode: what was not set aside
	left        int64                        // bytes of text that may still be read
	complaints  int                          // how often something could not be read
	warnings    []tarfs.Warning
	rpm         *record.Cache
	dpkg        *record.Cache
	leftRPM     int64
	jars        language.Jars
	executables int   // executables that are read again
	leftWhole   int64 // bytes of them that may still be read
	files       int   // that databases named
	seen        int   // packages and files of all states of databases
	paths       int   // bytes of the paths of these files
	steps       int   // taken to look paths up
	links       int   // followed for it
	lost        bool
}

func newReader(ctx context.Context, img *analyze.Image) *reader {
	return &reader{ctx: ctx, img: img, from: map[uint64]*analyze.Contents{}, left: mostRead, leftRPM: mostRPM,
		leftWhole: mostWhole, rpm: record.NewCache(), dpkg: record.NewCache()}
}

func (r *reader) close() {
	for _, c := range r.again {
		c.Close() // only read from
	}
}

// prepare makes versions readable: those that were not set aside are read again.
func (r *reader) prepare(versions []tarfs.Version) error {
	var missing []tarfs.Version
	for _, v := range versions {
		if v.Type() == tarfs.File && v.Size() > 0 && v.Size() <= mostText && r.img.Sieved(v) == nil {
			missing = append(missing, v)
		}
	}
	return r.reread(missing)
}

// mayRead reports whether an executable may be read again, and counts it.
func (r *reader) mayRead(v tarfs.Version) bool {
	if v.Size() > min(mostArchive, r.leftWhole) || r.executables == mostAgain {
		return false
	}
	r.leftWhole -= v.Size()
	r.executables++
	return true
}

// reread reads files again, all in one pass over each layer.
func (r *reader) reread(versions []tarfs.Version) error {
	if len(versions) == 0 {
		return nil
	}
	c, err := r.img.Contents(r.ctx, versions)
	if err != nil {
		return fmt.Errorf("package databases: %w", err)
	}
	r.again = append(r.again, c)
	for _, v := range versions {
		inode, _ := v.Inode()
		r.from[inode] = c
	}
	return nil
}

var errTooLarge = errors.New("too large")

// open returns what was set aside of a version, else its content if it was read again.
func (r *reader) open(v tarfs.Version) (io.ReaderAt, int64, error) {
	switch set := r.img.Sieved(v); {
	case v.Type() != tarfs.File:
		return nil, 0, fmt.Errorf("%w: a %s instead of a file", record.ErrDamaged, v.Type())
	case v.Size() == 0:
		return bytes.NewReader(nil), 0, nil
	case set != nil:
		return set, set.Size, nil
	}
	return r.whole(v)
}

// whole returns the content of a file that was read again.
func (r *reader) whole(v tarfs.Version) (io.ReaderAt, int64, error) {
	inode, _ := v.Inode()
	c := r.from[inode]
	if c == nil {
		return nil, 0, errTooLarge
	}
	body, err := c.Open(r.ctx, v)
	if err != nil {
		return nil, 0, err
	}
	if at, ok := body.At(); ok {
		return at, v.Size(), nil
	}
	if v.Size() > mostText {
		return nil, 0, errors.Join(errTooLarge, body.Close())
	}
	text, err := io.ReadAll(body.Expanded())
	return bytes.NewReader(text), int64(len(text)), errors.Join(err, body.Close())
}

// text returns the content of a version that was prepared, and counts it.
func (r *reader) text(v tarfs.Version) ([]byte, error) {
	at, size, err := r.open(v)
	if err != nil {
		return nil, err
	}
	if r.left -= size; r.left < 0 || size > mostText || r.seen > mostSeen {
		return nil, errTooLarge
	}
	text := make([]byte, size)
	if n, err := at.ReadAt(text, 0); int64(n) < size {
		return nil, err
	}
	return text, nil
}

// complain notes why a file could not be read, or not whole.
func (r *reader) complain(v tarfs.Version, err error) {
	if err == nil {
		return
	}
	r.complaints++
	code, note := DatabaseDamaged, err.Error()
	if errors.Is(err, errTooLarge) {
		code, note = DatabaseTooLarge, ""
	}
	r.warn(code, v.Layer(), v.Node().Path(), note)
}

func (r *reader) warn(code tarfs.Code, layer int, path, note string) {
	count, last := 0, -1
	for i, w := range r.warnings {
		if w.Code == code {
			count, last = count+1, i
		}
	}
	if count >= mostWarnings {
		r.warnings[last].More++
		return
	}
	r.warnings = append(r.warnings, tarfs.Warning{Code: code, Layer: layer, Path: path, Note: note})
}

// full warns once that a limit was reached.
func (r *reader) full(layer int, note string) {
	if !slices.ContainsFunc(r.warnings, func(w tarfs.Warning) bool { return w.Note == note }) {
		r.warn(DatabaseTooLarge, layer, "", note)
	}
}
