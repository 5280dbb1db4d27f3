package render

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
)

// A Subject is the image of a bill of materials.
type Subject struct {
	Name, Version         string // its reference, and the digest of its config
	Platform              string
	System, SystemVersion string // of os-release: debian, 12; empty if they are not known
	Created               string // RFC 3339 in UTC; empty if it is not known
}

// The parts of a bill of materials that are written; ECMA-424, CycloneDX 1.6.
type (
	cycloneBOM struct {
		Schema     string             `json:"$schema"`
		Format     string             `json:"bomFormat"`
		Spec       string             `json:"specVersion"`
		Serial     string             `json:"serialNumber,omitempty"`
		Version    int                `json:"version"`
		Metadata   cycloneMetadata    `json:"metadata"`
		Components []cycloneComponent `json:"components"`
	}
	cycloneMetadata struct {
		Timestamp string           `json:"timestamp,omitempty"`
		Tools     cycloneTools     `json:"tools"`
		Component cycloneComponent `json:"component"`
	}
	cycloneTools struct {
		Components []cycloneComponent `json:"components"`
	}
	cycloneComponent struct {
		Type       string            `json:"type"`
		Ref        string            `json:"bom-ref,omitempty"`
		Name       string            `json:"name"`
		Version    string            `json:"version,omitempty"`
		Licenses   []cycloneLicense  `json:"licenses,omitempty"`
		PURL       string            `json:"purl,omitempty"`
		Properties []cycloneProperty `json:"properties,omitempty"`
	}
	cycloneLicense struct {
		License struct {
			Name string `json:"name"`
		} `json:"license"`
	}
	cycloneProperty struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
)

const (
	cycloneSchema = "http://cyclonedx.org/schema/bom-1.6.schema.json"
	cycloneSpec   = "1.6"
)

var errOneSubject = errors.New("a bill of materials is about one image: write one for each")

// writeCycloneDX writes one document about one image. The same rows give the same bytes: the serial number comes from
// the document.
func writeCycloneDX(w *bufio.Writer, d Doc, _ Terminal) error {
	if len(d.Sections) != 1 || d.Many {
		return errOneSubject
	}
	s := d.Sections[0]
	of := s.Subject
	bom := cycloneBOM{Schema: cycloneSchema, Format: "CycloneDX", Spec: cycloneSpec, Version: 1,
		Components: []cycloneComponent{}}
	bom.Metadata = cycloneMetadata{Timestamp: of.Created,
		Tools:     cycloneTools{[]cycloneComponent{{Type: "application", Name: "layup", Version: d.Version}}},
		Component: cycloneComponent{Type: "container", Ref: "image", Name: of.Name, Version: of.Version}}
	if of.Platform != "" {
		bom.Metadata.Component.Properties = []cycloneProperty{{"layup:platform", of.Platform}}
	}
	if of.System != "" {
		bom.Components = append(bom.Components, cycloneComponent{Type: "operating-system", Ref: "system", Name: of.System,
			Version: of.SystemVersion})
	}
	for c := range s.components {
		bom.Components = append(bom.Components, c.cyclone())
	}
	body, err := appendObject(nil, bom)
	if err != nil {
		return err
	}
	bom.Serial = "urn:uuid:" + uuidOf(body)
	if body, err = appendObject(nil, bom); err != nil {
		return err
	}
	w.Write(append(body, '\n'))
	return nil
}

// uuidOf makes a UUID of version 8, RFC 9562, from bytes.
func uuidOf(body []byte) string {
	sum := sha256.Sum256(body)
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// A component is an installed package of a section.
type component struct {
	number                                              int
	name, version, architecture, manager, purl, license string
	layer, diffID, path                                 string
}

// components yields the installed packages.
func (s Section) components(yield func(component) bool) {
	get, n := s.getter(), 0
	for row := range s.rows {
		text := func(name string) string { return get(row, name).String() }
		if text("status") != "installed" {
			continue
		}
		n++
		c := component{n, text("name"), text("version"), text("architecture"), text("manager"), text("purl"),
			text("license"), text("layer"), text("diffID"), text("path")}
		if !yield(c) {
			return
		}
	}
}

// properties are what bills of materials have no members for.
func (c component) properties() (list []cycloneProperty) {
	for _, p := range []cycloneProperty{{"layup:manager", c.manager}, {"layup:architecture", c.architecture},
		{"layup:layer", c.layer}, {"layup:layer:diffID", c.diffID}, {"layup:path", c.path}} {
		if p.Value != "" {
			list = append(list, p)
		}
	}
	return list
}

func (c component) cyclone() cycloneComponent {
	out := cycloneComponent{Type: "library", Ref: "package-" + strconv.Itoa(c.number), Name: c.name, Version: c.version,
		PURL: c.purl, Properties: c.properties()}
	if c.license != "" {
		out.Licenses = make([]cycloneLicense, 1)
		out.Licenses[0].License.Name = c.license
	}
	return out
}
