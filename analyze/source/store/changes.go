package store

import (
	"context"
	"errors"
	"iter"
	"path"
	"slices"

	"layup/tarfs"
)

// Changes turns what differs between two whole trees, of which the vfs driver keeps one for each layer, into the tar of
// the upper layer: in tarfs.Overlay's dialect, with every directory above a change.
func Changes(files Files, below, dir string, layout Layout) *Tar {
	return &Tar{Files: files, Dialect: tarfs.Overlay, Copied: true, Segments: func(ctx context.Context) iter.Seq2[Segment, error] {
		return func(yield func(Segment, error) bool) {
			w := &overlayWalk{files: files, dir: dir, layout: layout, yield: yield, seen: map[Inode]string{}}
			c := &changes{overlayWalk: w, before: map[string]Info{}, above: map[string]*aboveDir{}}
			err := w.owner()
			if err == nil {
				err = c.run(ctx, below)
			}
			if err == nil {
				yield(Segment{Bytes: make([]byte, 2*blockSize)}, nil)
			} else if !errors.Is(err, errStop) {
				yield(Segment{}, err)
			}
		}
	}}
}

// changes compares two trees while it walks the upper one.
type changes struct {
	*overlayWalk
	before map[string]Info // of the lower tree, what was not yet met in the upper one
	above  map[string]*aboveDir
}

// An aboveDir is a directory of the upper tree.
type aboveDir struct {
	Entry
	written bool
}

func (c *changes) run(ctx context.Context, below string) error {
	for e, err := range c.files.Walk(ctx, below) {
		if err != nil {
			return err
		}
		c.before[e.Path] = e.Info
	}
	for e, err := range c.files.Walk(ctx, c.dir) {
		if err == nil {
			err = c.compare(e)
		}
		if err != nil {
			return err
		}
	}
	return c.removed()
}

// compare writes an entry of the upper tree where it differs.
func (c *changes) compare(e Entry) error {
	old, ok := c.before[e.Path]
	delete(c.before, e.Path)
	d := &aboveDir{Entry: e}
	if e.Type == tarfs.Dir {
		c.above[e.Path] = d
	}
	if ok && same(old, e.Info) {
		return nil
	}
	if err := c.parents(e.Path); err != nil {
		return err
	}
	d.written = true
	return c.entry(e)
}

// parents writes the directories above a change that have not been written.
func (c *changes) parents(name string) error {
	dir := path.Dir(name)
	d := c.above[dir]
	if d == nil || d.written {
		return nil
	}
	if err := c.parents(dir); err != nil {
		return err
	}
	d.written = true
	return c.entry(d.Entry)
}

// removed hides what only the lower tree has, the topmost of it.
func (c *changes) removed() error {
	var gone []string
	for name := range c.before {
		_, above := c.before[path.Dir(name)]
		if d := c.above[path.Dir(name)]; !above && (d != nil || path.Dir(name) == ".") {
			gone = append(gone, name)
		}
	}
	slices.Sort(gone)
	for _, name := range gone {
		if err := c.parents(name); err != nil {
			return err
		}
		if err := c.header(Entry{Path: name, Info: Info{Type: tarfs.Char}}); err != nil {
			return err
		}
	}
	return nil
}

// same compares what a driver that copies files keeps.
func same(a, b Info) bool {
	return a.Type == b.Type && a.Mode == b.Mode && a.UID == b.UID && a.GID == b.GID && a.Size == b.Size && a.MTime == b.MTime && a.MTimeNS == b.MTimeNS &&
		a.Link == b.Link && a.Major == b.Major && a.Minor == b.Minor && slices.Equal(a.Xattrs, b.Xattrs)
}
