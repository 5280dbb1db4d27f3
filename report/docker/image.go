package docker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"layup/analyze"
	"layup/analyze/source"
	"layup/report/render"
)

// An unknownFact is the error of a template that asks for a fact that the source does not hold.
type unknownFact struct{ text string }

func (e *unknownFact) Error() string { return e.text }

// rawImage is the document for the second stage of a template, by the names of its JSON. It lacks the keys of facts
// that are not known: a template that asks for one fails.
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

// facts are the keys that may be missing.
var facts = []string{"Id", "ID", "GraphDriver", "Identity", "Metadata", "Parent", "Size", "VirtualSize"}

// missing returns the unknown fact at which a template failed, or else its error. A missing key of a part of the
// document has the same error: only if the template comes further with the fact, the fact was what it asked for.
func (r rawImage) missing(template *render.DockerTemplate, err error) error {
	for _, field := range facts {
		if _, known := r[field]; known || !strings.HasSuffix(err.Error(), fmt.Sprintf("no entry for key %q", field)) {
			continue
		}
		with := maps.Clone(r)
		with[field] = nil
		if _, further := template.Execute(with, true); further == nil || further.Error() != err.Error() {
			return unknown(field)
		}
	}
	return err
}

func unknown(field string) error {
	switch {
	case strings.EqualFold(field, "id"):
		return &unknownFact{"." + field + " is not known: there is no config, of which it would be the digest"}
	case strings.HasSuffix(field, "Size"):
		return &unknownFact{"." + field + " is not known: the layers were not all read"}
	}
	return &unknownFact{"." + field + " is known to an engine only; read its store: docker-root:/var/lib/docker"}
}

// A typedImage is the document for the first stage of a template: what docker's client decodes. A template gets a field
// of the outermost struct that has one, and fails at one in a struct that is nil: so at facts that are not known.
type typedImage struct {
	decoded
	*clientID
	*clientDriver
	*clientMetadata
	*clientParent
	*clientSize
	*clientVirtual
}

type (
	decoded        struct{ clientImage }
	clientID       struct{ ID string }
	clientDriver   struct{ GraphDriver analyze.DockerGraphDriver }
	clientMetadata struct{ Metadata analyze.DockerMetadata }
	clientParent   struct{ Parent string }
	clientSize     struct{ Size int64 }
	clientVirtual  struct{ VirtualSize int64 }
)

func newTypedImage(d *analyze.DockerImage, raw rawImage) (t typedImage, err error) {
	if err := json.Unmarshal(d.JSON(), &t.clientImage); err != nil {
		return t, err
	}
	all := typedImage{t.decoded, &clientID{t.clientImage.ID}, &clientDriver{t.clientImage.GraphDriver},
		&clientMetadata{t.clientImage.Metadata}, &clientParent{t.clientImage.Parent}, &clientSize{t.clientImage.Size},
		&clientVirtual{t.clientImage.VirtualSize}}
	for field, hide := range map[string]func(){
		"ID":          func() { all.clientID = nil },
		"GraphDriver": func() { all.clientDriver = nil },
		"Metadata":    func() { all.clientMetadata = nil },
		"Parent":      func() { all.clientParent = nil },
		"Size":        func() { all.clientSize = nil },
		"VirtualSize": func() { all.clientVirtual = nil },
	} {
		if _, known := raw[field]; !known {
			hide()
		}
	}
	return all, nil
}

// Format prints what docker prints for {{.}}.
func (t typedImage) Format(s fmt.State, verb rune) {
	fmt.Fprintf(s, fmt.FormatString(s, verb), t.clientImage)
}

// MarshalJSON leaves out a size that is not known.
func (t typedImage) MarshalJSON() ([]byte, error) {
	if t.clientSize != nil {
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
