package item

import (
	"encoding/base64"
	"unicode/utf8"

	"layup/analyze"
	"layup/tarfs"
)

// ImageFacts is the "image" object of the document.
type ImageFacts struct {
	Name      string `json:"name,omitempty"` // only if there are several
	Source    string `json:"source,omitempty"`
	Reference string `json:"reference,omitempty"`
	ID        string `json:"id,omitempty"`
	Platform  string `json:"platform,omitempty"`
	Artifact  string `json:"artifactType,omitempty"` // only of an artifact
	Layers    *int   `json:"layers,omitempty"`       // nil if the image could not be opened
	Verified  string `json:"verified,omitempty"`

	Base       *BaseFacts `json:"base,omitempty"`       // nil if it is unknown, or nobody asked
	Provenance string     `json:"provenance,omitempty"` // the digest of the statement about the build
}

// BaseFacts is the "base" object: the image on which this one was built.
type BaseFacts struct {
	Name   string             `json:"name,omitempty"`
	Digest string             `json:"digest,omitempty"`
	Layers *int               `json:"layers,omitempty"` // of the oldest; nil if unknown
	From   analyze.BaseSource `json:"from"`
}

// FactsOf is what the document says of an image that was loaded.
func FactsOf(img *analyze.Image) ImageFacts {
	layers := len(img.Layers)
	f := ImageFacts{Source: img.Source, Reference: img.Reference, ID: img.ID, Platform: img.Platform,
		Artifact: img.ArtifactType, Layers: &layers, Verified: img.Verified}
	if s := img.Statement(); s != nil {
		f.Provenance = s.Digest
	}
	if base, ok := img.Base(); ok {
		f.Base = &BaseFacts{Name: base.Name, Digest: base.Digest, From: base.From}
		if base.Layers >= 0 {
			f.Base.Layers = &base.Layers
		}
	}
	return f
}

// ErrorFacts is a member of the document's "errors"; it has no layer if the image could not be opened.
type ErrorFacts struct {
	Layer   *int   `json:"layer,omitempty"`
	Message string `json:"message"`
}

func (e ErrorFacts) String() string { return e.Message }

// WarningFacts is a member of the document's "warnings".
type WarningFacts struct {
	Code       string         `json:"code"`
	Severity   tarfs.Severity `json:"severity"`
	Layer      int            `json:"layer"`
	Path       string         `json:"path,omitempty"`
	PathBase64 string         `json:"pathBase64,omitempty"` // the exact bytes if they are not UTF-8
	Message    string         `json:"message"`
	More       int            `json:"more,omitempty"`
}

// NewWarningFacts is what the document says of a warning.
func NewWarningFacts(w tarfs.Warning) WarningFacts {
	f := WarningFacts{Code: w.Code.Name, Severity: w.Code.Severity, Layer: w.Layer, Path: w.Path, Message: w.Text(),
		More: w.More}
	if !utf8.ValidString(w.Path) {
		f.PathBase64 = base64.StdEncoding.EncodeToString([]byte(w.Path))
	}
	return f
}
