package store

import (
	"context"
	"path"
	"slices"

	"layup/tarfs"
)

// Changes turns the differences between two whole trees into the tar of the upper layer. The vfs driver keeps such a
// tree for each layer. The tar is in tarfs.Overlay's dialect, with every directory that contains a change.
func Changes(files Files, below, dir string, layout Layout) *Tar {
	t := overlayTar(files, dir, layout, func(ctx context.Context, w *overlayWalk) error {
		c := &changes{overlayWalk: w, before: map[string]Info{}, above: map[string]*aboveDir{}}
		return c.run(ctx, below)
	})
	t.Copied = true
	return t
}

// changes compares two trees while it walks the upper one.
type changes struct {
	*overlayWalk
	before map[string]Info // what the lower tree has and the walk has not yet found in the upper one
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
	if err := walk(ctx, c.files, c.dir, c.compare); err != nil {
		return err
	}
	return c.removed()
}

// compare writes an entry of the upper tree if it differs.
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

// parents writes the directories that contain a change, each once.
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

// removed hides what only the lower tree has. Hiding a directory hides everything below.
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

// same compares what a driver keeps when it copies a file.
func same(a, b Info) bool {
	return a.Type == b.Type && a.Mode == b.Mode && a.UID == b.UID && a.GID == b.GID && a.Size == b.Size &&
		a.MTime == b.MTime && a.MTimeNS == b.MTimeNS && a.Link == b.Link && a.Major == b.Major && a.Minor == b.Minor &&
		slices.Equal(a.Xattrs, b.Xattrs)
}
