package report

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/show"
	"layup/report/arg"
	"layup/report/call"
	"layup/report/item"
	"layup/report/render"
	"layup/tarfs"
)

const duDetails = `
SIZE is the content of the files at and below a directory, as the final tree shows them. A file with
several hard links counts once in each directory that has any of them below it: a directory may hold less
than the sum of those in it. LAYER stores most of it. Of a sparse file its holes do not count.

HIDDEN is the content that the image still carries there and no longer shows: of a file, that of its older
versions. --hidden lists the directories that have any, deleted ones included, the largest of that first,
and names the layer that stores most of it. The sizes of the root are the "live" and "hidden" of layup waste.
`

// usages is what du was asked for.
type usages struct {
	depth         arg.Number
	total, hidden bool
	sort          *arg.Choice
}

// A directory is a row of du.
type directory struct {
	path         string
	size, hidden int64
	layer        int // which stores most of what is asked for
	instruction  analyze.Instruction
}

func newDu(f *pflag.FlagSet) call.Answer {
	u := &usages{}
	f.VarP(&u.depth, "depth", "d", "list `N` levels below")
	f.BoolVarP(&u.total, "summarize", "s", false, "only the sum: --depth 0")
	f.BoolVar(&u.hidden, "hidden", false, "list the directories that hide content")
	u.sort = arg.Choose(f, "sort", []string{"size", "hidden", "path"}, "sort by largest, most hidden, or path first "+
		"(default size; with --hidden, hidden)")
	var base call.BaseFlags
	base.Flags(f, true)
	return func(ctx context.Context, c *call.Call) (int, error) {
		images, paths := divided(c.Args)
		switch {
		case len(paths) > 1:
			return call.Failed, call.Usage("", "du: takes one path; %s is a second one", show.Path(paths[1]))
		case u.total && u.depth.Given:
			return call.Failed, call.Usage("", "du: --summarize and --depth exclude each other")
		case u.hidden && !f.Changed("sort"):
			u.sort.Word = "hidden"
		}
		var needs analyze.Needs
		if err := base.Find(ctx, c, &needs); err != nil {
			return call.Failed, err
		}
		return c.Ask(ctx, images, paths, needs, u.ask)
	}
}

func (u *usages) ask(c *call.Call, img *analyze.Image, args []string) (call.Part, error) {
	from, err := u.start(c, img, args)
	if err != nil {
		return absent(usageTable.Fields(), err)
	}
	list := u.list(img, from)
	order := func(d directory) int64 { return d.size }
	if u.sort.Word == "hidden" {
		order = func(d directory) int64 { return d.hidden }
	}
	sum := list[0] // that of the directory itself
	if u.sort.Word != "path" {
		slices.SortStableFunc(list, func(a, b directory) int { return cmp.Compare(order(b), order(a)) })
	}
	var p call.Part
	p.Section, p.Largest = usageTable.Section(list), u.sort.Word != "path"
	p.Footer = fmt.Sprintf("%s bytes live, %s hidden", show.Grouped(sum.size), show.Grouped(sum.hidden))
	return p, nil
}

// start is what was asked for: visible, or what was deleted and has hidden content.
func (u *usages) start(c *call.Call, img *analyze.Image, args []string) (tarfs.Node, error) {
	_, from, err := start(c, img, &arg.Number{}, args)
	if err == nil {
		return from.Node(), nil
	}
	if n, ok := img.Tree().Lookup(path.Clean("/" + strings.Join(args, ""))); ok && u.hidden {
		return n, nil
	}
	return tarfs.Node{}, err
}

// list returns what was asked for, first, and the directories below it.
func (u *usages) list(img *analyze.Image, from tarfs.Node) []directory {
	live, hidden := img.Usage(), img.HiddenUsage()
	depth := u.depth.Or(-1)
	if u.total {
		depth = 0
	}
	var list []directory
	add := func(n tarfs.Node) {
		d := directory{path: n.Path(), size: live.Bytes(n), hidden: hidden.Bytes(n), layer: live.Layer(n)}
		if v, ok := img.Top().Of(n); ok && v.Type() == tarfs.File {
			d.size, d.layer = v.Stored(), v.ContentLayer()
		}
		if u.hidden {
			d.layer = hidden.Layer(n)
		}
		if d.layer != tarfs.NoLayer {
			d.instruction = img.Instruction(d.layer)
		}
		list = append(list, d)
	}
	for n := range from.Walk(depth) {
		v, ok := img.Top().Of(n)
		listed := !u.hidden && ok && v.Type() == tarfs.Dir && (img.Counts(0) || live.Bytes(n) > 0)
		if n == from || u.hidden && hidden.Bytes(n) > 0 && everDir(n) || listed {
			add(n)
		}
	}
	return list
}

// everDir reports whether any layer made a directory of a path.
func everDir(n tarfs.Node) bool {
	for v := range n.Versions() {
		if v.Type() == tarfs.Dir {
			return true
		}
	}
	return false
}

var usageTable = slices.Concat(render.Table[directory]{
	render.NameOf("path", func(d directory) string { return d.path }),
	render.IntOf("size", func(d directory) int64 { return d.size }).Column("SIZE", render.Sized),
	render.IntOf("hiddenBytes", func(d directory) int64 { return d.hidden }).Column("HIDDEN", render.Sized),
	render.IntOf("layer", func(d directory) int { return d.layer }).Column("LAYER", render.Dashed),
	render.Cell("PATH", func(d directory) string { return d.path }).Path(),
}, item.InstructionMembers(func(d directory) analyze.Instruction { return d.instruction }), render.Table[directory]{
	render.Cell("INSTRUCTION", func(d directory) string { return d.instruction.Short() }).Cut().Spare(),
})
