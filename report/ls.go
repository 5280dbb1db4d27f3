package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/space"
	"layup/report/arg"
	"layup/report/call"
	"layup/report/item"
	"layup/report/render"
	"layup/tarfs"
)

const lsDetails = `
Of a directory what lies in it is listed, of anything else the thing itself; without PATH, the root. A
symlink to a directory is followed. -R and --depth also list the directory itself: --depth 0 lists
nothing else. LAYER is the owner, as "layup owner" says. --layer N lists what that layer's own tar
holds, at and below PATH, and the paths it deletes, whatever later layers did. -l shows of a directory
what "layup du" says, the content at and below it without the holes of sparse files, and sorts by that;
JSON has it as treeSize.
`

// A listing is what the flags of ls ask for.
type listing struct {
	long, recursive    bool
	needs              analyze.Needs
	depth, layer, upto *arg.Number
	sort               *arg.Choice

	sizes *sizes // with -l
}

// sizedFields are item.Fields, what is at and below a directory, and whether more is there that could not be read.
var sizedFields = append(slices.Clone(item.Fields), render.Field{Name: "treeSize", Kind: render.Int},
	render.Field{Name: "partial", Kind: render.Bool})

// sizes are what is visible at and below directories.
type sizes struct {
	*space.Directories
	partial bool // a layer could not be read whole
}

func sizesOf(img *analyze.Image, snap *tarfs.Snapshot) *sizes {
	return &sizes{space.Visible(img.Tree(), snap, nil), len(img.Errors()) > 0}
}

// over marks the size of a directory that leaves out what could not be read.
func over(partial bool, size string) string {
	if partial {
		return "over " + size
	}
	return size
}

func newLs(f *pflag.FlagSet) call.Answer {
	l := &listing{}
	f.BoolVarP(&l.long, "long", "l", false, "show mode, owner, size and time")
	f.BoolVarP(&l.recursive, "recursive", "R", false, "list everything below")
	l.depth = arg.Count(f, "depth", "list `N` levels below")
	l.layer = arg.Count(f, "layer", "list the own entries of layer `N`")
	l.upto = arg.Count(f, "upto", "list what is visible after layer `N`")
	l.sort = chooseOrder(f)
	f.BoolVar(&l.needs.Digests, "digests", false, "show the SHA-256 of the files' content")
	return func(ctx context.Context, c *call.Call) (int, error) {
		switch {
		case l.layer.Given && (l.upto.Given || l.depth.Given):
			return call.Failed, call.Usage("--upto N is the view after layer N; --layer N what layer N holds itself",
				"ls: --layer excludes --upto and --depth")
		case l.recursive && l.depth.Given:
			return call.Failed, call.Usage("", "ls: -R and --depth exclude each other")
		}
		return call.About(&l.needs, l.ask)(ctx, c)
	}
}

func (l *listing) ask(c *call.Call, img *analyze.Image, args []string) (call.Part, error) {
	if l.layer.Given {
		return l.own(img, path.Clean("/"+strings.Join(args, "")))
	}
	snap, from, err := start(c, img, l.upto, args)
	if err != nil {
		return absent(item.Fields, err)
	}
	var p call.Part
	p.Fields = item.Fields
	if l.long {
		p.Fields, l.sizes = sizedFields, sizesOf(img, snap)
	}
	p.Columns = l.columns(p.Fields)
	p.Rows = itemRows(l.sorted(l.versions(snap, from)), snap, l.sizes)
	return p, nil
}

// own lists the entries of one layer's tar: what it wrote, and the top-most paths that it deleted.
func (l *listing) own(img *analyze.Image, top string) (call.Part, error) {
	var p call.Part
	if err := call.CheckLayer(img, "layer", l.layer.N); err != nil {
		return p, err
	}
	hits := img.Own(l.layer.N, top)
	if order := orderOf(l.sort.Word); order != nil {
		hits = slices.Values(slices.SortedStableFunc(hits, func(a, b analyze.Hit) int {
			return order(l.stamp(a.Version), l.stamp(b.Version))
		}))
	}
	p.Fields, p.Rows, p.Columns = item.VersionFields, hitRows(img, hits), l.columns(item.VersionFields)
	for range hits {
		return p, nil
	}
	if top != "/" {
		p.Missing = []error{fmt.Errorf("%q: layer %d has no entry there", top, l.layer.N)}
	}
	return p, nil
}

// itemRows are the rows of what is visible in a snapshot: item.Fields each, or sizedFields if there are sizes.
func itemRows(versions iter.Seq[tarfs.Version], snap *tarfs.Snapshot, sizes *sizes) iter.Seq[[]render.Value] {
	return func(yield func([]render.Value) bool) {
		var row []render.Value
		for v := range versions {
			row = item.Append(row[:0], v, snap)
			if sizes != nil {
				size, partial := render.Value{}, render.Value{}
				if v.Type() == tarfs.Dir {
					size = render.I(sizes.Bytes(v.Node()))
					if sizes.partial {
						partial = render.B(true)
					}
				}
				row = append(row, size, partial)
			}
			if !yield(row) {
				return
			}
		}
	}
}

// start finds where a listing begins: the path or the root, after the given layer or the last. A path that is not
// there is an *absentError.
func start(
	c *call.Call,
	img *analyze.Image,
	upto *arg.Number,
	args []string,
) (*tarfs.Snapshot, tarfs.Version, error) {
	if err := call.CheckLayer(img, "upto", upto.Or(0)); upto.Given && err != nil {
		return nil, tarfs.Version{}, err
	}
	last := upto.Or(analyze.Last)
	snap := img.Tree().At(last)
	asked := cmp.Or(strings.Join(args, ""), "/")
	o, err := img.Owner(asked, true, last)
	if err != nil || o.Version.Type() != tarfs.Dir {
		var unfollowed analyze.Owner // a symlink that does not lead to a directory is listed itself
		if unfollowed, err = img.Owner(asked, false, last); err == nil {
			o = unfollowed
		}
	}
	if err != nil {
		return nil, tarfs.Version{}, &absentError{c.Missing(img, last, false, err)}
	}
	return snap, o.Version, nil
}

// An absentError says that the answer is no: there is nothing to list.
type absentError struct{ error }

func (e *absentError) Unwrap() error { return e.error }

// absent is the empty answer about a path that is not there; other errors stay errors.
func absent(fields []render.Field, err error) (call.Part, error) {
	var p call.Part
	e, ok := errors.AsType[*absentError](err)
	if !ok {
		return p, err
	}
	p.Fields, p.Missing = fields, []error{e.error}
	return p, nil
}

// versions are what is listed of a snapshot.
func (l *listing) versions(snap *tarfs.Snapshot, from tarfs.Version) iter.Seq[tarfs.Version] {
	switch {
	case l.recursive:
		return snap.Walk(from.Node(), -1)
	case l.depth.Given:
		return snap.Walk(from.Node(), l.depth.N)
	case from.Type() != tarfs.Dir:
		return snap.Walk(from.Node(), 0)
	}
	return func(yield func(tarfs.Version) bool) {
		first := true
		for v := range snap.Walk(from.Node(), 1) {
			if !first && !yield(v) {
				return
			}
			first = false
		}
	}
}

// sorted puts versions, which come in path order, in the order of --sort. Equal ones keep their order.
func (l *listing) sorted(versions iter.Seq[tarfs.Version]) iter.Seq[tarfs.Version] {
	order := orderOf(l.sort.Word)
	if order == nil {
		return versions
	}
	return slices.Values(slices.SortedStableFunc(versions, func(a, b tarfs.Version) int {
		return order(l.stamp(a), l.stamp(b))
	}))
}

// stamp is what --sort goes by.
func (l *listing) stamp(v tarfs.Version) stamp {
	of := stampOf(v)
	of.size = l.size(v)
	return of
}

// size is that of a file, or what is at and below a directory if sizes were added up.
func (l *listing) size(v tarfs.Version) int64 {
	if l.sizes != nil && v.Type() == tarfs.Dir {
		return l.sizes.Bytes(v.Node())
	}
	return v.Size()
}

func (l *listing) columns(fields []render.Field) []render.Column {
	columns := []render.Column{item.Column(fields, "LAYER", "layer", render.Dashed)}
	if l.layer.Given {
		columns = append(columns, statusColumn(fields))
	}
	if l.long {
		columns = append(columns, item.Spare(item.ModeColumn(fields)), item.Spare(item.IDsColumn(fields)), sizeColumn(fields),
			item.Spare(item.Column(fields, "MODIFIED", "mtime", render.Moment)))
	} else {
		columns = append(columns, sizeColumn(fields))
	}
	if l.needs.Digests {
		columns = append(columns, item.DigestColumn(fields))
	}
	return append(columns, item.PathColumn(fields))
}

// sizeColumn shows the size of a file, or what is at and below a directory if the fields say so.
func sizeColumn(fields []render.Field) render.Column {
	c := item.Column(fields, "SIZE", "size", render.Sized)
	if i := len(item.Fields); len(fields) > i && fields[i].Name == "treeSize" {
		size := item.At(fields, "size")
		c.Cell = func(row []render.Value) string {
			if row[size].Absent() {
				return over(!row[i+1].Absent(), render.Sized(row[i]))
			}
			return render.Sized(row[size])
		}
	}
	return c
}

// chooseOrder adds --sort.
func chooseOrder(f *pflag.FlagSet) *arg.Choice {
	return arg.Choose(f, "sort", []string{"path", "size", "mtime", "layer"},
		"sort by path, largest, newest, or oldest layer first")
}

// A stamp is that of a version by which --sort sorts.
type stamp struct {
	size, mtime int64
	mtimeNS     uint32
	layer       int
}

func stampOf(v tarfs.Version) stamp {
	m := v.Meta()
	return stamp{v.Size(), m.MTime, m.MTimeNS, v.Layer()}
}

// orderOf compares by a word of --sort; nil is path order.
func orderOf(word string) func(a, b stamp) int {
	switch word {
	case "size":
		return func(a, b stamp) int { return cmp.Compare(b.size, a.size) }
	case "mtime":
		return func(a, b stamp) int { return cmp.Or(cmp.Compare(b.mtime, a.mtime), cmp.Compare(b.mtimeNS, a.mtimeNS)) }
	case "layer":
		return func(a, b stamp) int { return cmp.Compare(a.layer, b.layer) }
	}
	return nil
}
