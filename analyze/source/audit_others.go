package source

import (
	"cmp"
	"context"
	"strconv"

	"layup/analyze/digest"
	"layup/analyze/source/document"
)

// Others verifies all other blobs of the archive: those of images that were not chosen, attestations, and those that nothing refers to. Of a registry or
// an engine's store, which may hold any number, it verifies them only where all were asked for. The blobs named in done have been read.
func (a *Archive) Others(ctx context.Context, done map[string]bool, all bool) ([]Check, error) {
	if a.shelf == nil || a.store == nil && !all {
		return nil, nil
	}
	for _, c := range a.images {
		if c.kind != kindImage && c.manifest.Digest != "" && c.desc == nil && c.err == nil {
			c.err = a.readManifest(c) // it says what belongs to it
		}
	}
	var list []Check
	seen := map[string]bool{}
	for _, ref := range a.references() {
		d := ref.Descriptor
		if _, read := a.audit.blobs[d.Digest]; read || done[d.Digest] || seen[d.Digest] {
			continue
		}
		seen[d.Digest] = true
		check, err := a.otherCheck(ctx, ref)
		if err != nil {
			return nil, err
		}
		list = append(list, check)
	}
	if a.store == nil {
		return list, ctx.Err()
	}
	named := a.referenced()
	for _, name := range a.store.glob(document.BlobPattern) {
		digest := document.BlobDigest(name)
		if _, read := a.audit.blobs[digest]; read || done[digest] || seen[digest] {
			continue
		}
		check := a.strayCheck(ctx, name, named[name])
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		list = append(list, check)
	}
	return list, ctx.Err()
}

// otherCheck verifies a blob that no chosen image needs: that it is not here is no failure, for exports of one platform keep the index of all.
func (a *Archive) otherCheck(ctx context.Context, ref reference) (Check, error) {
	if !a.shelf.has(ref.Digest) && ref.Data == nil {
		check := newCheck(ref.what)
		check.Digest, check.Expected = ref.Digest, ref.Digest
		check.Code, check.Message = CodeElsewhere, "of "+ref.of+": named, but not in this file"
		return check, ctx.Err()
	}
	check, err := a.blobCheck(ctx, ref.what, ref.Descriptor)
	if check.Verdict == Passed {
		check.Message = "of " + ref.of
	}
	return check, err
}

// strayCheck verifies a blob against its own name.
func (a *Archive) strayCheck(ctx context.Context, name string, named bool) Check {
	check := newCheck("blob")
	check.Digest, check.Expected = document.BlobDigest(name), document.BlobDigest(name)
	if check.Digest == "" {
		check.Name = name
	}
	m, err := a.store.open(name)
	if err != nil {
		check.fail(CodeUnreadable, err.Error())
		return check
	}
	a.hash(ctx, m, &check)
	switch {
	case check.Verdict == Failed:
	case named:
		check.Message = "of an image that was not chosen"
	default:
		check.Code, check.Message = CodeUnreferenced, "nothing refers to it"
	}
	return check
}

// A reference is a blob that a document names.
type reference struct {
	document.Descriptor
	what string
	of   string // what it belongs to, for a person
}

// references returns what indexes and manifests name, each as often as it is named.
func (a *Archive) references() []reference {
	var list []reference
	add := func(d document.Descriptor, what, of string) {
		if digest.Valid(d.Digest) {
			list = append(list, reference{d, what, of})
		}
	}
	for _, c := range a.images {
		if c.manifest.Digest == "" {
			continue
		}
		of := c.kind + " " + describe(c)
		if c.kind != kindImage {
			of = c.kind
		}
		add(c.manifest, cmp.Or(document.KindOf(c.manifest.MediaType), document.ManifestKind), of)
		if c.desc == nil {
			continue
		}
		add(c.desc.Config, "config", of)
		for i, l := range c.desc.Layers {
			if l.Err == nil {
				add(l.Descriptor, "layer", of+" layer "+strconv.Itoa(i))
			}
		}
	}
	return list
}
