package report

import (
	"cmp"

	"github.com/spf13/pflag"

	"layup/report/arg"
	"layup/tarfs"
)

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
