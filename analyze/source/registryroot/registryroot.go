// Package registryroot reads images from the disk of a registry, a directory or a tar of one, as distribution, Harbor,
// GitLab and oc-mirror write it. Source: distribution, registry/storage/paths.go.
package registryroot

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/advice"
	"layup/analyze/source/document"
	"layup/analyze/source/store"
	"layup/analyze/source/tree"
	"layup/tarfs"
)

// Kind is the kind of such a source.
const Kind = "registry-root"

// top is where a registry keeps everything, below its root directory.
const top = "docker/registry/v2"

// manifestDeleted warns of what only forensics finds.
var manifestDeleted = tarfs.Code{Name: "manifest-deleted", Severity: tarfs.Medium,
	Message: "the registry deleted this manifest and no longer serves it, but its content is still on the disk"}

// A Root is the disk of a registry.
type Root struct {
	name  string // as the user named it
	path  string // of the disk, as the user wrote it
	only  string // the one repository that the name is about; empty for all
	files store.Files
	blobs *tree.Blobs
	*source.Graph

	entries []*source.Entry
	empty   []string        // repositories without a tag or a manifest
	deleted map[string]bool // digests of manifests that no repository serves any more
}

// Open opens the disk of a registry. Inside is REPO[:TAG|@DIGEST] or empty: then only that repository is read, if there
// is one of that name. Errors do not begin with the name.
func Open(ctx context.Context, name, at, inside string, base *source.Options) (*Root, error) {
	files, err := tree.Open(ctx, at, base)
	if err != nil {
		return nil, tree.Privileged(err)
	}
	r := &Root{name: name, path: at, files: files, Graph: &source.Graph{Opt: base}}
	r.blobs = tree.NewBlobs(files, place, base)
	r.Blobs = r.blobs
	if err = r.open(ctx, inside); err != nil {
		return nil, errors.Join(tree.Privileged(err), r.Close())
	}
	return r, nil
}

// open finds the top, and lists what the repositories name.
func (r *Root) open(ctx context.Context, inside string) error {
	found := false
	for _, dir := range []string{top, "registry/v2", "v2", ""} { // the user may name any of them
		marker := path.Join(dir, repositories)
		at := store.Top(r.files, marker)
		if _, err := r.files.Stat(path.Join(at, marker)); err == nil {
			r.blobs.Files, found = store.Below(r.files, path.Join(at, dir)), true
			break
		}
	}
	if !found {
		return fmt.Errorf("is not the disk of a registry: it has no %s/%s", top, repositories)
	}
	list, err := r.survey(ctx, inside)
	if err != nil {
		return err
	}
	return r.walk(ctx, list)
}

// place returns where the blob of a digest, which must be valid, lies below the top.
func place(d string) string {
	return path.Join("blobs", digest.Algorithm(d), digest.Hex(d)[:2], digest.Hex(d), "data")
}

// Kind is registry-root.
func (*Root) Kind() string { return Kind }

// Entries returns what the repositories name: images of tags, then those of other manifests.
func (r *Root) Entries() []*source.Entry { return r.entries }

// Load completes an image.
func (r *Root) Load(_ context.Context, e *source.Entry) (*source.Image, error) {
	img, err := source.Load(r, e, r.Opt)
	img.Name = r.name
	if err == nil && e.State != "" {
		img.Warnings = append(img.Warnings, tarfs.Warning{Code: manifestDeleted, Layer: tarfs.NoLayer})
	}
	return img, tree.Privileged(err)
}

// Unreferenced lists repositories without an image, and blobs that no manifest names.
func (r *Root) Unreferenced(ctx context.Context) ([]source.Listed, error) {
	var list []source.Listed
	for _, repo := range r.empty {
		list = append(list, source.Listed{Kind: source.KindRepository, Number: -1, Reference: repo, Size: -1})
	}
	err := r.strays(ctx, func(d string) error {
		size, err := r.blobs.Size(d)
		list = append(list, source.Listed{Kind: source.KindBlob, Number: -1, Digest: d, Size: size, Err: err})
		return nil
	})
	return list, err
}

// strays calls f for each blob that no manifest names, in the order of digests. It finds none if the name is about one
// repository: the others also have blobs.
func (r *Root) strays(ctx context.Context, f func(digest string) error) error {
	if r.only != "" {
		return nil
	}
	named := r.Digests()
	for e, err := range r.blobs.Files.Walk(ctx, "blobs") {
		if err != nil {
			return tree.Privileged(err)
		}
		part := strings.Split(e.Path, "/") // ALGORITHM/HE/HEX/data
		if len(part) != 4 || part[3] != "data" || e.Type != tarfs.File {
			continue
		}
		if d := part[0] + ":" + part[2]; digest.Valid(d) && !named[d] {
			if err := f(d); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// Others verifies what the manifests name except the blobs in done, and the blobs that no manifest names, if the user
// asked for everything.
func (r *Root) Others(ctx context.Context, done map[string]bool, all bool) ([]source.Check, error) {
	list, err := r.Graph.Others(ctx, done, all)
	if err != nil || !all {
		return list, err
	}
	err = r.strays(ctx, func(d string) error {
		check := source.NewCheck("blob")
		check.Digest, check.Expected = d, d
		if b, err := r.blobs.Layer(document.Descriptor{Digest: d}); err != nil {
			check.Fail(source.CodeUnreadable, err.Error())
		} else {
			b.Hash(ctx, r.Opt, &check)
		}
		check.Unreferenced()
		list = append(list, check)
		return ctx.Err()
	})
	return list, err
}

// Close ends the reading of all images.
func (r *Root) Close() error { return errors.Join(r.blobs.Close(), r.files.Close()) }

// choice is the whole name that chooses a reference.
func (r *Root) choice(ref string) string { return show.Shell(Kind + ":" + r.path + ":" + ref) }

// tooMany says how to read a part of what is too much.
func (r *Root) tooMany(err error) error {
	return &advice.Hinted{Err: err, Hint: "layup images " + r.choice("REPOSITORY") + "  lists one repository"}
}
