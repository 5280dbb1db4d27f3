package catalogue

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"path"
	"reflect"
	"slices"
	"strings"

	"layup/analyze/catalogue/place"
)

// A Sealed is what sealing found and did.
type Sealed struct {
	Missing []Missing // what is not done of the plan
	Layers  int       // in the catalogue
	Failed  int       // layers that could not be read
	Before  int       // parts in files/, layers/ and images/ before small ones were merged
	After   int
}

// A Missing is a batch that is not done.
type Missing struct {
	Batch  int
	Layers int   // of the batch, also those that are read already
	Bytes  int64 // stored
}

// smallPart is the size, in bytes, below which a part is merged with others.
const smallPart = 8 << 20

// largePart is about the size, in bytes, of what merging makes.
const largePart = 64 << 20

// mergedName is the file that lists what a merge has replaced and not removed yet.
const mergedName = planFolder + "/merged.json"

// Seal says what is missing of the plan, and merges small parts. A process that asks or writes at the same time may
// find parts gone. Interrupted, it goes on.
func (c *Catalogue) Seal(ctx context.Context) (s Sealed, err error) {
	if err := c.unfinished(ctx, &s); err != nil {
		return s, err
	}
	if len(s.Missing) > 0 { // a batch that goes on must find its parts
		return s, nil
	}
	if err := c.removeMerged(ctx); err != nil {
		return s, err
	}
	for _, folder := range []string{filesFolder, layersFolder, imagesFolder} {
		list, err := c.Place.List(ctx, folder)
		if err != nil {
			return s, err
		}
		s.Before += len(list)
	}
	m := &merge{Catalogue: c, moved: map[string]string{}, seen: map[brief]bool{}}
	if err := m.run(ctx); err != nil {
		return s, err
	}
	s.After = s.Before - m.fewer
	errs := each(ctx, c.Place, layersFolder, func(row *LayerRow) {
		if row.Error != "" {
			s.Failed++
		} else {
			s.Layers++
		}
	})
	return s, errors.Join(errs...)
}

// unfinished lists the batches that are not done.
func (c *Catalogue) unfinished(ctx context.Context, s *Sealed) error {
	plan, err := c.Planned(ctx)
	if errors.Is(err, ErrNoPlan) {
		return nil
	}
	for number := range plan.Batches {
		var share Share
		if err == nil {
			err = getJSON(ctx, c.Place, plan.batchName(number), &share)
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			err = nil
		case err != nil:
			return err
		default:
			s.Missing = append(s.Missing, Missing{number, share.Layers, share.Bytes})
		}
	}
	return err
}

// removeMerged removes what an earlier merge replaced.
func (c *Catalogue) removeMerged(ctx context.Context) error {
	var old []string
	err := getJSON(ctx, c.Place, mergedName, &old)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	slices.SortStableFunc(old, func(a, b string) int { // last what others name
		return strings.Compare(path.Dir(b), path.Dir(a))
	})
	for _, name := range old {
		if folder := path.Dir(name); folder != filesFolder && folder != layersFolder && folder != imagesFolder {
			return foreign(c.Place, mergedName, errors.New("names "+name))
		}
		if err == nil {
			err = c.Place.Remove(ctx, name)
		}
	}
	if err != nil {
		return err
	}
	return c.Place.Remove(ctx, mergedName)
}

// A merge replaces small parts. First the new parts of files/ are written, then those of layers/ that say so, then the
// old ones are removed: at any time each layer has a row that names a part.
type merge struct {
	*Catalogue
	moved map[string]string // parts of files/: from old to new
	old   []string          // parts that are replaced
	seen  map[brief]bool    // rows of layers/ and images/ that are written
	fewer int
}

func (m *merge) run(ctx context.Context) error {
	files, err := m.small(ctx, filesFolder)
	if err != nil {
		return err
	}
	for _, group := range groups(files) {
		if err := m.files(ctx, group); err != nil {
			return err
		}
	}
	layers, err := m.Place.List(ctx, layersFolder)
	if err != nil {
		return err
	}
	if len(m.moved) > 0 || len(layers) > 1 {
		err = rewrite(ctx, m, layersFolder, layers, func(row *LayerRow) {
			if now, ok := m.moved[row.Part]; ok {
				row.Part = now
			}
		})
	}
	if err != nil {
		return err
	}
	images, err := m.small(ctx, imagesFolder)
	if err == nil && len(images) > 1 {
		err = rewrite(ctx, m, imagesFolder, images, func(*ImageRow) {})
	}
	if err != nil || len(m.old) == 0 {
		return err
	}
	if err := putJSON(ctx, m.Place, mergedName, m.old); err != nil {
		return err
	}
	return m.removeMerged(ctx)
}

// small lists the small parts of a folder.
func (m *merge) small(ctx context.Context, folder string) ([]place.Info, error) {
	list, err := m.Place.List(ctx, folder)
	return slices.DeleteFunc(list, func(i place.Info) bool { return i.Size >= smallPart }), err
}

// mostParts is how many parts are merged at once: all are open.
const mostParts = 64

// groups puts parts together until they are large. A part that stays alone is not merged.
func groups(list []place.Info) (all [][]place.Info) {
	var group []place.Info
	size := int64(0)
	for i, part := range list {
		group = append(group, part)
		if size += part.Size; size < largePart && len(group) < mostParts && i < len(list)-1 {
			continue
		}
		if len(group) > 1 {
			all = append(all, group)
		}
		group, size = nil, 0
	}
	return all
}

// files merges parts of files/.
func (m *merge) files(ctx context.Context, group []place.Info) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	names := namesOf(group)
	name := nameOf(filesFolder, []any{Version, "merged", names})
	var lists []iter.Seq[FileRow]
	for _, old := range names {
		p, err := open(ctx, m.Place, old)
		if err != nil {
			return err
		}
		defer p.Close() // only read from
		lists = append(lists, each1(func(do func(*FileRow) error) error { return rows(ctx, p, do) }, fail))
		m.moved[old] = name
		m.old = append(m.old, old)
	}
	m.fewer += len(names) - 1
	return putWhole(ctx, m.Catalogue, name, distinct(mergeRows(lists)))
}

// errStopped says that nobody wants more rows.
var errStopped = errors.New("stopped")

// each1 yields the rows that a function reads. An error goes to fail.
func each1[T any](read func(do func(*T) error) error, fail func(error)) iter.Seq[T] {
	return func(yield func(T) bool) {
		err := read(func(row *T) error {
			if !yield(*row) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			fail(err)
		}
	}
}

// putWhole writes a part unless its context was cancelled, and returns why it was.
func putWhole[T any](ctx context.Context, c *Catalogue, name string, all iter.Seq[T]) error {
	err := put(ctx, c, name, all)
	if err != nil && context.Cause(ctx) != nil {
		return context.Cause(ctx)
	}
	return err
}

func namesOf(list []place.Info) (names []string) {
	for _, info := range list {
		names = append(names, info.Name)
	}
	return names
}

// distinct drops rows that two processes wrote: rows of one path and layer stand together, and are few.
func distinct(all iter.Seq[FileRow]) iter.Seq[FileRow] {
	return func(yield func(FileRow) bool) {
		var alike []FileRow
		for row := range all {
			if len(alike) > 0 && compareRows(&alike[0], &row) != 0 {
				alike = alike[:0]
			}
			if slices.ContainsFunc(alike, func(other FileRow) bool { return reflect.DeepEqual(other, row) }) {
				continue
			}
			alike = append(alike, row)
			if !yield(row) {
				return
			}
		}
	}
}

// rewrite merges parts of layers/ or images/ into one, without rows that are there twice.
func rewrite[T any, R row[T]](ctx context.Context, m *merge, folder string, list []place.Info, change func(*T)) error {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	name := nameOf(folder, []any{Version, "merged", namesOf(list), m.old})
	read := func(do func(*T) error) error {
		for _, info := range list {
			err := part1[T, R](ctx, m.Place, info.Name, func(row *T) error {
				change(row)
				id := briefly(hashOf(row))
				if m.seen[id] {
					return nil
				}
				m.seen[id] = true
				return do(row)
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	if err := putWhole(ctx, m.Catalogue, name, each1(read, fail)); err != nil {
		return err
	}
	m.fewer += len(list) - 1
	m.old = append(m.old, namesOf(list)...)
	return nil
}
