package tarfs

import (
	"hash/maphash"
	"slices"
)

// kept is how many warnings of one code are kept; the others are counted.
const kept = 1000

// remembered bounds how many warnings are compared to find repetitions.
const remembered = 500_000

// warnings collects oddities, each (code, layer, path) once.
type warnings struct {
	all  []Warning
	more map[Code]int
	n    map[Code]int
	seen map[uint64]struct{} // hashes: paths may be long
	seed maphash.Seed
}

func (w *warnings) add(code Code, layer int, path string) {
	if w.n == nil {
		w.n, w.more, w.seen, w.seed = map[Code]int{}, map[Code]int{}, map[uint64]struct{}{}, maphash.MakeSeed()
	}
	key := maphash.Comparable(w.seed, Warning{Code: code, Layer: layer, Path: path})
	if _, ok := w.seen[key]; ok {
		return
	}
	if len(w.seen) < remembered {
		w.seen[key] = struct{}{}
	}
	if w.n[code]++; w.n[code] > kept {
		w.more[code]++
		return
	}
	w.all = append(w.all, Warning{Code: code, Layer: layer, Path: path})
}

// list returns the warnings, the last of a code with the number of those not kept.
func (w *warnings) list() []Warning {
	list := slices.Clone(w.all)
	told := map[Code]bool{}
	for i := range slices.Backward(list) {
		code := list[i].Code
		if w.more[code] > 0 && !told[code] {
			told[code] = true
			list[i].More = w.more[code]
		}
	}
	return list
}
