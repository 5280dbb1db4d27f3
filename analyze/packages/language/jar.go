package language

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"path"
	"slices"
	"strings"

	"layup/analyze/packages/record"
)

// The limits of archives of Java: honest ones do not come near.
const (
	jarDepth   = 3         // archives within archives
	jarInner   = 32 << 20  // bytes of a compressed archive within another
	jarHeld    = 64 << 20  // bytes of compressed archives within one another
	jarTotal   = 512 << 20 // bytes that are decompressed of all archives
	jarEntries = 2_000_000 // of all archives
	jarIndex   = 8 << 20   // bytes of the lists of entries of archives within one another: each takes much more memory
	jarIndexes = 256 << 20 // bytes of all lists of entries
	jarSizes   = 16 << 30  // bytes of all archives: package zip makes room for as many entries as these may have
	pomSize    = 64 << 10
)

// IsJar reports whether a path names an archive of Java.
func IsJar(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".jar", ".war", ".ear", ".jpi", ".hpi":
		return true
	}
	return false
}

// Jars read archives of Java, within limits for all of them. The zero Jars are ready.
type Jars struct {
	bytes   int64 // decompressed
	entries int
	index   int64 // bytes of lists of entries that were read
	sizes   int64 // bytes of archives
	full    bool  // a limit was reached
}

// A jar collects the packages of an archive and of the archives within it.
type jar struct {
	*Jars
	ctx   context.Context
	list  []record.Package
	err   error
	index int64 // bytes of the lists of entries of the archives that are open
	held  int64 // bytes of their contents
}

// Read reads META-INF/maven/**/pom.properties of an archive, and of the archives that it holds. The archive belongs to
// the package that has its name, else to the first one. The error is that of ctx, or says what is damaged or too large.
func (all *Jars) Read(
	ctx context.Context, name string, r io.ReaderAt, size int64,
) (list []record.Package, err error) {
	j := &jar{Jars: all, ctx: ctx}
	defer func() {
		if r := recover(); r != nil { // of the reader of zip files: the file is hostile
			list, err = j.list, fmt.Errorf("%w: %v", record.ErrDamaged, r)
		}
	}()
	j.read(name, r, size, 0)
	owner := 0
	base := path.Base(name)
	for i, p := range j.list {
		_, artifact, _ := strings.Cut(p.Name, ":")
		if p.Place == name && strings.HasPrefix(base, artifact) {
			owner = i
			break
		}
	}
	if len(j.list) > 0 {
		j.list[owner].Files = []record.File{{Path: name}}
	}
	return j.list, j.err
}

func (j *jar) damaged(name string, err error) {
	if j.err == nil {
		j.err = fmt.Errorf("%w: %s: %v", record.ErrDamaged, path.Base(name), err)
	}
}

func (j *jar) read(name string, r io.ReaderAt, size int64, depth int) {
	index := &bounded{r, min(jarIndex-j.index, jarIndexes-j.Jars.index)}
	before := index.left
	if j.sizes += size; j.full || j.sizes > jarSizes {
		j.fill(name)
		return
	}
	z, err := zip.NewReader(index, size)
	used := before - index.left
	j.Jars.index += used
	if err != nil {
		j.damaged(name, err)
		return
	}
	index.left = math.MaxInt64
	z.File = slices.Clone(z.File) // it may have room for many more
	if j.entries += len(z.File); j.entries > jarEntries || j.Jars.index >= jarIndexes {
		j.fill(name)
		return
	}
	j.index += used
	defer func() { j.index -= used }()
	for _, f := range z.File {
		if err := j.ctx.Err(); err != nil || j.full {
			j.err = cmp.Or(err, j.err)
			return
		}
		switch base := path.Base(f.Name); {
		case base == "pom.properties" && strings.HasPrefix(f.Name, "META-INF/maven/"):
			if text, err := j.content(f, pomSize); err != nil {
				j.damaged(name, err)
			} else {
				j.pom(name, text)
			}
		case IsJar(f.Name) && depth < jarDepth:
			j.inner(name+"!/"+f.Name, r, f, depth)
		}
	}
}

// fill ends the reading of all archives.
func (j *jar) fill(name string) {
	j.full = true
	j.damaged(name, fmt.Errorf("all archives have more than %d entries, %d bytes in lists of them, or %d bytes",
		jarEntries, jarIndexes, jarSizes))
}

// bounded fails after it has read as many bytes as are left.
type bounded struct {
	io.ReaderAt
	left int64
}

func (b *bounded) ReadAt(p []byte, offset int64) (int, error) {
	if int64(len(p)) > b.left {
		b.left = 0
		return 0, fmt.Errorf("its list of entries has more than %d bytes", jarIndex)
	}
	b.left -= int64(len(p))
	return b.ReaderAt.ReadAt(p, offset)
}

// inner reads an archive within another. One that is stored as it is needs no copy.
func (j *jar) inner(name string, r io.ReaderAt, f *zip.File, depth int) {
	if f.Method == zip.Store {
		if at, err := f.DataOffset(); err == nil {
			j.read(name, io.NewSectionReader(r, at, int64(min(f.UncompressedSize64, 1<<40))),
				int64(min(f.UncompressedSize64, 1<<40)), depth+1)
			return
		}
	}
	content, err := j.content(f, min(jarInner, jarHeld-j.held))
	if err != nil {
		j.damaged(name, err)
		return
	}
	j.held += int64(len(content))
	defer func() { j.held -= int64(len(content)) }()
	j.read(name, bytes.NewReader(content), int64(len(content)), depth+1)
}

// content decompresses an entry of at most a size.
func (j *jar) content(f *zip.File, most int64) ([]byte, error) {
	if most = min(most, jarTotal-j.bytes); int64(min(f.UncompressedSize64, 1<<62)) > most {
		return nil, fmt.Errorf("an entry of %d bytes", f.UncompressedSize64)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close() // only read from
	text, err := io.ReadAll(io.LimitReader(r, most))
	j.bytes += int64(len(text))
	return text, err
}

// pom reads a pom.properties: NAME=VALUE a line.
func (j *jar) pom(name string, text []byte) {
	var group, artifact string
	p := record.Package{Place: name}
	for line := range strings.Lines(string(text)) {
		field, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch value = strings.TrimSpace(value); strings.TrimSpace(field) {
		case "groupId":
			group = value
		case "artifactId":
			artifact = value
		case "version":
			p.Version = value
		}
	}
	p.Name = group + ":" + artifact
	if group != "" && artifact != "" && p.Sound() && len(j.list) < record.MostPackages {
		j.list = append(j.list, p)
	}
}
