package analyze

import (
	"context"
	"fmt"
	"strconv"

	"layup/analyze/source"
	"layup/analyze/source/kinds"
	"layup/tarfs"
)

// A Verification records everything that could be checked in a source: what names what by which digest, and whether
// that is true.
type Verification struct {
	Source string         // the archive's kind
	File   []source.Check // of the file, its documents, nested indexes
	Images []Verified
	Others []source.Check // of all other blobs
	Left   int            // images and containers in the source that were not chosen
}

// Verified is the record of one image.
type Verified struct {
	Image  *Image // never nil; parts that could not be read are missing
	Checks []source.Check
}

// Verify reads everything in an input and records what it finds; damage does not stop it. Of several images it takes
// the ones that opt.Select leaves. There is an error if the input cannot be read at all, or if the context ends. The
// images answer questions, but their content cannot be read.
func Verify(ctx context.Context, name string, opt Options) (*Verification, error) {
	opt.KeepGoing, opt.Source.Verify, opt.Source.Audit = true, true, source.NewAudit()
	src, err := kinds.Open(ctx, name, opt.Source)
	if err != nil {
		return nil, err
	}
	defer src.Close() // opened for reading: closing cannot lose anything
	subjects, note, err := src.Subjects(ctx, opt.Select, opt.Source.Audit)
	if err != nil {
		return nil, err
	}
	if note != "" && opt.Note != nil {
		opt.Note(note)
	}
	v := &Verification{Source: src.Kind(), Left: source.Held(src) - len(subjects)}
	if v.File, err = src.Documents(ctx); err != nil {
		return nil, err
	}
	all := loading{Options: opt, shared: shared{}, unpacked: true}
	read := map[string]bool{}
	for _, s := range subjects {
		one, err := verify(ctx, s, all, read)
		if err != nil {
			return nil, err
		}
		v.Images = append(v.Images, one)
	}
	v.Others, err = src.Others(ctx, read, opt.Select.All)
	return v, err
}

// verify reads the layers of one image and notes the digests of the ones that were read.
func verify(ctx context.Context, s source.Subject, opt loading, read map[string]bool) (Verified, error) {
	img, err := load(ctx, s.Image, opt)
	v := Verified{Image: img, Checks: s.Checks}
	if ctx.Err() != nil {
		return v, ctx.Err()
	}
	if err != nil { // a limit of the whole image: no tree was made
		v.Checks = append(v.Checks, source.Check{What: "image", Layer: tarfs.NoLayer, Size: -1,
			Verdict: source.Failed, Code: source.CodeUnreadable, Message: err.Error()})
		return v, nil
	}
	failed := make([]error, len(img.Layers))
	for _, e := range img.errs {
		failed[e.Layer] = e.Err
	}
	for i, l := range img.Layers {
		var changed []source.Check
		if failed[i] == nil {
			changed, failed[i] = l.Rebuild(ctx, &img.scans[i])
		}
		if ctx.Err() != nil {
			return v, ctx.Err()
		}
		v.Checks = append(append(v.Checks, l.Checks(img.scans[i], failed[i])...), changed...)
		if l.Digest != "" && !l.Unread() {
			read[l.Digest] = true
		}
	}
	v.Checks = append(v.Checks, entryChecks(img.warnings)...)
	return v, nil
}

// entryChecks turns warnings into checks. Warnings of high severity fail. Warnings of low severity are one check for
// each code and layer, because images of good builders have hundreds.
func entryChecks(warnings []tarfs.Warning) []source.Check {
	type group struct {
		code  tarfs.Code
		layer int
	}
	var list []source.Check
	counted := map[group]int{} // to the place in the list
	count := map[group]int{}
	for _, w := range warnings {
		switch w.Code {
		case source.DiffIDMismatch, source.HistoryAbsent, source.HistoryDoesNotMatchLayers, source.StoreDiffers:
			continue // they have checks of their own
		}
		c := source.Check{What: "entry", Layer: w.Layer, Path: w.Path, Size: -1,
			Verdict: source.Passed, Code: w.Code.Name, Message: w.Code.Message}
		if w.More > 0 {
			c.Message += fmt.Sprintf(" (and %d more)", w.More)
		}
		switch {
		case w.Layer == tarfs.NoLayer:
			c.What = "image"
		case w.Path == "":
			c.What = "stream"
		}
		switch w.Code.Severity {
		case tarfs.High:
			c.Verdict = source.Failed
		case tarfs.Low:
			g := group{w.Code, w.Layer}
			count[g] += 1 + w.More
			if at, there := counted[g]; there {
				list[at].Found, list[at].Path = strconv.Itoa(count[g]), ""
				list[at].Message = fmt.Sprintf("%s (%d times)", w.Code.Message, count[g])
				continue
			}
			counted[g] = len(list)
		}
		list = append(list, c)
	}
	return list
}
