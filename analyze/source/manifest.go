package source

import (
	"encoding/json"
	"errors"
	"fmt"
)

// A manifest is an OCI or Docker image manifest, as far as it is needed.
type manifest struct {
	raw          []byte
	mediaType    string
	artifactType string
	subject      string // digest of the manifest that this one is about; empty for none
	config       descriptor
	layers       []blobRef
}

// A blobRef is a descriptor, or why it cannot be one.
type blobRef struct {
	descriptor
	err error
}

// document kinds, by media type and by content.
const (
	docIndex    = "index"
	docManifest = "manifest"
)

const ociIndex = "application/vnd.oci.image.index.v1+json"

// notA says what a document is not.
var notA = map[string]string{docIndex: "not an index", docManifest: "not a manifest"}

// mediaKinds are the media types of documents that list images or layers.
var mediaKinds = map[string]string{
	ociIndex: docIndex,
	"application/vnd.docker.distribution.manifest.list.v2+json": docIndex,
	"application/vnd.oci.image.manifest.v1+json":                docManifest,
	"application/vnd.docker.distribution.manifest.v2+json":      docManifest,
}

// imageConfigTypes are the media types of configs of container images; an empty one is taken for the usual.
var imageConfigTypes = map[string]bool{
	"": true,
	"application/vnd.oci.image.config.v1+json":       true,
	"application/vnd.docker.container.image.v1+json": true,
}

// A rawDocument is an index or a manifest.
type rawDocument struct {
	SchemaVersion json.RawMessage `json:"schemaVersion"`
	MediaType     string          `json:"mediaType"`
	ArtifactType  string          `json:"artifactType"`
	Config        json.RawMessage `json:"config"`
	Layers        json.RawMessage `json:"layers"`
	FSLayers      json.RawMessage `json:"fsLayers"`
	Manifests     json.RawMessage `json:"manifests"`
	Subject       json.RawMessage `json:"subject"`
}

// parseDocument reads an index or a manifest and decides which it is; said is the media type by which it was named, if any.
func parseDocument(doc []byte, said string, depth int) (*rawDocument, string, error) {
	d := new(rawDocument)
	if err := unmarshal(doc, depth, d); err != nil {
		return nil, "", err
	}
	if v := string(d.SchemaVersion); present(d.FSLayers) || v != "" && v != "2" {
		return nil, "", fmt.Errorf("schemaVersion %s is not supported, only 2", written(d.SchemaVersion))
	}
	kind, err := d.kind(said)
	return d, kind, err
}

// kind refuses a document that two readers could take for two things (CVE-2021-41190).
func (d *rawDocument) kind(said string) (string, error) {
	list, image := present(d.Manifests), present(d.Config) || present(d.Layers)
	if list && image {
		return "", errors.New("is both an index and a manifest")
	}
	shape := ""
	if list {
		shape = docIndex
	} else if image {
		shape = docManifest
	}
	named, own := mediaKinds[said], mediaKinds[d.MediaType]
	if d.MediaType != "" && said != "" && own != named {
		err := fmt.Errorf("mediaType differs: the descriptor says %s, the document %s", shortened(said), shortened(d.MediaType))
		if named != "" {
			err = fmt.Errorf("%s: %w", notA[named], err)
		}
		return "", err
	}
	want := firstWord(named, own, shape)
	if shape != "" && shape != want {
		return "", errors.New(notA[want] + ": it has the fields of the other")
	}
	if want == "" {
		return "", errors.New("neither an index nor a manifest")
	}
	return want, nil
}

func firstWord(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

func rawList(raw json.RawMessage, field string) ([]json.RawMessage, error) {
	var list []json.RawMessage
	if len(raw) == 0 {
		return nil, nil
	}
	if err := typed(json.Unmarshal(raw, &list)); err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	return list, nil
}

// newManifest reads the descriptors of a manifest; those of layers may be wrong, for then the other layers can still be read.
func newManifest(d *rawDocument, raw []byte, limits *Limits) (*manifest, error) {
	m := &manifest{raw: raw, mediaType: d.MediaType, artifactType: d.ArtifactType}
	var err error
	if m.config, err = parseDescriptor(d.Config); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	if present(d.Subject) {
		about, err := parseDescriptor(d.Subject)
		if err != nil {
			return nil, fmt.Errorf("subject: %w", err)
		}
		m.subject = about.Digest
	}
	layers, err := rawList(d.Layers, "layers")
	if err != nil {
		return nil, err
	}
	if err := over(limitLayers, int64(len(layers)), int64(limits.Layers)); err != nil {
		return nil, err
	}
	for _, raw := range layers {
		desc, err := parseDescriptor(raw)
		m.layers = append(m.layers, blobRef{desc, err})
	}
	return m, nil
}

// notImage says what a manifest describes instead of a container image.
func (m *manifest) notImage() error {
	if imageConfigTypes[m.config.MediaType] {
		return nil
	}
	err := fmt.Errorf("not a container image but an artifact: its config is of type %s", shortened(m.config.MediaType))
	if m.artifactType != "" {
		err = fmt.Errorf("%w, artifactType %s", err, shortened(m.artifactType))
	}
	return err
}
