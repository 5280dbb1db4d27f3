package engineapi

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	wholeDigest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	idStart     = regexp.MustCompile(`^(sha256:)?[0-9a-f]{1,64}$`)
)

// find returns the image that a name means, or nil, as an engine reads names: an ID whole goes first, then a tag or a digest of a repository,
// then the beginning of an ID. The manifest's digest serves as an ID, too, as it does where containerd keeps the images. An error says that
// several images begin so.
func (s *Server) find(name string) (*Image, error) {
	if name == "" {
		return nil, nil
	}
	whole := name
	if len(name) == 64 && idStart.MatchString(name) {
		whole = "sha256:" + name
	}
	repository, digest, _ := strings.Cut(name, "@")
	tag := familiar(name)
	for _, fits := range []func(img *Image) bool{
		func(img *Image) bool { return img.Inspect.ID == whole },
		func(img *Image) bool { return img.manifest() == whole },
		func(img *Image) bool { return slices.Contains(img.Inspect.RepoTags, tag) },
		func(img *Image) bool { return wholeDigest.MatchString(digest) && img.has(repository, digest) },
	} {
		if i := slices.IndexFunc(s.images, func(img Image) bool { return fits(&img) }); i >= 0 {
			return &s.images[i], nil
		}
	}
	if !idStart.MatchString(name) {
		return nil, nil
	}
	return s.byStart("sha256:" + strings.TrimPrefix(name, "sha256:"))
}

// byStart finds the only image whose ID begins so, or else the manifest's digest.
func (s *Server) byStart(start string) (*Image, error) {
	for _, id := range []func(img *Image) string{func(img *Image) string { return img.Inspect.ID }, (*Image).manifest} {
		var found []*Image
		for i := range s.images {
			if strings.HasPrefix(id(&s.images[i]), start) {
				found = append(found, &s.images[i])
			}
		}
		switch len(found) {
		case 0:
		case 1:
			return found[0], nil
		default:
			return nil, fmt.Errorf("%s is ambiguous: the IDs of %d images begin so", start, len(found))
		}
	}
	return nil, nil
}

// manifest is the manifest's digest, or empty.
func (img *Image) manifest() string {
	if img.Inspect.Descriptor == nil {
		return ""
	}
	return img.Inspect.Descriptor.Digest
}

// has reports whether the image is that of a digest in a repository: from there, or with a tag of it.
func (img *Image) has(repository, digest string) bool {
	repository, _, _ = cutTag(familiar(repository))
	if slices.Contains(img.Inspect.RepoDigests, repository+"@"+digest) {
		return true
	}
	return img.manifest() == digest && slices.ContainsFunc(img.Inspect.RepoTags, func(ref string) bool {
		name, _, _ := cutTag(ref)
		return name == repository
	})
}

// familiar returns a reference as Docker shows it: without docker.io/library/, with :latest where there is no tag.
func familiar(ref string) string {
	for _, registry := range []string{"docker.io/", "index.docker.io/"} {
		ref = strings.TrimPrefix(ref, registry)
	}
	ref = strings.TrimPrefix(ref, "library/")
	if _, _, tagged := cutTag(ref); !tagged && !strings.Contains(ref, "@") {
		ref += ":latest"
	}
	return ref
}

// cutTag divides a reference at the colon before its tag; that before a port is none.
func cutTag(ref string) (name, tag string, tagged bool) {
	i := strings.LastIndexByte(ref, ':')
	if i < 0 || strings.Contains(ref[i:], "/") {
		return ref, "", false
	}
	return ref[:i], ref[i+1:], true
}

// shownName is a name in a message, as an engine says it.
func shownName(name string) string {
	if quoted := strconv.QuoteToASCII(name); quoted != `"`+name+`"` {
		return quoted
	}
	if idStart.MatchString(name) && (strings.HasPrefix(name, "sha256:") || len(name) == 64) {
		return name
	}
	return familiar(name)
}
