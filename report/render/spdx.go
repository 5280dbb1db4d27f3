package render

import (
	"bufio"
	"strconv"
	"strings"
)

// The parts of a document that are written; SPDX 2.3, ISO/IEC 5962.
type (
	spdxDocument struct {
		Version       string             `json:"spdxVersion"`
		License       string             `json:"dataLicense"`
		ID            string             `json:"SPDXID"`
		Name          string             `json:"name"`
		Namespace     string             `json:"documentNamespace"`
		Creation      spdxCreation       `json:"creationInfo"`
		Packages      []spdxPackage      `json:"packages"`
		Relationships []spdxRelationship `json:"relationships"`
	}
	spdxCreation struct {
		Created  string   `json:"created"`
		Creators []string `json:"creators"`
	}
	spdxPackage struct {
		Name        string           `json:"name"`
		ID          string           `json:"SPDXID"`
		Version     string           `json:"versionInfo,omitempty"`
		Location    string           `json:"downloadLocation"`
		Analyzed    bool             `json:"filesAnalyzed"`
		Concluded   string           `json:"licenseConcluded"`
		Declared    string           `json:"licenseDeclared"`
		Comments    string           `json:"licenseComments,omitempty"`
		Copyright   string           `json:"copyrightText"`
		Source      string           `json:"sourceInfo,omitempty"`
		Purpose     string           `json:"primaryPackagePurpose,omitempty"`
		References  []spdxReference  `json:"externalRefs,omitempty"`
		Annotations []spdxAnnotation `json:"annotations,omitempty"`
	}
	spdxReference struct {
		Category string `json:"referenceCategory"`
		Type     string `json:"referenceType"`
		Locator  string `json:"referenceLocator"`
	}
	spdxAnnotation struct {
		Annotator string `json:"annotator"`
		Date      string `json:"annotationDate"`
		Type      string `json:"annotationType"`
		Comment   string `json:"comment"`
	}
	spdxRelationship struct {
		From string `json:"spdxElementId"`
		Type string `json:"relationshipType"`
		To   string `json:"relatedSpdxElement"`
	}
)

const (
	spdxNothing = "NOASSERTION"
	spdxEpoch   = "1970-01-01T00:00:00Z" // a document must have a time
	spdxImage   = "SPDXRef-image"
	spdxSelf    = "SPDXRef-DOCUMENT"
	spdxSpace   = "https://layup.invalid/spdx/" // a name, not an address: it is never asked
)

// writeSPDX writes one document about one image. The same rows give the same bytes: its namespace comes from the
// document.
func writeSPDX(w *bufio.Writer, d Doc, _ Terminal) error {
	if len(d.Sections) != 1 || d.Many {
		return errOneSubject
	}
	s := d.Sections[0]
	of := s.Subject
	tool := "Tool: layup"
	if d.Version != "" {
		tool += "-" + d.Version
	}
	doc := spdxDocument{Version: "SPDX-2.3", License: "CC0-1.0", ID: spdxSelf, Name: of.Name,
		Creation: spdxCreation{Created: of.Created, Creators: []string{tool}}}
	if doc.Creation.Created == "" {
		doc.Creation.Created = spdxEpoch
	}
	image := newSPDX(spdxImage, of.Name, of.Version)
	image.Purpose = "CONTAINER"
	doc.Packages = []spdxPackage{image}
	doc.Relationships = []spdxRelationship{{spdxSelf, "DESCRIBES", spdxImage}}
	for c := range s.components {
		p := c.spdx(tool, doc.Creation.Created)
		doc.Packages = append(doc.Packages, p)
		doc.Relationships = append(doc.Relationships, spdxRelationship{spdxImage, "CONTAINS", p.ID})
	}
	body, err := appendObject(nil, doc)
	if err != nil {
		return err
	}
	doc.Namespace = spdxSpace + uuidOf(body)
	if body, err = appendObject(nil, doc); err != nil {
		return err
	}
	w.Write(append(body, '\n'))
	return nil
}

func newSPDX(id, name, version string) spdxPackage {
	return spdxPackage{Name: name, ID: id, Version: version, Location: spdxNothing, Concluded: spdxNothing,
		Declared: spdxNothing, Copyright: spdxNothing}
}

func (c component) spdx(tool, when string) spdxPackage {
	p := newSPDX("SPDXRef-package-"+strconv.Itoa(c.number), c.name, c.version)
	if c.license != "" {
		p.Comments = "as the package says: " + c.license
	}
	if c.purl != "" {
		p.References = []spdxReference{{"PACKAGE-MANAGER", "purl", c.purl}}
	}
	p.Source = "found by its record of " + c.manager
	if c.path != "" {
		p.Source += ": " + c.path
	}
	var comment strings.Builder
	for i, property := range c.properties() {
		if i > 0 {
			comment.WriteString("; ")
		}
		comment.WriteString(property.Name + "=" + property.Value)
	}
	p.Annotations = []spdxAnnotation{{tool, when, "OTHER", comment.String()}}
	return p
}
