package engineapi

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/expression"
	"layup/analyze/source/document"
)

var hex = expression.Lazy(`^[0-9a-f]+$`)

// isStart reports whether a name may be the beginning of an ID, with or without the algorithm.
func isStart(name string) bool {
	digits := strings.TrimPrefix(name, "sha256:")
	return len(digits) <= 64 && hex().MatchString(digits)
}

// find returns the image that a name means, or nil, as an engine reads names: a whole ID goes first, then a tag or a
// digest of a repository, then the beginning of an ID. A manifest's digest also serves as an ID, as in an engine with
// containerd's store. It is an error if the IDs of several images begin with the name.
func (s *Server) find(name string) (*Image, error) {
	if name == "" {
		return nil, nil
	}
	whole := name
	if digest.IsHex(name) {
		whole = digest.FromHex(name)
	}
	repository, blob, _ := strings.Cut(name, "@")
	tag := document.Familiar(name)
	for _, fits := range []func(img *Image) bool{
		func(img *Image) bool { return img.Inspect.ID == whole },
		func(img *Image) bool { return img.manifest() == whole },
		func(img *Image) bool { return img.Index == whole && s.preferred(img) == img },
		func(img *Image) bool { return slices.Contains(img.Inspect.RepoTags, tag) },
		func(img *Image) bool { return digest.Valid(blob) && img.has(repository, blob) },
	} {
		for i := range s.images {
			if fits(&s.images[i]) {
				return &s.images[i], nil
			}
		}
	}
	if !isStart(name) {
		return nil, nil
	}
	return s.byStart(digest.FromHex(digest.Hex(name)))
}

// preferred returns the image that stands for the index of an image: the one with a tag, which is this machine's, else
// the first.
func (s *Server) preferred(img *Image) *Image {
	list := s.group(img)
	if i := slices.IndexFunc(list, func(img *Image) bool { return len(img.Inspect.RepoTags) > 0 }); i >= 0 {
		return list[i]
	}
	return list[0]
}

// byStart finds the only image with an ID that begins with start, or else with such a digest of a manifest or an index.
func (s *Server) byStart(start string) (*Image, error) {
	index := func(img *Image) string {
		if s.preferred(img) != img {
			return ""
		}
		return img.Index
	}
	id := func(img *Image) string { return img.Inspect.ID }
	for _, id := range []func(img *Image) string{id, (*Image).manifest, index} {
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
			return nil, fmt.Errorf("%s is ambiguous: the IDs of %d images begin with it", start, len(found))
		}
	}
	return nil, nil
}

// manifest is the manifest's digest, or "".
func (img *Image) manifest() string {
	if img.Inspect.Descriptor == nil {
		return ""
	}
	return img.Inspect.Descriptor.Digest
}

// has reports whether a digest names the image in a repository: the image is from there, or has a tag there.
func (img *Image) has(repository, blob string) bool {
	repository, _, _ = document.CutTag(document.Familiar(repository))
	if slices.Contains(img.Inspect.RepoDigests, repository+"@"+blob) {
		return true
	}
	return img.manifest() == blob && slices.ContainsFunc(img.Inspect.RepoTags, func(ref string) bool {
		name, _, _ := document.CutTag(ref)
		return name == repository
	})
}

// shownName returns a name as an engine's message has it.
func shownName(name string) string {
	if quoted := strconv.QuoteToASCII(name); quoted != `"`+name+`"` {
		return quoted
	}
	if digest.IsHex(name) || strings.HasPrefix(name, "sha256:") && isStart(name) {
		return name
	}
	return document.Familiar(name)
}
