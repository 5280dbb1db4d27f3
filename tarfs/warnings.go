package tarfs

import (
	"hash/maphash"
	"slices"
)

// kept is how many warnings of one code are kept; the others are only counted.
const kept = 1000

// remembered bounds how many warnings are compared to find repetitions.
const remembered = 500_000

// warnings collects warnings, each (code, layer, path) once.
type warnings struct {
	all  []Warning
	n    map[string]int      // by name of the code
	seen map[uint64]struct{} // hashes: paths may be long
	seed maphash.Seed
}

func (w *warnings) add(code Code, layer int, path string) {
	if w.n == nil {
		w.n, w.seen, w.seed = map[string]int{}, map[uint64]struct{}{}, maphash.MakeSeed()
	}
	key := maphash.Comparable(w.seed, Warning{Code: Code{Name: code.Name}, Layer: layer, Path: path})
	if _, ok := w.seen[key]; ok {
		return
	}
	if len(w.seen) < remembered {
		w.seen[key] = struct{}{}
	}
	if w.n[code.Name]++; w.n[code.Name] <= kept {
		w.all = append(w.all, Warning{Code: code, Layer: layer, Path: path})
	}
}

// list returns the warnings, the last of a code with the number of those not kept.
func (w *warnings) list() []Warning {
	list := slices.Clone(w.all)
	told := map[string]bool{}
	for i := range slices.Backward(list) {
		if code := list[i].Code.Name; !told[code] {
			told[code] = true
			list[i].More = max(0, w.n[code]-kept)
		}
	}
	return list
}
