package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source/store"
)

// A target is what a name given on the command line means.
type target struct {
	path string
	ref  string // the image within, or empty
	kind string // what the archive must be, or empty
}

// refusals are the forms of other tools and of later versions, with what to do instead; %s is what follows the colon.
var refusals = []struct{ prefix, cause, hint string }{
	{"docker-daemon:", "no daemon is ever asked", "docker save -o image.tar %s, then read image.tar"},
}

// A kind is a source that a prefix names. Open gets what follows the prefix, and fills in the archive's kind and images.
type kind struct {
	prefix string
	open   func(ctx context.Context, a *Archive, rest string) error
	store  bool // of an engine
}

// kinds are the sources by prefix; the last, without one, is a path, recognised by its content. A bare word is always a path.
var kinds = []kind{
	{prefix: "docker-archive:", open: insisting(kindDocker)},
	{prefix: "oci-archive:", open: insisting(kindOCIArchive)},
	{prefix: "oci:", open: insisting(kindOCI)},
	{prefix: "docker://", open: openRegistry},
	{prefix: "registry:", open: openRegistry},
	{prefix: "docker-root:", open: storing("docker-root", "image", (*Archive).openDockerRoot), store: true},
	{prefix: "containerd-root:", open: storing("containerd-root", store.MetaName, (*Archive).openContainerdRoot), store: true},
	{prefix: "containers-storage:", open: storing("containers-storage", "storage.lock", ofDirectories(store.OpenContainersStorage)), store: true},
	{prefix: "", open: openPath},
}

func openPath(ctx context.Context, a *Archive, path string) error {
	return a.openTarget(ctx, target{path: path})
}

// insisting opens a path that must hold one kind of archive.
func insisting(kind string) func(context.Context, *Archive, string) error {
	return func(ctx context.Context, a *Archive, rest string) error {
		path, ref := splitImage(rest)
		return a.openTarget(ctx, target{path: path, ref: ref, kind: kind})
	}
}

// kindOf finds the source that a name means, and what follows its prefix.
func kindOf(name string) (kind, string, error) {
	if name == "" {
		return kind{}, "", errors.New("an empty name names no image")
	}
	for _, r := range refusals {
		if rest, ok := strings.CutPrefix(name, r.prefix); ok {
			hint := r.hint
			if strings.Contains(hint, "%") {
				hint = fmt.Sprintf(hint, show.Shell(rest))
			}
			return kind{}, "", &Hinted{Err: errors.New(r.cause), Hint: hint}
		}
	}
	if dir, ok := strings.CutPrefix(name, "dir:"); ok {
		return kind{}, "", dirForm(dir, "")
	}
	i := slices.IndexFunc(kinds, func(k kind) bool { return strings.HasPrefix(name, k.prefix) })
	return kinds[i], name[len(kinds[i].prefix):], nil
}

// dirForm refuses skopeo's dir: form, with the command that makes an archive of it; first is what must be done before.
func dirForm(dir, first string) error {
	return &Hinted{
		Err:  errors.New("skopeo's dir: form is not supported"),
		Hint: first + "skopeo copy " + show.Shell("dir:"+dir) + " oci-archive:image.tar, then read image.tar",
	}
}

// splitImage cuts the image off a path: the longest beginning that exists is the path, so that a colon in a file's name is no tag.
func splitImage(rest string) (path, ref string) {
	if exists(rest) {
		return rest, ""
	}
	for i := len(rest) - 1; i > 0; i-- {
		if (rest[i] == ':' || rest[i] == '@') && exists(rest[:i]) {
			ref = rest[i+1:]
			if _, err := strconv.Atoi(ref); err == nil && rest[i] == '@' {
				ref = "@" + ref
			}
			if d, ok := strings.CutPrefix(ref, "@"); ok && digest.Valid(d) {
				ref = d
			}
			return rest[:i], ref
		}
	}
	path, _, _ = strings.Cut(rest, ":")
	return path, ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// insist compares the kind that the user named with what the content is.
func (t target) insist(a *Archive) error {
	directory := a.in.dir != nil
	holds := func(names ...string) bool { return a.store != nil && slices.ContainsFunc(names, a.store.has) }
	var err error
	switch {
	case t.kind == "":
		return nil
	case t.kind == kindDocker && !holds(manifestName, repositoriesName):
		err = errors.New("not a docker save archive: it has no manifest.json")
	case t.kind != kindDocker && !holds(indexName):
		err = errors.New("not an OCI layout: it has no index.json")
	case t.kind == kindOCIArchive && directory:
		err = &Hinted{Err: errors.New("is a directory, not a tar of an OCI layout"), Hint: "oci:DIR names an OCI layout in a directory"}
	case t.kind == kindOCI && !directory:
		err = &Hinted{Err: errors.New("is a file, not a directory with an OCI layout"), Hint: "oci-archive:FILE names an OCI layout in a tar"}
	}
	a.Kind = t.kind
	return err
}

var (
	referencePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]*[a-z0-9])?(:[0-9]+/)?(/?[a-z0-9._-]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?(@sha256:[0-9a-f]{64})?$`)
	archivePattern   = regexp.MustCompile(`\.(tar|tgz|txz|tbz2?|tzst|gz|xz|bz2|zst|oci|docker|img)$`)
	plainWord        = regexp.MustCompile(`^[A-Za-z0-9_./:@+,=-]+$`)
)

// looksLikeReference reports whether a name that is no file could be an image of a registry.
func looksLikeReference(name string) bool {
	return len(name) < 512 && referencePattern.MatchString(name) && !archivePattern.MatchString(name)
}
