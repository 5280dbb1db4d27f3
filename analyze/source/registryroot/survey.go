package registryroot

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/document"
	"layup/analyze/source/store"
	"layup/tarfs"
)

// repositories is the directory of repositories, below the top.
const repositories = "repositories"

// The bounds of the names of repositories, and of a link file.
const (
	mostRepositories = 100_000
	deepest          = 128 // parts of a name
	maxLink          = 1 << 10
)

// A named is a name for a manifest, or why it names none.
type named struct {
	ref    string // REPO:TAG or REPO@DIGEST
	digest string
	file   string // the link that names it
	err    error
}

// survey finds the repositories, and lists their tags and then their other manifests.
func (r *Root) survey(ctx context.Context, inside string) ([]named, error) {
	repos := r.about(inside)
	if r.only = strings.Join(repos, ""); r.only == "" {
		var err error
		if repos, err = r.repositories(ctx, "", 0); err != nil {
			return nil, err
		}
	}
	r.deleted = map[string]bool{}
	serves := map[string]bool{}
	var tags, others []named
	for _, repo := range repos {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		named, rest := r.repository(repo, serves)
		tags, others = append(tags, named...), append(others, rest...)
		if len(named)+len(rest) == 0 {
			r.empty = append(r.empty, repo)
		}
	}
	maps.DeleteFunc(r.deleted, func(d string, _ bool) bool { return serves[d] })
	list := append(tags, others...)
	if err := document.Over(document.LimitDescriptors, len(list), r.Opt.Limits.Descriptors); err != nil {
		return nil, r.tooMany(fmt.Errorf("tags and manifests: %w", err))
	}
	return list, nil
}

// about returns the repository that a name inside the source means, if it is there.
func (r *Root) about(inside string) []string {
	repo := repositoryOf(inside)
	if repo == "" || path.Clean("/" + repo)[1:] != repo {
		return nil
	}
	if _, err := r.blobs.Files.Stat(path.Join(repositories, repo, "_manifests")); err != nil {
		return nil
	}
	return []string{repo}
}

// repositoryOf cuts the tag or the digest off a reference.
func repositoryOf(ref string) string {
	repo, _, _ := strings.Cut(ref, "@")
	if i := strings.LastIndexByte(repo, ':'); i > strings.LastIndexByte(repo, '/') {
		repo = repo[:i]
	}
	return repo
}

// repositories lists the repositories below a directory. What is in one begins with an underscore.
func (r *Root) repositories(ctx context.Context, dir string, depth int) ([]string, error) {
	names, err := r.blobs.Files.List(path.Join(repositories, dir))
	if err != nil || depth > deepest {
		return nil, cmp.Or(err, fmt.Errorf("%s: has more than %d parts", dir, deepest))
	}
	var list []string
	if slices.Contains(names, "_manifests") || slices.Contains(names, "_layers") {
		list = append(list, dir)
	}
	for _, name := range names {
		if info, err := r.blobs.Files.Stat(path.Join(repositories, dir, name)); strings.HasPrefix(name, "_") || err != nil ||
			info.Type != tarfs.Dir {
			continue
		}
		below, err := r.repositories(ctx, path.Join(dir, name), depth+1)
		if err = cmp.Or(err, ctx.Err()); err != nil {
			return nil, err
		}
		if list = append(list, below...); len(list) > mostRepositories {
			return nil, r.tooMany(fmt.Errorf("has more than %d repositories", mostRepositories))
		}
	}
	return list, nil
}

// repository lists the tags of a repository, and the manifests that no tag names. It notes the digests that the
// repository serves, and those that it deleted.
func (r *Root) repository(repo string, serves map[string]bool) (tags, others []named) {
	dir := path.Join(repositories, repo, "_manifests")
	tags = r.tags(repo, path.Join(dir, "tags"))
	tagged := map[string]bool{}
	for _, n := range tags {
		if n.err == nil {
			tagged[n.digest] = true
		}
	}
	for _, algorithm := range []string{digest.SHA256, digest.SHA512} {
		revisions := path.Join(dir, "revisions", algorithm)
		names, err := r.names(revisions)
		if err != nil {
			others = append(others, named{ref: repo, file: revisions, err: err})
		}
		for _, hex := range names {
			n := r.revision(repo, algorithm+":"+hex, path.Join(revisions, hex, "link"))
			serves[n.digest] = serves[n.digest] || n.err == nil && !r.deleted[n.digest]
			if !tagged[n.digest] || n.err != nil {
				others = append(others, n)
			}
		}
	}
	for d := range tagged {
		if !serves[d] { // a tag alone does not serve it
			r.deleted[d] = true
		}
	}
	return tags, others
}

// tags lists the tags of a repository.
func (r *Root) tags(repo, dir string) (list []named) {
	names, err := r.names(dir)
	if err != nil {
		list = append(list, named{ref: repo, file: dir, err: err})
	}
	for _, tag := range names {
		n := named{ref: repo + ":" + tag, file: path.Join(dir, tag, "current/link")}
		if n.digest, n.err = r.link(n.file); errors.Is(n.err, fs.ErrNotExist) {
			n.err = errors.New("the tag has no link to a manifest: it was deleted, or its push did not end")
		}
		list = append(list, n)
	}
	return list
}

// revision reads the link by which a repository serves a manifest. Without a link, the manifest was deleted.
func (r *Root) revision(repo, d, file string) named {
	n := named{ref: repo + "@" + d, digest: d, file: file}
	if !digest.Valid(d) {
		n.digest, n.err = "", fmt.Errorf("%s is not the directory of a manifest", show.Path(path.Dir(file)))
		return n
	}
	to, err := r.link(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.deleted[d] = true
	case err == nil && to != d:
		n.err = fmt.Errorf("the link to its manifest is damaged: it names %s", to)
	default:
		n.err = err
	}
	if n.err != nil {
		n.digest = ""
	}
	return n
}

// names lists a directory; nothing if it does not exist.
func (r *Root) names(dir string) ([]string, error) {
	names, err := r.blobs.Files.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return names, err
}

// link reads the digest in a link file.
func (r *Root) link(file string) (string, error) {
	text, err := store.ReadFile(r.blobs.Files, file, maxLink)
	if err != nil {
		return "", err
	}
	d := strings.TrimSpace(string(text))
	if err := digest.Check(d); err != nil {
		return "", fmt.Errorf("the link to its manifest is damaged: %w", err)
	}
	return d, nil
}

// walk walks what the names point to, as if an index listed them all.
func (r *Root) walk(ctx context.Context, list []named) error {
	var index []map[string]any
	var broken []*source.Entry
	for _, n := range list {
		if n.err != nil {
			broken = append(broken, &source.Entry{Kind: source.KindImage, References: []string{n.ref}, Err: n.err,
				Form: brokenLink{n}})
			continue
		}
		size, _ := r.blobs.Size(n.digest) // whoever reads the blob finds that it is missing
		index = append(index, map[string]any{"digest": n.digest, "size": size,
			"annotations": map[string]string{document.NameAnnotation: n.ref}})
	}
	raw, err := json.Marshal(index)
	if err == nil {
		err = r.Walk(ctx, &document.Document{Manifests: raw})
	}
	if err != nil {
		return err
	}
	r.dropRepeated()
	groups := len(list)
	for i, e := range broken {
		e.Group = groups + i
	}
	r.entries = append(slices.Clone(r.Graph.Entries), broken...)
	for _, e := range r.entries {
		r.complete(e)
	}
	source.Number(r.entries)
	return nil
}

// dropRepeated drops the names of manifests without a tag that an index of their repository names: it has the images of
// its indexes also one by one.
func (r *Root) dropRepeated() {
	named := map[string]bool{} // by an index, or by a tag
	for _, e := range r.Graph.Entries {
		for _, ref := range e.References {
			if own := repositoryOf(ref) + "@" + e.Descriptor.Digest; own != ref {
				named[own] = true
			}
		}
	}
	for _, e := range r.Graph.Entries {
		e.References = slices.DeleteFunc(e.References, func(ref string) bool { return named[ref] })
	}
	nameless := func(e *source.Entry) bool { return len(e.References) == 0 }
	r.Graph.Entries = slices.DeleteFunc(r.Graph.Entries, nameless)
}

// complete adds to an entry the names that choose it: its repository, and that with a digest.
func (r *Root) complete(e *source.Entry) {
	e.Choice = r.choice(e.References[0])
	digests := []string{e.Descriptor.Digest}
	for _, alias := range e.Aliases {
		if digest.Valid(alias) {
			digests = append(digests, alias)
		}
	}
	for _, ref := range e.References {
		repo := repositoryOf(ref)
		e.Aliases = append(e.Aliases, repo)
		for _, d := range digests {
			if d != "" {
				e.Aliases = append(e.Aliases, repo+"@"+d)
			}
		}
	}
	if slices.ContainsFunc(digests, func(d string) bool { return r.deleted[d] }) {
		e.State = "deleted"
	}
}

// A brokenLink is a name whose link file is missing or damaged.
type brokenLink struct{ named named }

func (brokenLink) Config(*source.Entry) (*document.Config, error) { return nil, nil }

// Load returns why there is no manifest.
func (b brokenLink) Load(*source.Entry, *source.Image) error { return b.named.err }

// Checks fails for the link file.
func (b brokenLink) Checks(ctx context.Context, _ *source.Entry, _ *source.Image) ([]source.Check, error) {
	check := source.NewCheck("link")
	check.Name = b.named.file
	check.Fail(source.CodeStructure, b.named.err.Error())
	return []source.Check{check}, ctx.Err()
}
