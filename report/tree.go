package report

import (
	"bufio"
	"io"
	"slices"
	"strconv"
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

const treeDetails = `
The number before each name is its owner, as "layup owner" says. --sizes shows how large each file is, and
of a directory what "layup du" says. The other formats hold what ls -R does.
`

func newTree(f *pflag.FlagSet) call.Answer {
	depth := arg.Count(f, "depth", "draw `N` levels below")
	upto := arg.Count(f, "upto", "draw what is visible after layer `N`")
	sized := f.Bool("sizes", false, "show the size of each file, and of all below a directory")
	var needs analyze.Needs
	f.BoolVar(&needs.Digests, "digests", false, "hold the SHA-256 of the files' content (not in the drawing)")
	return call.About(&needs, func(c *call.Call, img *analyze.Image, args []string) (call.Part, error) {
		snap, from, err := start(c, img, upto, args)
		if err != nil {
			return absent(item.Fields, err)
		}
		var p call.Part
		p.Fields = item.Fields
		var below *sizes
		if *sized {
			p.Fields, below = sizedFields, sizesOf(img, snap)
		}
		p.Rows = itemRows(snap.Walk(from.Node(), depth.Or(-1)), snap, below)
		p.Columns = []render.Column{item.PathColumn(item.Fields)}
		p.Text = func(w io.Writer, t render.Terminal) error {
			return draw(w, t, slices.Collect(snap.Walk(from.Node(), depth.Or(-1))), below)
		}
		return p, nil
	})
}

// draw draws versions in path order; the first is the root of all others. It shows sizes if there are any.
func draw(w io.Writer, t render.Terminal, versions []tarfs.Version, sizes *sizes) error {
	out := bufio.NewWriter(w)
	var depths []int
	for _, v := range versions {
		depths = append(depths, depth(v.Node().Path()))
	}
	last := lastChildren(depths)
	var open []bool // of each level above, whether more follows there
	var line []byte
	for i, v := range versions {
		level := depths[i] - depths[0]
		if level == 0 {
			out.WriteString(t.Fit(sizeOf(v, sizes)+show.Safe(v.Node().Path())+target(v)) + "\n")
			continue
		}
		open = append(open[:level-1], !last[i])
		line = line[:0]
		for _, more := range open[:level-1] {
			line = append(line, branch(more, "│   ", "    ")...)
		}
		name := show.Safe(v.Node().Name()) + target(v)
		line = append(line, branch(!last[i], "├── ", "└── ")+owned(v)+sizeOf(v, sizes)+name...)
		out.WriteString(t.Fit(string(line)) + "\n")
	}
	return out.Flush()
}

// lastChildren tells of each path whether it is the last of its directory: read from the end, the first seen at its
// level since the level above.
func lastChildren(depths []int) []bool {
	last := make([]bool, len(depths))
	var seen []bool
	for i := len(depths) - 1; i >= 0; i-- {
		for len(seen) <= depths[i] {
			seen = append(seen, false)
		}
		seen = seen[:depths[i]+1]
		last[i] = !seen[depths[i]]
		seen[depths[i]] = true
	}
	return last
}

func branch(more bool, yes, no string) string {
	if more {
		return yes
	}
	return no
}

// depth is the number of components of a path.
func depth(p string) int {
	if p == "/" {
		return 0
	}
	return strings.Count(p, "/")
}

// owned is the layer before a name.
func owned(v tarfs.Version) string {
	if v.Layer() == tarfs.NoLayer {
		return ""
	}
	return "[" + strconv.Itoa(v.Layer()) + "] "
}

// sizeOf is the size before a name, if there are sizes and it has one.
func sizeOf(v tarfs.Version, sizes *sizes) string {
	switch {
	case sizes == nil:
	case v.Type() == tarfs.Dir:
		return over(sizes.partial, show.Size(sizes.Bytes(v.Node()))) + " "
	case v.Type() == tarfs.File:
		return show.Size(v.Size()) + " "
	}
	return ""
}

// target shows where a symlink points.
func target(v tarfs.Version) string {
	if v.Type() != tarfs.Symlink {
		return ""
	}
	return " -> " + show.Safe(v.Link())
}
