package docker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"layup/analyze"
	"layup/analyze/source"
)

// An unknownFact is the error of a template that asks for a fact that the source does not hold.
type unknownFact struct{ text string }

func (e *unknownFact) Error() string { return e.text }

// rawImage is the document for the second stage of a template, by the names of its JSON. It lacks the keys of facts
// that are not known. A template prefers methods to keys, so methods say what is not known.
type rawImage map[string]any

// newRawImage decodes a document. It has every key that Docker 20 to 29 print, by its names in JSON and in Go.
func newRawImage(d *analyze.DockerImage, img *source.Image) (rawImage, error) {
	raw := rawImage{"Variant": "", "OsVersion": "", "Descriptor": nil, "Manifests": nil}
	dec := json.NewDecoder(bytes.NewReader(d.JSON()))
	dec.UseNumber()
	if err := dec.Decode((*map[string]any)(&raw)); err != nil {
		return nil, err
	}
	raw["ID"] = raw["Id"]
	if d.ID == "" {
		delete(raw, "Id")
		delete(raw, "ID")
	}
	if m, ok := raw["Descriptor"].(map[string]any); ok {
		maps.Copy(m, map[string]any{"MediaType": m["mediaType"], "Digest": m["digest"], "Size": m["size"]})
	}
	if img.Engine == nil {
		delete(raw, "GraphDriver")
		delete(raw, "Metadata")
		if img.Parent == "" {
			delete(raw, "Parent")
		}
	}
	return raw, nil
}

func (r rawImage) get(field string) (any, error) {
	v, ok := r[field]
	switch {
	case ok:
		return v, nil
	case strings.EqualFold(field, "id"):
		return nil, &unknownFact{"." + field + " is not known: there is no config, of which it would be the digest"}
	case strings.HasSuffix(field, "Size"):
		return nil, &unknownFact{"." + field + " is not known: the layers were not all read"}
	}
	return nil, &unknownFact{"." + field + " is known to an engine only; read its store: docker-root:/var/lib/docker"}
}

// Id is the digest of the config, if there is one.
func (r rawImage) Id() (any, error) { return r.get("Id") }

// ID is the digest of the config, if there is one.
func (r rawImage) ID() (any, error) { return r.get("ID") }

// GraphDriver is known in an engine's store.
func (r rawImage) GraphDriver() (any, error) { return r.get("GraphDriver") }

// Identity is never known.
func (r rawImage) Identity() (any, error) { return r.get("Identity") }

// Metadata is known in an engine's store.
func (r rawImage) Metadata() (any, error) { return r.get("Metadata") }

// Parent is known in an engine's store, or in an archive that also holds the parent.
func (r rawImage) Parent() (any, error) { return r.get("Parent") }

// Size is known if the layers were read.
func (r rawImage) Size() (any, error) { return r.get("Size") }

// VirtualSize is Size, by its name in older engines.
func (r rawImage) VirtualSize() (any, error) { return r.get("VirtualSize") }

// A typedImage is the document for the first stage of a template: what docker's client decodes, with the methods of
// rawImage.
type typedImage struct {
	clientImage
	raw rawImage
}

func newTypedImage(d *analyze.DockerImage, raw rawImage) (typedImage, error) {
	t := typedImage{raw: raw}
	return t, json.Unmarshal(d.JSON(), &t.clientImage)
}

func (t typedImage) GraphDriver() (analyze.DockerGraphDriver, error) {
	_, err := t.raw.GraphDriver()
	return t.clientImage.GraphDriver, err
}

func (t typedImage) ID() (string, error) {
	_, err := t.raw.ID()
	return t.clientImage.ID, err
}

func (t typedImage) Identity() (any, error) { return t.raw.Identity() }

func (t typedImage) Metadata() (analyze.DockerMetadata, error) {
	_, err := t.raw.Metadata()
	return t.clientImage.Metadata, err
}

func (t typedImage) Parent() (string, error) {
	_, err := t.raw.Parent()
	return t.clientImage.Parent, err
}

func (t typedImage) Size() (int64, error) {
	_, err := t.raw.Size()
	return t.clientImage.Size, err
}

func (t typedImage) VirtualSize() (int64, error) {
	_, err := t.raw.VirtualSize()
	return t.clientImage.VirtualSize, err
}

// Format prints what docker prints for {{.}}.
func (t typedImage) Format(s fmt.State, verb rune) {
	fmt.Fprintf(s, fmt.FormatString(s, verb), t.clientImage)
}

// MarshalJSON leaves out a size that is not known.
func (t typedImage) MarshalJSON() ([]byte, error) {
	if _, err := t.raw.Size(); err == nil {
		return plainJSON(t.clientImage)
	}
	return plainJSON(struct {
		clientImage
		Size        *int64 `json:",omitempty"`
		VirtualSize *int64 `json:",omitempty"`
	}{clientImage: t.clientImage})
}

// plainJSON is JSON without escapes for HTML.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}
