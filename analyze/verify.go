package analyze

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"layup/analyze/signature"
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
	Image   *Image // never nil; parts that could not be read are missing
	Checks  []source.Check
	Signers []signature.Signer // those that Options.Trust accepts
}

// Verify reads everything in an input and records what it finds; damage does not stop it. Of several images it takes
// the ones that opt.Select leaves. There is an error if the input cannot be read at all, or if the context ends. The
// images say what they are, but their trees and their content cannot be read.
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
	return v, v.verify(ctx, src, subjects, opt)
}

// verify reads the layers of all images, and then what no image needs.
func (v *Verification) verify(ctx context.Context, src *kinds.Opened, subjects []source.Subject,
	opt Options) (err error) {
	images := make([]*source.Image, len(subjects))
	for i, s := range subjects {
		images[i] = s.Image
	}
	m := readMany(ctx, images, loading{Options: opt, contents: true})
	if err := m.run(ctx); err != nil {
		return err
	}
	judged := make([]signature.Judged, len(images))
	if opt.Trust != nil {
		if judged, err = opt.Trust.Judge(ctx, src.Source, images, &opt.Source.Limits); err != nil {
			return err
		}
	}
	read := map[string]bool{} // digests
	for i, s := range subjects {
		checks := slices.Concat(judged[i].Checks, s.Checks, m.images[i].checks(m.errs[i]))
		v.Images = append(v.Images, Verified{m.images[i], checks, judged[i].Signers})
		if m.errs[i] == nil {
			maps.Copy(read, readBy(s.Image))
		}
	}
	if v.Others, err = src.Others(ctx, read, opt.Select.All); len(images) == 0 && len(judged) > 0 {
		v.Others = append(v.Others, judged[0].Checks...)
	}
	return err
}

// OpenRecorded is Open together with the record that Verify makes of the image, in one pass over its layers. It refuses
// what Open refuses. Unless whole is set, what the image does not need is left out of the record: the digest of the
// input as a whole and other blobs. Without opt.Source.Verify there is no record.
func OpenRecorded(ctx context.Context, name string, opt Options, whole bool) (*Image, *Verification, error) {
	a, err := audit(ctx, name, opt, whole)
	if err != nil {
		return nil, nil, err
	}
	img, err := loadOnly(ctx, a.source, a.image, a.with)
	if err != nil {
		return img, nil, err
	}
	record, err := a.finish(ctx, img)
	return img, record, err
}

// OpenRecordedPair is OpenPair together with the record that OpenRecorded makes of each image.
func OpenRecordedPair(ctx context.Context, names [2]string, opt [2]Options, whole bool) (images [2]*Image,
	records [2]*Verification, errs [2]error) {
	var audits [2]*audited
	for i, name := range names {
		audits[i], errs[i] = audit(ctx, name, opt[i], whole)
	}
	images = loadPair(ctx, audits, 0, &errs)
	for i, img := range images {
		if errs[i] == nil {
			records[i], errs[i] = audits[i].finish(ctx, img)
		}
	}
	return images, records, errs
}

// An audited is an image that was chosen and not loaded yet, with the record of its documents.
type audited struct {
	source *kinds.Opened
	image  *source.Image
	with   loading
	record *Verification  // nil if none is made
	checks []source.Check // of the image's documents
	whole  bool           // also record the blobs that the image does not need
}

// audit opens an input, chooses one image and records what its documents say of each other.
func audit(ctx context.Context, name string, opt Options, whole bool) (*audited, error) {
	opt.Select.All = false
	a := &audited{with: loading{Options: opt}, whole: whole}
	if !opt.Source.Verify {
		return a, a.open(ctx, name)
	}
	a.with.Source.Audit, a.with.contents = source.NewAudit(), true
	a.with.Source.Audit.Brief = !whole
	src, err := kinds.Open(ctx, name, a.with.source())
	if err != nil {
		return nil, err
	}
	if err := a.read(ctx, name, src, opt); err != nil {
		return nil, errors.Join(err, src.Close())
	}
	return a, nil
}

// open opens an input of which no record is made.
func (a *audited) open(ctx context.Context, name string) error {
	src, images, err := openName(ctx, name, a.with.Options)
	if err != nil {
		return err
	}
	a.source, a.image = src, images[0]
	return nil
}

// read chooses the image of a source, and reads its documents.
func (a *audited) read(ctx context.Context, name string, src *kinds.Opened, opt Options) error {
	subjects, note, err := src.Subjects(ctx, a.with.Select, a.with.Source.Audit)
	switch {
	case err != nil:
		return err
	case len(subjects) == 0:
		return fmt.Errorf("%s: no image", src.Name)
	}
	if note != "" && opt.Note != nil {
		opt.Note(note)
	}
	a.source, a.image, a.checks = src, subjects[0].Image, subjects[0].Checks
	a.record = &Verification{Source: src.Kind(), Left: source.Held(src) - len(subjects)}
	if a.record.File, err = src.Documents(ctx); err != nil {
		return err
	}
	return tolerable(ctx, name, opt, append(a.record.File, a.checks...))
}

// finish adds to the record what loading the image found.
func (a *audited) finish(ctx context.Context, img *Image) (v *Verification, err error) {
	if v = a.record; v == nil {
		return nil, nil
	}
	one := Verified{Image: img, Checks: append(a.checks, img.checks(nil)...)}
	if trust := a.with.Trust; trust != nil {
		judged, err := trust.Judge(ctx, a.source.Source, []*source.Image{img.Image}, &a.with.Source.Limits)
		if err != nil {
			return nil, err
		}
		one.Checks, one.Signers = slices.Concat(judged[0].Checks, one.Checks), judged[0].Signers
	}
	v.Images = []Verified{one}
	if a.whole {
		v.Others, err = a.source.Others(ctx, readBy(img.Image), false)
	}
	return v, err
}

// tolerable returns the error of Open for an input whose documents failed a check, if it has one: an audit goes on
// after errors for which there is no answer.
func tolerable(ctx context.Context, name string, opt Options, checks []source.Check) error {
	i := slices.IndexFunc(checks, func(c source.Check) bool { return c.Verdict == source.Failed })
	if i < 0 {
		return nil
	}
	if name == "-" { // it cannot be opened again
		return fmt.Errorf("standard input: %s: %s", checks[i].What, checks[i].Message)
	}
	opt.Needs, opt.Note = Needs{Layers: Never, Loose: opt.Needs.Loose}, nil
	img, err := Open(ctx, name, opt)
	return errors.Join(err, img.Close())
}

// readBy returns the digests of the blobs that were read as an image's layers.
func readBy(one *source.Image) map[string]bool {
	read := map[string]bool{}
	for _, l := range one.Layers {
		if l.Digest != "" && !l.Unread() {
			read[l.Digest] = true
		}
	}
	return read
}

// checks is the record of an image's layers. The error is that of the whole image: no tree was made.
func (img *Image) checks(err error) (list []source.Check) {
	if err != nil {
		check := source.NewCheck("image")
		check.Fail(source.CodeUnreadable, err.Error())
		return []source.Check{check}
	}
	failed := make([]error, len(img.Layers))
	for _, e := range img.errs {
		failed[e.Layer] = e.Err
	}
	for i, l := range img.Layers {
		list = append(list, l.Checks(img.scans[i], failed[i])...)
		for _, c := range img.scans[i].Compared {
			c.Layer = i
			list = append(list, c)
		}
	}
	return append(list, entryChecks(img.warnings)...)
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
		case source.CompressedTailDamaged, tarfs.DataAfterEnd:
			if w.Layer == tarfs.NoLayer {
				continue // the check of the file says it
			}
		}
		c := source.Check{What: "entry", Layer: w.Layer, Path: w.Path, Size: -1,
			Verdict: source.Passed, Code: w.Code.Name, Message: w.Text()}
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
