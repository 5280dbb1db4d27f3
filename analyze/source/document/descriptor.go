package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/show"
)

// A Descriptor names a blob: what it is, its digest and size. Source: OCI image specification, descriptor.md.
type Descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"-"` // bytes
	RawSize      json.RawMessage   `json:"size"`
	URLs         []string          `json:"urls"`
	Data         []byte            `json:"data"`
	Annotations  map[string]string `json:"annotations"`
	Platform     *Platform         `json:"platform"`
	ArtifactType string            `json:"artifactType"`
}

// A Named is all that a descriptor says about the bytes of a document. Descriptors with one Named name one document.
type Named struct {
	MediaType, Digest string
	Size              int64
	Data              string
}

// Named returns what the descriptor says about the bytes.
func (d Descriptor) Named() Named { return Named{d.MediaType, d.Digest, d.Size, string(d.Data)} }

// A Ref is a descriptor, or the reason why there is none.
type Ref struct {
	Descriptor
	Err error
}

// ParseDescriptor reads one descriptor. On error it returns the fields that could be read, for messages.
func ParseDescriptor(raw json.RawMessage) (Descriptor, error) {
	var d Descriptor
	if !Present(raw) {
		return d, errors.New("null in place of a descriptor")
	}
	if err := Typed(json.Unmarshal(raw, &d)); err != nil {
		return d, err
	}
	if err := digest.Check(d.Digest); err != nil {
		return d, err
	}
	size, err := strconv.ParseInt(string(d.RawSize), 10, 64)
	if len(d.RawSize) == 0 {
		return d, errors.New("size: is missing")
	}
	if err != nil || size < 0 {
		return d, fmt.Errorf("size: want a whole number from 0, found %s", Written(d.RawSize))
	}
	d.Size = size
	return d, nil
}

// Match compares a document with its descriptor: size, digest, and the copy that the descriptor may have.
func (d Descriptor) Match(doc []byte) error {
	if err := d.MatchSize(int64(len(doc))); err != nil {
		return err
	}
	if err := digest.Match(doc, d.Digest); err != nil {
		return err
	}
	return d.MatchData()
}

// MatchSize compares the stored size, in bytes, with the descriptor's.
func (d Descriptor) MatchSize(size int64) error {
	if size != d.Size {
		return fmt.Errorf("content does not match its descriptor: size: want %d bytes, found %d", d.Size, size)
	}
	return nil
}

// MatchData checks the copy of the blob that a descriptor may have.
func (d Descriptor) MatchData() error {
	if d.Data == nil {
		return nil
	}
	if int64(len(d.Data)) != d.Size {
		return fmt.Errorf("embedded data: want %d bytes, found %d", d.Size, len(d.Data))
	}
	if err := digest.Match(d.Data, d.Digest); err != nil {
		return fmt.Errorf("embedded data: %w", err)
	}
	return nil
}

// Foreign reports whether a layer is not distributed with its image: its media type says so, or it has URLs.
func (d Descriptor) Foreign() bool {
	return len(d.URLs) > 0 || strings.Contains(d.MediaType, ".nondistributable.") ||
		strings.Contains(d.MediaType, ".foreign.")
}

// layerTypes begin the media types of layers.
var layerTypes = []string{"application/vnd.oci.image.layer.", "application/vnd.docker.image.rootfs.",
	"application/vnd.docker.container.image.rootfs.", "application/vnd.erofs."}

// IsLayer reports whether a descriptor of a manifest can be a layer: by its media type, or because it has none.
func (r Ref) IsLayer() bool {
	return r.Err != nil || r.MediaType == "" ||
		slices.ContainsFunc(layerTypes, func(begin string) bool { return strings.HasPrefix(r.MediaType, begin) })
}

// IsAttestation reports whether the descriptor names a statement about another image: BuildKit's, or what a layout of
// cosign save holds beside its image.
func (d Descriptor) IsAttestation() bool {
	kind, cosigns := strings.CutPrefix(d.Annotations["kind"], cosignKind)
	return strings.HasPrefix(d.Annotations["vnd.docker.reference.type"], "attestation") ||
		d.Platform != nil && d.Platform.OS == "unknown" && d.Platform.Architecture == "unknown" ||
		cosigns && !strings.HasPrefix(kind, "image")
}

// cosignKind begins the annotation kind of a layout that cosign save writes; image, imageIndex, sigs or atts follows.
const cosignKind = "dev.cosignproject.cosign/"

// SavedAs returns the reference under which cosign save stored an image; empty for other descriptors.
func (d Descriptor) SavedAs() string {
	if strings.HasPrefix(d.Annotations["kind"], cosignKind+"image") {
		return d.Annotations[cosignKind+"imageRef"]
	}
	return ""
}

// BlobPattern is a pattern of package path. It matches all names that BlobName returns.
const BlobPattern = "blobs/*/*"

// BlobName returns the name under which a layout keeps the blob of a digest, which must be valid.
// Source: OCI image specification, image-layout.md.
func BlobName(d string) string { return "blobs/" + digest.Algorithm(d) + "/" + digest.Hex(d) }

// BlobDigest is the reverse of BlobName. It returns "" for other names.
func BlobDigest(name string) string {
	rest, ok := strings.CutPrefix(name, "blobs/")
	if d := strings.Replace(rest, "/", ":", 1); ok && digest.Valid(d) {
		return d
	}
	return ""
}

// Present reports whether a raw value is there and is not null.
func Present(raw json.RawMessage) bool { return len(raw) > 0 && !bytes.Equal(raw, []byte("null")) }

// Written returns a raw value as the document writes it, quoted if it could confuse a reader.
func Written(raw json.RawMessage) string {
	if text := string(raw); len(text) <= show.MaxCut && show.Safe(text) == text {
		return text
	}
	return show.Cut(string(raw))
}
