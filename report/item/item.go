// Package item writes versions of paths as the items of a document, and as the columns of a table.
package item

import (
	"fmt"
	"slices"
	"strings"

	"layup/analyze"
	"layup/analyze/show"
	"layup/report/render"
	"layup/tarfs"
)

// The members of an item by their JSON names; the functions below append their values in this order.
var (
	PathField  = []render.Field{{Name: "path", Kind: render.Name}}
	MetaFields = []render.Field{{Name: "type"}, {Name: "mode"}, {Name: "uid", Kind: render.Int}, {Name: "gid",
		Kind: render.Int}, {Name: "size", Kind: render.Int}, {Name: "mtime", Kind: render.Time}}
	LayerField  = []render.Field{{Name: "layer", Kind: render.Int}}
	EntryFields = []render.Field{{Name: "metaLayer", Kind: render.Int}, {Name: "contentLayer", Kind: render.Int},
		{Name: "link", Kind: render.Name}, {Name: "device"},
		{Name: "hardlinks", Kind: render.Name}, {Name: "implied", Kind: render.Bool}, {Name: "xattrs", Kind: render.Object},
		{Name: "sha256"}}
	statusFields      = []render.Field{{Name: "status"}, {Name: "hiddenBy", Kind: render.Int}, {Name: "how"}}
	InstructionFields = []render.Field{{Name: "createdBy"}, {Name: "comment"}, {Name: "instruction"}}
	LineField         = []render.Field{{Name: "dockerfile", Kind: render.Object}} // of the Dockerfile

	Fields        = slices.Concat(PathField, MetaFields, LayerField, EntryFields)
	VersionFields = slices.Concat(Fields, statusFields)
)

// Append appends Fields: a version of a path, as it is seen in a snapshot.
func Append(row []render.Value, v tarfs.Version, snap *tarfs.Snapshot) []render.Value {
	row = append(row, render.N(v.Node().Path()))
	row = AppendMeta(row, v)
	row = append(row, render.I(int64(v.Layer())))
	return AppendEntry(row, v, snap)
}

// AppendMeta appends MetaFields. Only files have a size, and what no entry lists has no time.
func AppendMeta(row []render.Value, v tarfs.Version) []render.Value {
	m := v.Meta()
	row = append(row, render.T(v.Type().String()), render.T(Mode(v)), render.I(int64(m.UID)), render.I(int64(m.GID)))
	size, mtime := render.Value{}, render.Value{}
	if v.Type() == tarfs.File {
		size = render.I(v.Size())
	}
	if v.HasMTime() {
		mtime = render.At(m.MTime, m.MTimeNS)
	}
	return append(row, size, mtime)
}

// MTime returns the time of a version as tables show it, with nanoseconds if it has any.
func MTime(v tarfs.Version) string {
	m := v.Meta()
	if m.MTimeNS == 0 || !show.Dated(m.MTime) {
		return show.When(m.MTime)
	}
	return fmt.Sprintf("%s.%09dZ", strings.TrimSuffix(show.When(m.MTime), "Z"), m.MTimeNS)
}

// Mode returns the permissions in octal; those of a symlink mean nothing, and every system shows them as 0777.
func Mode(v tarfs.Version) string {
	if v.Type() == tarfs.Symlink {
		return "0777"
	}
	mode := v.Meta().Mode // 12 bits
	return string([]byte{'0' + byte(mode>>9&7), '0' + byte(mode>>6&7), '0' + byte(mode>>3&7), '0' + byte(mode&7)})
}

// AppendEntry appends EntryFields.
func AppendEntry(row []render.Value, v tarfs.Version, snap *tarfs.Snapshot) []render.Value {
	var content, link, device, first, implied, xattrs, digest render.Value
	if v.Type() == tarfs.File && v.ContentLayer() != v.Layer() {
		content = render.I(int64(v.ContentLayer()))
	}
	switch v.Type() {
	case tarfs.Symlink:
		link = render.N(v.Link())
	case tarfs.Char, tarfs.Block:
		major, minor := v.Device()
		device = render.T(fmt.Sprintf("%d:%d", major, minor))
	}
	if n, several := snap.FirstName(v); several {
		first = render.N(n.Path())
	}
	if v.Implied() {
		implied = render.B(true)
	}
	if list := v.Xattrs(); len(list) > 0 {
		byName := make(map[string][]byte, len(list)) // encoding/json sorts the names and writes the bytes in base64
		for _, x := range list {
			byName[x.Name] = []byte(x.Value)
		}
		xattrs = render.O(byName)
	}
	if sum, ok := v.Digest(); ok && v.Type() == tarfs.File {
		digest = render.T(fmt.Sprintf("%x", sum))
	}
	return append(row, render.I(int64(v.MetaLayer())), content, link, device, first, implied, xattrs, digest)
}

// AppendStatus appends statusFields.
func AppendStatus(row []render.Value, h analyze.Hit) []render.Value {
	if h.HiddenBy == tarfs.NoLayer {
		return append(row, render.T(h.Status.String()), render.Value{}, render.Value{})
	}
	return append(row, render.T(h.Status.String()), render.I(int64(h.HiddenBy)), render.T(h.How.String()))
}

// AppendInstruction appends InstructionFields, absent if the history does not say.
func AppendInstruction(row []render.Value, i analyze.Instruction) []render.Value {
	return append(row, render.Known(i.Raw), render.Known(i.Comment), render.Known(i.Readable))
}

// AppendLine appends LineField.
func AppendLine(row []render.Value, i analyze.Instruction) []render.Value {
	return append(row, lineOf(i))
}

func lineOf(i analyze.Instruction) render.Value {
	if i.Line == nil {
		return render.Value{}
	}
	return render.O(i.Line)
}

// LineMember is LineField in a small table.
func LineMember[T any](of func(T) analyze.Instruction) render.Member[T] {
	return render.Of(LineField[0].Name, render.Object, func(thing T) render.Value { return lineOf(of(thing)) })
}

// InstructionMembers are InstructionFields in a small table.
func InstructionMembers[T any](of func(T) analyze.Instruction) render.Table[T] {
	return render.Table[T]{
		render.TextOf("createdBy", func(thing T) string { return of(thing).Raw }),
		render.TextOf("comment", func(thing T) string { return of(thing).Comment }),
		render.TextOf("instruction", func(thing T) string { return of(thing).Readable }),
	}
}
