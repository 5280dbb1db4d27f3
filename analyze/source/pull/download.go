package pull

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"layup/analyze/source/document"
	"layup/analyze/source/pull/layout"
	"layup/analyze/source/registry"
)

// A download is a blob to fetch.
type download struct {
	layout.Blob
	ref     registry.Reference
	foreign bool // the registry may not have it
}

// list returns the blobs in the order of their digests.
func (p *plan) list() []layout.Blob {
	var list []layout.Blob
	for _, digest := range slices.Sorted(maps.Keys(p.blobs)) {
		list = append(list, p.blobs[digest].Blob)
	}
	return list
}

// check checks the limits before anything is fetched.
func (p *plan) check() error {
	total := int64(0)
	for _, b := range p.blobs {
		if err := document.Over(document.LimitLayerBytes, b.Size, p.opt.Limits.LayerBytes); err != nil {
			return fmt.Errorf("blob %s: %w", b.Digest, err)
		}
		if total += b.Size; total < 0 {
			return errors.New("the sizes of the blobs add up to more than can be counted")
		}
	}
	return document.Over(document.LimitImageBytes, total, p.opt.Limits.ImageBytes)
}

// pulled says what was fetched.
func (p *plan) pulled() *Pulled {
	out := &Pulled{Blobs: len(p.blobs)}
	for _, b := range p.blobs {
		out.Bytes += b.Size
	}
	for _, e := range p.entries {
		if e.named {
			out.References = append(out.References, Reference{e.name(), e.desc.Digest, e.shownPlatform()})
		}
	}
	return out
}

// name is the entry's reference in full, without the digest if it has a tag.
func (e *entry) name() string {
	ref := e.ref
	if ref.Tag != "" {
		ref.Digest = ""
	}
	return ref.String()
}

// fetchOrder returns all blobs from the largest to the smallest.
func (p *plan) fetchOrder() []download {
	return slices.SortedFunc(maps.Values(p.blobs), func(a, b download) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Digest, b.Digest))
	})
}
