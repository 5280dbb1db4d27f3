package document

import (
	"cmp"
	"slices"
	"strings"

	"layup/analyze/digest"
)

// The annotations by which the makers of artifacts name the files that layers are: that of the OCI image specification,
// as ORAS uses it, and that of the CNCF model specification. The last one says that ORAS made a tar of a directory.
const (
	titleAnnotation  = "org.opencontainers.image.title"
	modelAnnotation  = "org.cncf.model.filepath"
	unpackAnnotation = "io.deis.oras.content.unpack"
)

// emptyType is the media type of a config or layer that says nothing.
const emptyType = "application/vnd.oci.empty.v1+json"

// Title returns the name of the file that a layer of an artifact is; empty if nothing names it.
func (d Descriptor) Title() string {
	return cmp.Or(d.Annotations[titleAnnotation], d.Annotations[modelAnnotation])
}

// IsFile reports whether a layer of an artifact is a file even if its content is a tar: its title names the archive, as
// ORAS does, and not what is in it.
func (d Descriptor) IsFile() bool {
	return d.Annotations[titleAnnotation] != "" && d.Annotations[unpackAnnotation] != "true" && !tarOfArtifact(d.MediaType)
}

// tarOfArtifact reports whether a media type says that an artifact is a tar, as that of a Helm chart does. The types of
// image layers do not: ORAS gives them to any file.
func tarOfArtifact(mediaType string) bool {
	if strings.HasPrefix(mediaType, "application/vnd.oci.image.") ||
		strings.HasPrefix(mediaType, "application/vnd.docker.image.") {
		return false
	}
	return slices.ContainsFunc([]string{".tar", ".tar+gzip", ".tar+zstd", ".tar.gzip", ".tar.zstd"},
		func(end string) bool { return strings.HasSuffix(mediaType, end) })
}

// Type returns what a manifest describes if it is not an image: its artifactType, else the type of its config, else
// that of its first layer. Source: OCI image specification 1.1, manifest.md.
func (m *Manifest) Type() string {
	switch {
	case m.ArtifactType != "":
		return m.ArtifactType
	case m.NotImage() != nil && m.Config.MediaType != emptyType:
		return m.Config.MediaType
	case len(m.Layers) > 0:
		return m.Layers[0].MediaType
	}
	return m.Config.MediaType
}

// Titles returns the names of the files that the layers are.
func (m *Manifest) Titles() []string {
	var list []string
	for _, l := range m.Layers {
		if title := l.Title(); title != "" {
			list = append(list, title)
		}
	}
	return list
}

// statements are what the media types of signatures and attestations begin with: those of cosign and sigstore, DSSE,
// in-toto and Notation.
var statements = []string{"application/vnd.dev.cosign.", "application/vnd.dev.sigstore.",
	"application/vnd.dsse.envelope.", "application/vnd.in-toto", "application/vnd.cncf.notary."}

// IsStatement reports whether a manifest holds nothing but signatures and attestations. Its config may be an image's.
func (m *Manifest) IsStatement() bool {
	states := func(mediaType string) bool {
		return slices.ContainsFunc(statements, func(begin string) bool { return strings.HasPrefix(mediaType, begin) })
	}
	other := func(l Ref) bool { return !states(l.MediaType) }
	return states(m.ArtifactType) || states(m.Config.MediaType) ||
		len(m.Layers) > 0 && !slices.ContainsFunc(m.Layers, other)
}

// endings are what cosign adds to the tag of a digest: for signatures, attestations and SBOMs.
var endings = []string{".sig", ".att", ".sbom"}

// AttachedTags returns the tags under which cosign keeps what it says about the manifest of a digest.
func AttachedTags(d string) []string {
	var tags []string
	for _, end := range endings {
		tags = append(tags, strings.Replace(d, ":", "-", 1)+end)
	}
	return tags
}

// AttachedTo returns the digest that a tag, or the tag of a reference, is about: cosign's, or the index of referrers of
// a registry without that API (OCI distribution specification 1.1). It is empty for other tags.
func AttachedTo(ref string) string {
	tag := ref[strings.LastIndexByte(ref, ':')+1:]
	for _, end := range endings {
		tag = strings.TrimSuffix(tag, end)
	}
	if d := strings.Replace(tag, "-", ":", 1); d != tag && digest.Valid(d) {
		return d
	}
	return ""
}
