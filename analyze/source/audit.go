package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"layup/analyze/show"
	"layup/analyze/source/document"
)

// OpenToVerify is Open for a record of all that is wrong: what Open refuses although images can be found is kept, and becomes a failed check. Its
// own errors are of what cannot be read at all.
func OpenToVerify(ctx context.Context, name string, opt Options) (*Archive, error) {
	opt.Verify = true
	a := &Archive{Name: name, opt: opt, in: new(input), audit: &audit{blobs: map[string]Check{}}}
	if err := a.open(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", show.Safe(name), errors.Join(err, a.Close()))
	}
	return a, nil
}

// An audit is what the verification of an archive notes.
type audit struct {
	flaws []flaw
	blobs map[string]Check // by digest: those that were read already
}

// A flaw is what is wrong with a document although images can be found.
type flaw struct {
	document string
	err      error
}

// tolerate keeps an error for the record where there will be one.
func (a *Archive) tolerate(document string, err error) error {
	if a.audit == nil || err == nil {
		return err
	}
	a.audit.flaws = append(a.audit.flaws, flaw{document, err})
	return nil
}

// A Subject is one image to verify: as far as it could be put together, with what is wrong so far.
type Subject struct {
	Image  *Image // never nil; without a readable manifest it has no layers
	Checks []Check
}

// Subjects returns the images that the selection leaves; note is as of Choose.
func (a *Archive) Subjects(ctx context.Context, sel Selection) (subjects []Subject, note string, err error) {
	chosen, note, err := a.pick(sel)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", show.Safe(a.Name), err)
	}
	for _, c := range chosen {
		s, err := a.subject(ctx, c)
		if err != nil {
			return nil, "", err
		}
		s.Image.Reference = c.reference(cmp.Or(sel.Image, a.ref))
		subjects = append(subjects, s)
	}
	return subjects, note, nil
}

// subject puts an image together. Its errors are interruptions.
func (a *Archive) subject(ctx context.Context, c *candidate) (s Subject, err error) {
	add := func(check Check, e error) {
		s.Checks, err = append(s.Checks, check), errors.Join(err, e)
	}
	img, wrong := a.load(c)
	if wrong != nil {
		img = a.partial(c)
	}
	s.Image = img
	if c.manifest.Digest != "" {
		add(a.manifestCheck(ctx, c))
	}
	switch {
	case c.desc != nil && c.err == nil:
		add(a.blobCheck(ctx, "config", c.desc.Config))
	case c.docker != nil:
		add(a.configCheck(ctx, c.docker), nil)
	case a.engine != nil && len(img.Config) > 0:
		add(a.storedConfig(ctx, img), nil)
	case c.legacy != "":
		check := newCheck("config")
		check.Name, check.Size = c.legacy+"/json", int64(len(img.Config))
		check.Code, check.Message = CodeUnnamed, "nothing names its digest"
		add(check, nil)
	}
	if wrong != nil && !anyFailed(s.Checks) {
		check := newCheck("image")
		check.fail(CodeStructure, wrong.Error())
		add(check, nil)
	}
	if len(img.Config) > 0 && err == nil {
		s.Checks = append(s.Checks, countChecks(img, c)...)
	}
	return s, err
}

// Held returns how many images and containers the archive holds, each platform counted.
func (a *Archive) Held() int {
	n := 0
	for _, c := range a.images {
		if (c.kind == kindImage || c.kind == kindContainer) && !c.absent && !c.intermediate {
			n++
		}
	}
	return n
}

func anyFailed(list []Check) bool {
	for _, c := range list {
		if c.Verdict == Failed {
			return true
		}
	}
	return false
}

// partial finds the layers of an image whose config cannot be read, so that their blobs are verified all the same.
func (a *Archive) partial(c *candidate) *Image {
	img := &Image{Source: a.Kind, Name: a.Name, References: c.refs, Verified: "none", ConfigFile: new(v1.ConfigFile), Platform: c.named.String()}
	switch {
	case c.err != nil:
	case c.desc != nil:
		img.ID, img.Manifest = c.desc.Config.Digest, c.desc.Raw
		for i, ref := range c.desc.Layers {
			l := a.newLayer(i)
			l.err = a.fill(l, ref)
			img.Layers = append(img.Layers, l)
		}
	case c.docker != nil:
		for i, name := range c.docker.Layers {
			img.Layers = append(img.Layers, a.memberLayer(i, name))
		}
	}
	if config, err := a.configOf(c); err == nil {
		img.ID, img.Config, img.ConfigFile = config.ID, config.Raw, config.File
	}
	return img
}

// configOf reads the config of what has one.
func (a *Archive) configOf(c *candidate) (*document.Config, error) {
	if c.err != nil || c.desc == nil && c.docker == nil {
		return nil, fs.ErrNotExist
	}
	return a.readConfig(c)
}

// manifestCheck verifies a manifest: its bytes, and what they say.
func (a *Archive) manifestCheck(ctx context.Context, c *candidate) (Check, error) {
	check, err := a.blobCheck(ctx, cmp.Or(document.KindOf(c.manifest.MediaType), document.ManifestKind), c.manifest)
	if c.err != nil && check.Verdict != Failed {
		check.fail(CodeStructure, c.err.Error())
	}
	return check, err
}

// configCheck verifies the config of a docker save archive, whose file may be named by its digest.
func (a *Archive) configCheck(ctx context.Context, e *dockerEntry) Check {
	check := newCheck("config")
	check.Name = e.Config
	m, err := a.store.open(e.Config)
	if err != nil {
		check.fail(CodeMissing, a.afterDamage(missingMember{e.Config}).Error())
		return check
	}
	check.Expected = namedDigest(e.Config)
	check.Digest = check.Expected
	a.hash(ctx, m, &check)
	if check.Digest != "" {
		a.audit.blobs[check.Digest] = check
	}
	return check
}

// storedConfig verifies the config that an engine keeps: its digest is the image's ID.
func (a *Archive) storedConfig(ctx context.Context, img *Image) Check {
	check := newCheck("config")
	check.Digest, check.Expected = img.ID, img.ID
	a.hash(ctx, &stored{data: embedded(img.Config)}, &check)
	return check
}

// countChecks compares the numbers that a manifest, a config and a history must agree on.
func countChecks(img *Image, c *candidate) []Check {
	layers := len(img.Layers) - len(img.ownLayers())
	diffIDs := newCheck("diffIDs")
	diffIDs.Expected, diffIDs.Found = strconv.Itoa(layers), strconv.Itoa(len(img.ConfigFile.RootFS.DiffIDs))
	switch {
	case c.legacy != "":
		diffIDs.Code, diffIDs.Message = CodeUnnamed, "no config names the digests of the layers"
	case layers != len(img.ConfigFile.RootFS.DiffIDs):
		diffIDs.fail(CodeStructure, document.CountLayers(layers, make([]string, len(img.ConfigFile.RootFS.DiffIDs))).Error())
	default:
		diffIDs.Verdict, diffIDs.Message = Passed, "as many as there are layers"
	}
	history := newCheck("history")
	history.Expected, history.Found, history.Verdict = strconv.Itoa(layers), strconv.Itoa(document.HistoryEntries(img.ConfigFile)), Passed
	history.Message = "as many entries as there are layers"
	for _, w := range historyWarnings(img.ConfigFile, layers) {
		history.Code, history.Message = w.Code.Name, w.Code.Message
	}
	return []Check{diffIDs, history}
}
