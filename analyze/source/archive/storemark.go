package archive

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"

	"layup/analyze/show"
	"layup/analyze/source/advice"
	"layup/tarfs"
)

// A storeMark is a file by which the store of an engine is recognised, and what is beside it in every such store. Both
// are patterns of path.Match, relative to the top of the store: the names of drivers differ.
type storeMark struct{ prefix, what, mark, beside string }

var storeMarks = []storeMark{
	{"docker-root:", "the data-root of a Docker engine", "image/*/repositories.json", "image/*/layerdb"},
	{"docker-root:", "the data-root of a Docker engine before 1.10", "graph/*/layersize", "containers"},
	{"docker-root:", "the data-root of a Docker engine before 1.10", "graph/*/layersize", "repositories-*"},
	{"containers-storage:", "a store of podman, CRI-O or buildah", "*-images/images.json", "*-layers/layers.json"},
	{"containerd-root:", "a root directory of containerd", "io.containerd.metadata.v1.bolt/meta.db",
		"io.containerd.content.v1.content"},
	{"registry-root:", "the disk of a registry", "docker/registry/v2/blobs/*/*/*/data", "docker/registry/v2/repositories"},
}

// storeTop finds the store of an engine in a tar that holds nothing else, at the top or below directories. Read as a
// root file system, it would show every version of a file as live.
func storeTop(table *tarfs.Layer) (storeMark, bool) {
	type store struct{ mark, top string }
	common := sync.OnceValue(func() string {
		return commonDir(table, func(t tarfs.Type) bool { return t == tarfs.File })
	})
	seen := map[store]bool{} // few: no file is outside of a store, so its top is near the common directory
	for e := range table.Raw() {
		for _, m := range storeMarks {
			if e.Type != tarfs.File || !strings.HasSuffix(e.Name, path.Base(m.mark)) {
				continue // spares a million files the pattern
			}
			name, _ := cleanMember(e.Name)
			one := store{m.mark + m.beside, trimEnd(m.mark, name)}
			if seen[one] || !strings.HasPrefix(common(), one.top) || !matchEnd(m.mark, name) {
				continue
			}
			if seen[one] = true; storeBeside(table, m, one.top) {
				return m, true
			}
		}
	}
	return storeMark{}, false
}

// storeBeside reports whether a store has its top there.
func storeBeside(table *tarfs.Layer, m storeMark, top string) bool {
	for e := range table.Raw() {
		name, _ := cleanMember(e.Name)
		if rest, below := strings.CutPrefix(name, top); below && matchStart(m.beside, rest) {
			return true
		}
	}
	return false
}

// matchEnd reports whether the last elements of a name match a pattern.
func matchEnd(pattern, name string) bool {
	ok, err := path.Match(pattern, name[len(trimEnd(pattern, name)):])
	return ok && err == nil
}

// trimEnd cuts as many elements off the end of a name as a pattern has; the slash before them stays.
func trimEnd(pattern, name string) string {
	for range strings.Count(pattern, "/") + 1 {
		name = name[:max(strings.LastIndexByte(strings.TrimSuffix(name, "/"), '/'), -1)+1]
	}
	return name
}

// matchStart reports whether the first elements of a name match a pattern.
func matchStart(pattern, name string) bool {
	parts, n := strings.Split(name, "/"), strings.Count(pattern, "/")+1
	if len(parts) < n {
		return false
	}
	ok, err := path.Match(pattern, strings.Join(parts[:n], "/"))
	return ok && err == nil
}

// storeIn finds the store of an engine in a directory.
func storeIn(root *os.Root) (storeMark, bool) {
	for _, m := range storeMarks {
		mark, err := fs.Glob(root.FS(), m.mark)
		beside, err2 := fs.Glob(root.FS(), m.beside)
		if err == nil && err2 == nil && len(mark) > 0 && len(beside) > 0 {
			return m, true
		}
	}
	return storeMark{}, false
}

// named says that an input is a store, and which command reads it.
func (m storeMark) named(name string) error {
	return &advice.Hinted{
		Err:  fmt.Errorf("is %s, not an image", m.what),
		Hint: "what it holds: layup images " + show.Shell(m.prefix+name),
	}
}
