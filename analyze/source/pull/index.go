package pull

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"layup/analyze/source/decode"
	"layup/analyze/source/document"
	"layup/analyze/source/pull/layout"
)

// indexEntry is a descriptor of index.json.
type indexEntry struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	Platform     json.RawMessage   `json:"platform,omitempty"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

// index writes index.json: the references in the user's order, each followed by what refers to it.
func (p *plan) index() []byte {
	doc := struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		Manifests     []indexEntry `json:"manifests"`
	}{2, document.OCIIndex, nil}
	tags := map[string]int{}
	for _, e := range p.entries {
		tags[e.ref.Tag]++
	}
	for _, e := range p.entries {
		d := indexEntry{MediaType: e.desc.MediaType, Digest: e.desc.Digest, Size: e.desc.Size, Platform: e.platform,
			ArtifactType: e.desc.ArtifactType, Annotations: e.desc.Annotations}
		if !e.named && e.ref.Tag == "" { // it has no name
			d.Annotations = maps.Clone(d.Annotations)
			delete(d.Annotations, document.NameAnnotation)
			delete(d.Annotations, document.TagAnnotation)
		} else {
			tag := e.name()
			if e.ref.Tag != "" && tags[e.ref.Tag] == 1 {
				tag = e.ref.Tag
			}
			d.Annotations = map[string]string{document.NameAnnotation: e.name(), document.TagAnnotation: tag}
		}
		doc.Manifests = append(doc.Manifests, d)
	}
	text, _ := json.Marshal(doc) // cannot fail: its parts come from JSON
	return text
}

// dockerManifest writes manifest.json for docker load: an image for each manifest, under all its references.
func (p *plan) dockerManifest(partial *layout.Partial) ([]byte, error) {
	type image struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	var list []*image
	made := map[string]*image{}
	for _, e := range p.entries {
		if !e.named {
			continue
		}
		i := made[e.desc.Digest]
		if i == nil {
			if err := p.loadable(partial, e); err != nil {
				return nil, fmt.Errorf("%s: %w", e.name(), err)
			}
			i = &image{Config: document.BlobName(e.image.Config.Digest), Layers: []string{}}
			for _, l := range e.image.Layers {
				i.Layers = append(i.Layers, document.BlobName(l.Digest))
			}
			made[e.desc.Digest], list = i, append(list, i)
		}
		if tag := document.Familiar(e.name()); e.ref.Tag != "" && !slices.Contains(i.RepoTags, tag) {
			i.RepoTags = append(i.RepoTags, tag)
		}
	}
	return json.Marshal(list)
}

// loadable refuses what no engine loads, and notes what old engines do not load.
func (p *plan) loadable(partial *layout.Partial, e *entry) error {
	if e.image == nil {
		return errors.New("--docker: is not the manifest of an image")
	}
	if err := e.image.NotImage(); err != nil {
		return fmt.Errorf("--docker: %w", err)
	}
	for i, l := range e.image.Layers {
		blob, there := p.blobs[l.Digest]
		if !there {
			return fmt.Errorf("--docker: layer %d is foreign, and the registry does not have it: "+
				"docker load would refuse the file", i)
		}
		head, err := partial.Head(blob.Blob, decode.HeadSize)
		if err != nil {
			return err
		}
		if decode.Sniff(head, l.Size) == decode.Zstd {
			p.note(fmt.Sprintf("%s: layer %d is compressed with zstd: engines before 23 cannot load it", e.name(), i))
			break
		}
	}
	return nil
}
