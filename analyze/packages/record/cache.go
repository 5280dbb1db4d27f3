package record

import (
	"fmt"
	"hash/maphash"
)

// A Cache holds what was read of packages, so that a package which several layers' databases hold is read once.
type Cache struct {
	seed  maphash.Seed
	known map[uint64]cached
	files int // of all packages that were read
	paths int // bytes of their paths
}

type cached struct {
	p   Package
	ok  bool
	err error
}

// NewCache returns an empty Cache.
func NewCache() *Cache { return &Cache{seed: maphash.MakeSeed(), known: map[uint64]cached{}} }

// Read returns what parse makes of the text of a package. It keeps the result.
func (c *Cache) Read(text []byte, parse func([]byte) (Package, bool, error)) (p Package, ok bool, err error) {
	key := maphash.Bytes(c.seed, text)
	if one, found := c.known[key]; found {
		return one.p, one.ok, one.err
	}
	if c.files > MostFiles || c.paths > MostPaths || len(c.known) > MostPackages {
		return p, false, fmt.Errorf("%w: more than %d packages, %d files or %d bytes of paths", ErrDamaged, MostPackages,
			MostFiles, MostPaths)
	}
	p, ok, err = parse(text)
	c.known[key] = cached{p, ok, err}
	c.files += len(p.Files)
	for _, f := range p.Files {
		c.paths += len(f.Path)
	}
	return p, ok, err
}
