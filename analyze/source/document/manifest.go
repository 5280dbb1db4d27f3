package document

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"layup/analyze/show"
)

// A Manifest holds what this program needs of an OCI or Docker image manifest.
type Manifest struct {
	Raw          []byte
	MediaType    string
	ArtifactType string
	Subject      string // digest of the manifest that this one is about; empty for none
	Config       Descriptor
	Layers       []Ref
}

// Annotations reads the annotations of the manifest; nil if they are not texts.
func (m *Manifest) Annotations() map[string]string {
	var doc struct {
		Annotations map[string]string `json:"annotations"`
	}
	if json.Unmarshal(m.Raw, &doc) != nil {
		return nil
	}
	return doc.Annotations
}

// The kinds of documents.
const (
	IndexKind    = "index"    // lists manifests and further indexes
	ManifestKind = "manifest" // names a config and layers
)

// The media types of the OCI image specification.
const (
	OCIIndex    = "application/vnd.oci.image.index.v1+json"
	OCIManifest = "application/vnd.oci.image.manifest.v1+json"
)

// KindOf returns the kind of a document by its media type, or "" if the type is not that of an index or manifest.
func KindOf(mediaType string) string {
	switch mediaType {
	case OCIIndex, "application/vnd.docker.distribution.manifest.list.v2+json":
		return IndexKind
	case OCIManifest, "application/vnd.docker.distribution.manifest.v2+json":
		return ManifestKind
	}
	return ""
}

// What returns the word for a document in messages: its kind by the media type, or manifest if the type is unknown.
func What(mediaType string) string { return cmp.Or(KindOf(mediaType), ManifestKind) }

// The annotations by which containerd and skopeo find an image in a layout.
const (
	NameAnnotation = "io.containerd.image.name"
	TagAnnotation  = "org.opencontainers.image.ref.name"
)

// A Document is an index or a manifest, its parts not read yet.
type Document struct {
	SchemaVersion json.RawMessage `json:"schemaVersion"`
	MediaType     string          `json:"mediaType"`
	ArtifactType  string          `json:"artifactType"`
	Config        json.RawMessage `json:"config"`
	Layers        json.RawMessage `json:"layers"`
	FSLayers      json.RawMessage `json:"fsLayers"`
	Manifests     json.RawMessage `json:"manifests"`
	Subject       json.RawMessage `json:"subject"`
}

// Parse reads an index or a manifest and returns its kind. Said is the media type in its descriptor, if any. Depth
// bounds the nesting of the JSON.
func Parse(doc []byte, said string, depth int) (*Document, string, error) {
	d := new(Document)
	if err := Unmarshal(doc, depth, d); err != nil {
		return nil, "", err
	}
	if v := string(d.SchemaVersion); Present(d.FSLayers) || v != "" && v != "2" {
		return nil, "", fmt.Errorf("schemaVersion %s is not supported, only 2", Written(d.SchemaVersion))
	}
	kind, err := d.kind(said)
	return d, kind, err
}

// ParseIndex reads an index. Another document is an error.
func ParseIndex(doc []byte, said string, depth int) (*Document, error) {
	d, kind, err := Parse(doc, said, depth)
	if err == nil && kind != IndexKind {
		err = errors.New("not an index")
	}
	return d, err
}

// kind refuses a document that two readers could take for two things (CVE-2021-41190).
func (d *Document) kind(said string) (string, error) {
	list, image := Present(d.Manifests), Present(d.Config) || Present(d.Layers)
	if list && image {
		return "", errors.New("is both an index and a manifest")
	}
	shape := ""
	if list {
		shape = IndexKind
	} else if image {
		shape = ManifestKind
	}
	notA := map[string]string{IndexKind: "not an index", ManifestKind: "not a manifest"}
	named, own := KindOf(said), KindOf(d.MediaType)
	if d.MediaType != "" && said != "" && own != named {
		err := fmt.Errorf("mediaType differs: the descriptor says %s, the document %s", show.Cut(said), show.Cut(d.MediaType))
		if named != "" {
			err = fmt.Errorf("%s: %w", notA[named], err)
		}
		return "", err
	}
	want := cmp.Or(named, own, shape)
	if shape != "" && shape != want {
		return "", errors.New(notA[want] + ": it has the fields of the other")
	}
	if want == "" {
		return "", errors.New("neither an index nor a manifest")
	}
	return want, nil
}

// Children returns the descriptors that an index lists, not parsed yet.
func (d *Document) Children() ([]json.RawMessage, error) { return list(d.Manifests, "manifests") }

func list(raw json.RawMessage, field string) ([]json.RawMessage, error) {
	var list []json.RawMessage
	if len(raw) == 0 {
		return nil, nil
	}
	if err := Typed(json.Unmarshal(raw, &list)); err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	return list, nil
}

// NewManifest reads the descriptors of a manifest. Those of layers may be wrong: the other layers can still be read.
func NewManifest(d *Document, raw []byte, limits *Limits) (*Manifest, error) {
	m := &Manifest{Raw: raw, MediaType: d.MediaType, ArtifactType: d.ArtifactType}
	var err error
	if m.Config, err = ParseDescriptor(d.Config); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	if Present(d.Subject) {
		about, err := ParseDescriptor(d.Subject)
		if err != nil {
			return nil, fmt.Errorf("subject: %w", err)
		}
		m.Subject = about.Digest
	}
	layers, err := list(d.Layers, "layers")
	if err != nil {
		return nil, err
	}
	if err := Over(LimitLayers, len(layers), limits.Layers); err != nil {
		return nil, err
	}
	for _, raw := range layers {
		desc, err := ParseDescriptor(raw)
		m.Layers = append(m.Layers, Ref{desc, err})
	}
	return m, nil
}

// NotImage says what a manifest describes instead of a container image; nil if it describes one.
func (m *Manifest) NotImage() error {
	switch m.Config.MediaType {
	case "", "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json":
		if m.ArtifactType == "" || len(m.Layers) == 0 || slices.ContainsFunc(m.Layers, Ref.IsLayer) {
			return nil // without a type it is the usual one
		}
		return fmt.Errorf("not a container image but an artifact: its artifactType is %s, and none of its layers has the "+
			"type of a layer", show.Cut(m.ArtifactType))
	}
	const format = "not a container image but an artifact: its config is of type %s"
	err := fmt.Errorf(format, show.Cut(m.Config.MediaType))
	if m.ArtifactType != "" {
		err = fmt.Errorf("%w, artifactType %s", err, show.Cut(m.ArtifactType))
	}
	return err
}
