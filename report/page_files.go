package report

import (
	"fmt"
	"slices"
	"strconv"

	"layup/analyze"
	databases "layup/analyze/packages"
	"layup/analyze/show"
	"layup/report/render/html"
	"layup/tarfs"
)

// What became of a change's version, as the page's script counts it. The first four are statuses of versions.
const (
	fateLive = iota
	fateOverwritten
	fateDeleted
	fateMetadataOnly // overwritten by a file with equal content
	fateNone         // the change has no version of its own: a deletion, or a directory that a later layer lists again
)

// kinds of changes, in the order of their numbers on the page.
var changeKinds = map[string]uint64{"add": 0, "modify": 1, "metadata": 2, "delete": 3, "opaque": 4, "replace": 5}

// Flags of a change.
const (
	flagImplied = 1 << iota
	flagTimed
	flagSameKnown
	flagSame
)

// What an extra value of a change is.
const (
	extraLink = iota
	extraDevice
	extraHardlink
	extraXattr      // its name
	extraXattrValue // of the name before it
	extraSensitive
	extraSeconds // a time of a year that has not four digits
	extraDigest
)

// changeColumns are the columns of the page's table of files. A path has a row for each change that a layer made.
type changeColumns struct {
	*html.Table
	climb, name, changes *html.Column // of each path, in path order

	layer, kind, flags, typ, mode, uid, gid, size, mtime, nanos *html.Column // of each change
	fate, hiddenBy, how, counted, owner, pkg                    *html.Column

	extraAt, extraKind, extraValue *html.Column // what few changes have

	snap      *tarfs.Snapshot
	rows      int   // written so far
	lastExtra int   // the row of the last extra value
	lastTime  int64 // of the last row that has a time
	open      []int // numbers of the directories above the last path, and its own
	log       []analyze.Change
	digests   bool // with the digests of contents
	counts    func(layer int) bool
	packages  *databases.Set
	number    map[*databases.Package]int // its place in the list of all + 1
}

// filesOf lists every path that any layer ever held, and what every layer did to it, as log says.
func filesOf(img *analyze.Image, name string, digests bool, set *databases.Set) *html.Table {
	t := html.NewTable(name)
	c := &changeColumns{Table: t, climb: t.Numbers("climb"), name: t.Names("name"), changes: t.Numbers("changes"),
		layer: t.Numbers("layer"), kind: t.Numbers("kind"), flags: t.Numbers("flags"), typ: t.Numbers("type"),
		mode: t.Numbers("mode"), uid: t.Numbers("uid"), gid: t.Numbers("gid"), size: t.Numbers("size"),
		mtime: t.Signed("mtime"), nanos: t.Numbers("nanos"), fate: t.Numbers("fate"), hiddenBy: t.Numbers("hiddenBy"),
		how: t.Numbers("how"), counted: t.Numbers("counted"), owner: t.Signed("owner"), pkg: t.Numbers("package"),
		extraAt: t.Numbers("extraAt"), extraKind: t.Numbers("extraKind"), extraValue: t.Names("extraValue"),
		snap: img.Top(), digests: digests, counts: img.Counts, packages: set, number: map[*databases.Package]int{}}
	for i, p := range set.List {
		c.number[p] = i + 1
	}
	for n := range img.Tree().Nodes() {
		c.path(n)
	}
	return t
}

// path writes a path: how many levels it is above the end of the last one, its name, and its changes.
func (c *changeColumns) path(n tarfs.Node) {
	climb := 0
	for len(c.open) > 0 && c.open[len(c.open)-1] != n.Parent().Number() {
		c.open = c.open[:len(c.open)-1]
		climb++
	}
	c.open = append(c.open, n.Number())
	c.climb.Add(uint64(climb))
	c.name.AddName(n.Name())
	c.log = analyze.AppendChanges(c.log[:0], n)
	c.changes.Add(uint64(len(c.log)))
	for i, change := range c.log {
		next := c.log[min(i+1, len(c.log)-1)]
		c.change(change, next)
	}
}

// change writes a change; next is what a later layer did to the path, or the change itself if it is the last.
func (c *changeColumns) change(change, next analyze.Change) {
	v := change.Version
	c.layer.Add(uint64(change.Layer + 1))
	c.kind.Add(changeKinds[change.Kind])
	if change.Kind == "delete" || change.Kind == "opaque" {
		c.gone()
	} else {
		c.entry(change, v)
		c.outcome(v, next)
	}
	c.rows++
}

// gone writes the columns of a change that leaves nothing.
func (c *changeColumns) gone() {
	for _, column := range []*html.Column{c.pkg, c.flags, c.typ, c.mode, c.uid, c.gid, c.size, c.nanos, c.hiddenBy,
		c.how} {
		column.Add(0)
	}
	c.fate.Add(fateNone)
	c.counted.Add(1)
	for _, column := range []*html.Column{c.mtime, c.owner} {
		column.AddSigned(0)
	}
}

func (c *changeColumns) entry(change analyze.Change, v tarfs.Version) {
	m := v.Meta()
	flags := uint64(0)
	if v.Implied() {
		flags |= flagImplied
	}
	if change.Same != nil {
		flags |= flagSameKnown
		if *change.Same {
			flags |= flagSame
		}
	}
	when, nanos := c.lastTime, uint32(0)
	switch {
	case v.HasMTime() && show.Dated(m.MTime):
		flags |= flagTimed
		when, nanos = m.MTime, m.MTimeNS
	case v.HasMTime():
		c.extra(extraSeconds, strconv.FormatInt(m.MTime, 10))
	}
	c.mtime.AddSigned(when - c.lastTime)
	c.lastTime = when
	c.nanos.Add(uint64(nanos))
	mode := uint64(m.Mode)
	if v.Type() == tarfs.Symlink {
		mode = 0o777 // every system shows it so
	}
	c.flags.Add(flags)
	c.typ.Add(uint64(v.Type()))
	c.mode.Add(mode)
	c.uid.Add(uint64(m.UID))
	c.gid.Add(uint64(m.GID))
	c.size.Add(uint64(v.Size()))
	c.owner.AddSigned(int64(v.Layer() - change.Layer))
	owner := 0
	if of := c.packages.Of(v); len(of) > 0 {
		owner = c.number[of[0]]
	}
	c.pkg.Add(uint64(owner))
	c.extras(v)
}

// outcome writes what became of a version, and the bytes that it alone accounts for.
func (c *changeColumns) outcome(v tarfs.Version, next analyze.Change) {
	h := analyze.HitOf(v)
	fate := uint64(h.Status)
	switch {
	case next.Kind == "metadata" && next.Version != v && next.Version.Relists():
		fate = fateNone
	case h.How == tarfs.Replaced && next.Same != nil && *next.Same && next.Layer == int(h.HiddenBy):
		fate = fateMetadataOnly
	}
	c.fate.Add(fate)
	c.hiddenBy.Add(uint64(h.HiddenBy + 1))
	c.how.Add(uint64(h.How))
	switch b, ok := v.Body(); {
	case !ok || b.Version() != v || !c.counts(b.Layer()):
		c.counted.Add(1)
	case b.Stored() == v.Size():
		c.counted.Add(0)
	default:
		c.counted.Add(uint64(b.Stored()) + 2)
	}
}

// extras writes what few versions have.
func (c *changeColumns) extras(v tarfs.Version) {
	switch v.Type() {
	case tarfs.Symlink:
		c.extra(extraLink, v.Link())
	case tarfs.Char, tarfs.Block:
		major, minor := v.Device()
		c.extra(extraDevice, fmt.Sprintf("%d:%d", major, minor))
	}
	if n, several := c.snap.FirstName(v); several {
		c.extra(extraHardlink, n.Path())
	}
	for _, x := range v.Xattrs() {
		c.extra(extraXattr, x.Name)
		c.extra(extraXattrValue, x.Value)
	}
	if sum, ok := v.Digest(); ok && c.digests && v.Type() == tarfs.File {
		c.extra(extraDigest, fmt.Sprintf("%x", sum))
	}
	if rule := analyze.Sensitive(v); rule != "" {
		c.extra(extraSensitive, rule)
	}
}

func (c *changeColumns) extra(kind int, value string) {
	c.extraAt.Add(uint64(c.rows - c.lastExtra))
	c.lastExtra = c.rows
	c.extraKind.Add(uint64(kind))
	c.extraValue.AddName(value)
}

// unseenOf lists the content that no layer ever showed.
func unseenOf(img *analyze.Image, name string) *html.Table {
	t := html.NewTable(name)
	path, layer, size, stored, how := t.Names("path"), t.Numbers("layer"), t.Numbers("size"), t.Numbers("stored"),
		t.Numbers("how")
	for h := range img.Unseen() {
		path.AddName(h.Version.Node().Path())
		layer.Add(uint64(h.Version.Layer()))
		size.Add(uint64(h.Version.Size()))
		b, _ := h.Version.Body()
		stored.Add(uint64(b.Stored()))
		how.Add(uint64(h.How))
	}
	return t
}

// differencesOf lists the paths that differ, in path order. A path is so many paths of the side's table after the last
// one, counted from before the root; 0 if the side does not show it.
func differencesOf(compared *analyze.Comparison) *html.Table {
	t := html.NewTable("differences")
	change, what, deletedBy := t.Numbers("change"), t.Numbers("what"), t.Numbers("deletedBy")
	columns := [2]*html.Column{t.Numbers("a"), t.Numbers("b")}
	places := [2][]int32{placesOf(compared.A.Image.Tree()), placesOf(compared.B.Image.Tree())}
	var last [2]int32
	changes := []string{analyze.Added, analyze.Removed, analyze.Changed}
	for d := range compared.Paths() {
		change.Add(uint64(slices.Index(changes, d.Change)))
		what.Add(uint64(d.What))
		deletedBy.Add(uint64(compared.DeletedBy(d) + 1))
		for i, v := range []tarfs.Version{d.A, d.B} {
			if ![...]bool{d.InA, d.InB}[i] {
				columns[i].Add(0)
				continue
			}
			at := places[i][v.Node().Number()] + 1
			columns[i].Add(uint64(at - last[i]))
			last[i] = at
		}
	}
	return t
}

// placesOf has the place of each node in path order, by its number.
func placesOf(tree *tarfs.Tree) []int32 {
	places, at := make([]int32, tree.Len()), int32(0)
	for n := range tree.Nodes() {
		places[n.Number()] = at
		at++
	}
	return places
}
