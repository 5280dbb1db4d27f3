package source

import (
	"encoding/json"

	"layup/analyze/cache"
	"layup/tarfs"
)

// kindMerge is the kind of an object that says what merging layers found odd.
const kindMerge = "merge"

// A Merging is the merge of an image's layers, for a cache. The zero Merging finds and keeps nothing.
type Merging struct {
	cache *cache.Cache
	key   string
}

// NewMerging names a merge by the layers that were read. It is zero if nothing verified one of them.
func NewMerging(c *cache.Cache, layers []Scanned, view tarfs.View) Merging {
	parts := []any{view}
	for _, s := range layers {
		if s.Named == "" {
			return Merging{}
		}
		parts = append(parts, s.Named)
	}
	return Merging{c, cache.Of(parts...)}
}

// Warned returns the warnings of the merge; false if no earlier process merged the layers without an error.
func (m Merging) Warned() (list []tarfs.Warning, ok bool) {
	if m.key == "" {
		return nil, false
	}
	data, ok := m.cache.Get(kindMerge, m.key)
	return list, ok && json.Unmarshal(data, &list) == nil
}

// Keep keeps the warnings of a merge without an error.
func (m Merging) Keep(list []tarfs.Warning) {
	if m.key == "" || !plainText(list) {
		return
	}
	if data, err := json.Marshal(list); err == nil {
		m.cache.Put(kindMerge, m.key, "merge", data)
	}
}
