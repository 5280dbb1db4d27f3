// Package dockerfile writes the Dockerfile of an image with the layers that each instruction made: the one that the
// image's provenance holds, or else an estimate from its history and its config.
package dockerfile

import (
	"strings"

	"layup/analyze"
	"layup/analyze/provenance"
)

// A Dockerfile is one as far as it is known.
type Dockerfile struct {
	Estimate  bool               // nothing states it
	Statement *analyze.Statement // that holds it; nil for an estimate
	Parts     []Part
}

// A Part is an instruction, a comment or an empty line.
type Part struct {
	Name          string // of the file; empty for an estimate
	Line, EndLine int    // from 1; of an estimate, of what is estimated
	Text          string // without the last end of line
	Layers        []int  // that the instruction made, oldest first
	Size          int64  // bytes that the file stores for them
}

// Of returns the Dockerfile of an image that was opened with the need Origin.
func Of(img *analyze.Image) Dockerfile {
	d := Dockerfile{Statement: img.Statement()}
	if d.Statement != nil {
		d.Parts = stated(img, d.Statement.Dockerfiles())
	}
	if d.Parts == nil {
		d = Dockerfile{Estimate: true, Parts: estimate(img)}
	}
	facts := img.LayerFacts()
	for i := range d.Parts {
		for _, layer := range d.Parts[i].Layers {
			d.Parts[i].Size += facts[layer].Size
		}
	}
	return d
}

// stated divides the Dockerfiles that made layers. Nil means that no layer is known to come from one.
func stated(img *analyze.Image, files []provenance.Dockerfile) []Part {
	var list []Part
	for i, f := range files {
		parts, made := partsOf(f), false
		for layer := range img.Layers {
			if l := img.Instruction(layer).Line; l != nil && l.File == i {
				if p := at(parts, l.Line); p != nil {
					p.Layers, made = append(p.Layers, layer), true
				}
			}
		}
		if made || i == 0 {
			list = append(list, withBase(img, parts)...)
		}
	}
	return list
}

// withBase gives the layers of the base to the FROM of the stage that has the oldest of the image's own layers.
func withBase(img *analyze.Image, parts []Part) []Part {
	base, _ := img.Base()
	first := -1 // the part with the oldest layer
	for i, p := range parts {
		if len(p.Layers) > 0 && (first < 0 || p.Layers[0] < parts[first].Layers[0]) {
			first = i
		}
	}
	if first < 0 || base.Layers < 1 || parts[first].Layers[0] != base.Layers {
		return parts
	}
	for ; first >= 0; first-- {
		if keyword(parts[first].Text) == "FROM" {
			for layer := range base.Layers {
				parts[first].Layers = append(parts[first].Layers, layer)
			}
			return parts
		}
	}
	return parts
}

// at returns the part with a line; nil if there is none.
func at(parts []Part, line int) *Part {
	for i := range parts {
		if parts[i].Line <= line && line <= parts[i].EndLine {
			return &parts[i]
		}
	}
	return nil
}

// keyword returns the first word of an instruction in capital letters.
func keyword(text string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(text)+" ", " ")
	return strings.ToUpper(word)
}
