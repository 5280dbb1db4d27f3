package source

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"layup/analyze/digest"
	"layup/analyze/source/document"
)

// A Statement is a blob of in-toto JSON that an attestation in the source attaches to an image. Nothing signs it.
// Source: BuildKit, docs/attestations/attestation-storage.md.
type Statement struct {
	Digest string // of the blob
	Raw    []byte
	Err    error // why it cannot be read
}

const (
	predicateAnnotation = "in-toto.io/predicate-type"
	subjectAnnotation   = "vnd.docker.reference.digest"
	statementType       = "application/vnd.in-toto+json"
)

// mostStatements is how many statements of an image are read. BuildKit attaches one of each type.
const mostStatements = 8

// Statements reads the statements about the image with predicates that wanted keeps, by their types. It fetches nothing
// else. What an index names and the source does not hold is left out. Nothing is known of an image without a manifest.
func (img *Image) Statements(wanted func(predicate string) bool) []Statement {
	if img.graph == nil {
		return nil
	}
	return img.graph.statements(img.entry, wanted)
}

// The annotations by which an image names its base. Source: OCI image specification, annotations.md.
const (
	baseName   = "org.opencontainers.image.base.name"
	baseDigest = "org.opencontainers.image.base.digest"
)

// A NamedBase is the image on which another was built, as the other's annotations name it.
type NamedBase struct {
	Name, Digest string   // either may be empty
	DiffIDs      []string // nil unless the source holds the base
}

// NamedBase returns what the image's manifest or its descriptor says of the base, and false if that is nothing.
func (img *Image) NamedBase() (NamedBase, bool) {
	if img.graph == nil || img.entry.Manifest == nil {
		return NamedBase{}, false
	}
	own := img.entry.Manifest.Annotations()
	of := func(key string) string { return cmp.Or(own[key], img.entry.Descriptor.Annotations[key]) }
	b := NamedBase{Name: of(baseName), Digest: of(baseDigest)}
	if digest.Valid(b.Digest) && !img.graph.Blobs.Far() {
		b.DiffIDs = img.graph.diffIDs(b.Digest, img)
	} else if !digest.Valid(b.Digest) {
		b.Digest = ""
	}
	return b, b.Name != "" || b.Digest != ""
}

// diffIDs returns the layers of the image that a digest, perhaps of an index, names beside another for its platform.
func (g *Graph) diffIDs(named string, beside *Image) []string {
	for _, e := range g.Entries {
		other := e.Descriptor.Digest != named && !slices.Contains(e.Aliases, named)
		if other || e == beside.entry || e.Kind != KindImage || e.Err != nil || e.platform().String() != beside.Platform {
			continue
		}
		if config, err := e.Config(); err == nil && config != nil {
			return config.DiffIDs
		}
	}
	return nil
}

// statements reads what the attestations among the entries state about an entry.
func (g *Graph) statements(about *Entry, wanted func(predicate string) bool) (list []Statement) {
	found, seen := 0, map[string]bool{}
	for _, e := range g.Entries {
		if e.Kind != KindAttestation || e.Absent || !e.attests(about.Descriptor.Digest) {
			continue
		}
		if found++; found > mostStatements || len(seen) > mostStatements {
			err := fmt.Errorf("more than %d attestations or statements about one image", mostStatements)
			return append(list, Statement{Digest: e.Descriptor.Digest, Err: err})
		}
		list = append(list, g.statementsOf(e, wanted, seen)...)
	}
	return list
}

// attests reports whether an attestation names an image: in the index, or as its subject.
func (e *Entry) attests(image string) bool {
	return e.Descriptor.Annotations[subjectAnnotation] == image || e.Manifest != nil && e.Manifest.Subject == image
}

// statementsOf reads the wanted statements of one attestation that were not seen yet, and one more than the limit at
// most.
func (g *Graph) statementsOf(e *Entry, wanted func(string) bool, seen map[string]bool) (list []Statement) {
	err := e.Err
	if err == nil {
		err = g.readManifest(e)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return []Statement{{Digest: e.Descriptor.Digest, Err: err}}
	}
	for _, l := range e.Manifest.Layers {
		skipped := l.Err != nil || l.MediaType != statementType || !wanted(l.Annotations[predicateAnnotation])
		if skipped || seen[l.Digest] || len(seen) > mostStatements {
			continue
		}
		seen[l.Digest] = true
		raw, err := g.blob(l.Descriptor, "statement", document.LimitStatement, g.Opt.Limits.Statement)
		if err == nil {
			err = document.Hold(new(int64), raw)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			list = append(list, Statement{Digest: l.Digest, Raw: raw, Err: err})
		}
	}
	return list
}
