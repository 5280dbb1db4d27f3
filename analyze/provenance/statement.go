// Package provenance reads what BuildKit states about how it built an image: the Dockerfile, which of its lines made
// which layer, and the image on which it was built.
//
// Nothing signs a statement: it deserves no more trust than the image. It must name the image's manifest.
package provenance

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source/document"
)

// The types of predicates that Read knows. Source: slsa.dev/spec/v0.2/provenance and v1.0.
const (
	SLSA02 = "https://slsa.dev/provenance/v0.2"
	SLSA1  = "https://slsa.dev/provenance/v1"
)

// Wanted reports whether a predicate is of a type that Read knows.
func Wanted(predicate string) bool { return predicate == SLSA02 || predicate == SLSA1 }

// A Statement is what BuildKit says of a build. Source: BuildKit, docs/attestations/slsa-definitions.md.
type Statement struct {
	files  []*file
	spots  map[string][]location // by step: the lines of Dockerfiles that made it
	chains []chain
	images map[string]string // by step: the reference of the image that it fetched
	root   string            // the step with the result of the build; empty if unknown
}

// A location is a range of lines.
type location struct{ file, from, to int }

// A chain is the stack of layers after a step, by the digests of the blobs.
type chain struct {
	step   string
	layers []string
}

// keys are the names that Read looks for, besides those of all documents.
var keys = []string{"_type", "predicateType", "name", "predicate", "buildDefinition", "internalParameters",
	"buildConfig", "llbDefinition", "id", "inputs", "op", "source", "identifier", "runDetails", "metadata",
	"buildkit_metadata", buildkit02, "locations", "sourceIndex", "ranges", "start", "end", "line", "infos", "filename"}

// buildkit02 is the key of BuildKit's own metadata in a predicate of SLSA 0.2.
const buildkit02 = "https://mobyproject.org/buildkit@v1#metadata"

// The parts of a statement that Read needs.
type (
	envelope struct {
		PredicateType string `json:"predicateType"`
		Subject       []struct {
			Digest map[string]string `json:"digest"`
		} `json:"subject"`
		Predicate predicate `json:"predicate"`
	}
	predicate struct {
		Definition struct {
			Parameters struct {
				Config json.RawMessage `json:"buildConfig"`
			} `json:"internalParameters"`
		} `json:"buildDefinition"`
		Run struct {
			Metadata struct {
				BuildKit *metadata `json:"buildkit_metadata"`
			} `json:"metadata"`
		} `json:"runDetails"`

		Config   json.RawMessage `json:"buildConfig"` // of SLSA 0.2, as the metadata
		Metadata struct {
			BuildKit *metadata `json:"https://mobyproject.org/buildkit@v1#metadata"`
		} `json:"metadata"`
	}
	metadata struct {
		Source struct {
			Locations map[string]struct {
				Locations []spot `json:"locations"`
			} `json:"locations"`
			Infos []struct {
				Name string `json:"filename"`
				Data []byte `json:"data"`
			} `json:"infos"`
		} `json:"source"`
		Layers map[string][][]struct {
			Digest string `json:"digest"`
		} `json:"layers"`
	}
	spot struct {
		Source int `json:"sourceIndex"`
		Ranges []struct {
			Start place `json:"start"`
			End   place `json:"end"`
		} `json:"ranges"`
	}
	place struct {
		Line int `json:"line"`
	}
	steps struct {
		List []struct {
			ID     string   `json:"id"`
			Inputs []string `json:"inputs"`
			Op     struct {
				Op map[string]json.RawMessage `json:"Op"` // one of a kind
			} `json:"op"`
		} `json:"llbDefinition"`
	}
)

// Read reads a statement about the manifest with the digest subject. It returns nil without an error if the statement
// holds neither a Dockerfile nor layers, as those of mode=min and of other builders do.
func Read(doc []byte, subject string, limits *document.Limits) (*Statement, error) {
	var e envelope
	if err := document.Unmarshal(doc, limits.JSONDepth, &e, keys...); err != nil {
		return nil, err
	}
	if !Wanted(e.PredicateType) {
		return nil, fmt.Errorf("the predicate is of type %s, not as its manifest says", show.Cut(e.PredicateType))
	}
	named := slices.ContainsFunc(e.Subject, func(s struct {
		Digest map[string]string `json:"digest"`
	}) bool {
		return s.Digest[digest.Algorithm(subject)] == digest.Hex(subject)
	})
	if !named {
		return nil, fmt.Errorf("it is about another image: %s is not among its subjects", digest.Short(subject))
	}
	said, config := e.Predicate.Run.Metadata.BuildKit, e.Predicate.Definition.Parameters.Config
	if e.PredicateType == SLSA02 {
		said, config = e.Predicate.Metadata.BuildKit, e.Predicate.Config
	}
	if said == nil || len(said.Source.Infos)+len(said.Layers) == 0 {
		return nil, nil
	}
	s := &Statement{spots: map[string][]location{}, images: map[string]string{}}
	s.addSteps(config)
	return s, cmp.Or(s.addFiles(said), s.addLocations(said), s.addChains(said, limits.Layers))
}

// imageSchemes begin the identifier of a step that fetches an image.
var imageSchemes = []string{"docker-image://", "oci-layout://"}

// addSteps notes which steps fetched an image, and which one has the result: the input of the last step, which does
// nothing. Other builders have another form of config, which says nothing here.
func (s *Statement) addSteps(config json.RawMessage) {
	var all steps
	if !document.Present(config) || json.Unmarshal(config, &all) != nil {
		return
	}
	for _, one := range all.List {
		var source struct {
			Identifier string `json:"identifier"`
		}
		for kind, op := range one.Op.Op {
			if !strings.EqualFold(kind, "source") || json.Unmarshal(op, &source) != nil {
				continue
			}
			for _, scheme := range imageSchemes {
				if ref, ok := strings.CutPrefix(source.Identifier, scheme); ok {
					s.images[one.ID] = ref
				}
			}
		}
		if len(one.Op.Op) == 0 && len(one.Inputs) == 1 {
			s.root = stepOf(one.Inputs[0])
		}
	}
}

// stepOf returns the step of an output, which is named STEP:N.
func stepOf(output string) string {
	step, _, _ := strings.Cut(output, ":")
	return step
}

// addChains notes the stack of layers after each step, in the order of the steps' names.
func (s *Statement) addChains(said *metadata, most int) error {
	for _, key := range slices.Sorted(maps.Keys(said.Layers)) {
		for _, list := range said.Layers[key] {
			if err := document.Over(document.LimitLayers, len(list), most); err != nil {
				return fmt.Errorf("layers: %s: %w", show.Cut(key), err)
			}
			c := chain{step: stepOf(key)}
			for _, d := range list {
				if err := digest.Check(d.Digest); err != nil {
					return fmt.Errorf("layers: %s: %w", show.Cut(key), err)
				}
				c.layers = append(c.layers, d.Digest)
			}
			s.chains = append(s.chains, c)
		}
	}
	return nil
}

// addLocations notes the lines of each step.
func (s *Statement) addLocations(said *metadata) error {
	for _, step := range slices.Sorted(maps.Keys(said.Source.Locations)) {
		for _, at := range said.Source.Locations[step].Locations {
			l := location{file: at.Source}
			for _, r := range at.Ranges {
				if l.from == 0 || r.Start.Line < l.from {
					l.from = r.Start.Line
				}
				l.to = max(l.to, r.End.Line, r.Start.Line)
			}
			if len(at.Ranges) == 0 {
				continue
			}
			if l.file < 0 || l.file >= len(s.files) {
				return fmt.Errorf("locations: %s: there is no file %d", show.Cut(step), l.file)
			}
			if lines := len(s.files[l.file].ends); l.from < 1 || l.to > lines {
				return fmt.Errorf("locations: %s: lines %d to %d of a file of %d", show.Cut(step), l.from, l.to, lines)
			}
			s.spots[step] = append(s.spots[step], l)
		}
	}
	return nil
}

// errNotPlain says that a Dockerfile could confuse whoever reads it.
var errNotPlain = errors.New("holds characters that a terminal obeys or nobody sees")
