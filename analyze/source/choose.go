package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"layup/analyze/show"
	"layup/analyze/source/document"
)

// A Selection chooses among several images and platforms.
type Selection struct {
	Image    string // a reference, a digest or the beginning of one, or @N
	Platform string // os/arch[/variant]
	All      bool
}

// Choose returns the one image the selection leaves, or all of them with All. A *ChoiceError lists what there is to choose from.
// Note is what to tell the user of a choice made for them (the platform), or empty.
func (a *Archive) Choose(ctx context.Context, sel Selection) (images []*Image, note string, err error) {
	images, note, err = a.choose(ctx, sel)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", show.Safe(a.Name), err)
	}
	return images, note, nil
}

func (a *Archive) choose(ctx context.Context, sel Selection) ([]*Image, string, error) {
	left, note, err := a.pick(sel)
	if err != nil {
		return nil, "", err
	}
	var images []*Image
	for _, c := range left {
		if err := ctx.Err(); err != nil {
			return nil, "", err
		}
		img, err := a.load(c)
		if err != nil && sel.All && a.engine != nil { // the others can be read
			img, err = a.unread(c, err), nil
		}
		if err != nil {
			return nil, "", a.whichOf(c, err)
		}
		img.Reference = c.reference(cmp.Or(sel.Image, a.ref))
		images = append(images, img)
	}
	return images, note, nil
}

// pick returns what the selection leaves, not loaded.
func (a *Archive) pick(sel Selection) ([]*candidate, string, error) {
	left, err := a.called(sel)
	if err != nil {
		return nil, "", err
	}
	if sel.Platform != "" {
		if left, err = a.byPlatform(left, sel.Platform); err != nil {
			return nil, "", err
		}
	}
	if sel.All {
		left, note := a.allInFile(left)
		return left, note, nil
	}
	return a.single(left)
}

// called keeps what the archive's name and the selection mean by name.
func (a *Archive) called(sel Selection) ([]*candidate, error) {
	if a.engine != nil {
		return a.chooseStored(sel)
	}
	left, err := a.ofKindImage()
	for _, ref := range []string{a.ref, sel.Image} {
		if err == nil {
			left, err = a.byName(left, ref)
		}
	}
	return left, err
}

// ofKindImage leaves out attestations and artifacts.
func (a *Archive) ofKindImage() ([]*candidate, error) {
	var list []*candidate
	var reason error
	for _, c := range a.images {
		if c.kind == kindImage {
			list = append(list, c)
		} else if reason == nil {
			reason = c.err
		}
	}
	if len(list) > 0 {
		return list, nil
	}
	if reason == nil {
		reason = errors.New("holds attestations only, no image")
	}
	return nil, reason
}

// whichOf names the image of an error where there are several.
func (a *Archive) whichOf(c *candidate, err error) error {
	if list, _ := a.ofKindImage(); len(list) < 2 {
		return err
	}
	if c.absent {
		err = fmt.Errorf("named by the index, but not in this file: %w", err)
	}
	return fmt.Errorf("image %s: %w", describe(c), err)
}

// byPlatform keeps what runs on the platform; a variant that was not asked for may be any, but the exact one goes first.
func (a *Archive) byPlatform(list []*candidate, name string) ([]*candidate, error) {
	want, err := document.ParsePlatform(name)
	if err != nil {
		return nil, err
	}
	for _, exact := range []bool{true, false} {
		var found []*candidate
		for _, c := range list {
			if want.Fits(a.platform(c), exact) {
				found = append(found, c)
			}
		}
		if len(found) > 0 {
			return found, nil
		}
	}
	return nil, &ChoiceError{Message: fmt.Sprintf("there is no image for platform %q", name), Choices: a.platformChoices(list), None: true}
}

// allInFile leaves out what an index names but the file does not hold, and says so. If nothing is there, the error comes on loading.
func (a *Archive) allInFile(list []*candidate) ([]*candidate, string) {
	here := slices.DeleteFunc(slices.Clone(list), func(c *candidate) bool { return !a.inFile(c) })
	if len(here) == 0 || len(here) == len(list) {
		return list, ""
	}
	var gone []string
	for _, c := range list {
		if !slices.Contains(here, c) {
			gone = append(gone, describe(c))
		}
	}
	return here, "not in this file, left out: " + strings.Join(gone, ", ")
}

// single leaves one image, choosing the platform if need be.
func (a *Archive) single(list []*candidate) ([]*candidate, string, error) {
	if slices.ContainsFunc(list, func(c *candidate) bool { return c.group != list[0].group }) {
		return nil, "", a.several(list)
	}
	if len(list) == 1 {
		return list, "", nil
	}
	here := slices.DeleteFunc(slices.Clone(list), func(c *candidate) bool { return !a.inFile(c) })
	switch len(here) {
	case 0:
		return nil, "", &ChoiceError{Message: "none of the platforms that the index names is in this file", Choices: a.platformChoices(list), None: true}
	case 1:
		return here, a.chosen(here[0], list, "the only one in this file"), nil
	}
	if a.onePlatform(here) {
		return nil, "", a.alike(here)
	}
	for _, want := range document.Machine() {
		for _, exact := range []bool{true, false} {
			found := slices.DeleteFunc(slices.Clone(here), func(c *candidate) bool { return !want.Fits(a.platform(c), exact) })
			if len(found) == 1 {
				return found, a.chosen(found[0], list, "this machine's"), nil
			}
			if len(found) > 1 {
				return nil, "", a.alike(found)
			}
		}
	}
	return nil, "", &ChoiceError{
		Message: fmt.Sprintf("holds %d platforms, none of them this machine's (%s): choose one", len(here), document.Machine()[0]),
		Choices: a.platformChoices(list),
	}
}

// onePlatform reports whether all candidates run on the same.
func (a *Archive) onePlatform(list []*candidate) bool {
	first := a.platform(list[0]).Normal().String()
	return !slices.ContainsFunc(list, func(c *candidate) bool { return a.platform(c).Normal().String() != first })
}

// chosen is the note of a platform taken without being asked for.
func (a *Archive) chosen(c *candidate, list []*candidate, why string) string {
	return fmt.Sprintf("platform %s of %d (%s; --platform chooses another)", a.platform(c).Shown(), len(list), why)
}
