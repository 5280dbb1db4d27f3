package source

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Selection chooses among several images and platforms.
type Selection struct {
	Image    string // a reference, a digest, or @N
	Platform string // os/arch[/variant]
	All      bool
}

// A Choice is one way out of an ambiguity.
type Choice struct {
	Flag string // --image shop:1.2 or --platform linux/arm64, as the shell takes it
	What string // what that would choose, for a person
}

// A ChoiceError says that the selection leaves several images or none.
type ChoiceError struct {
	Message string
	Choices []Choice
}

// Error returns the message without the choices.
func (e *ChoiceError) Error() string { return e.Message }

// Choose returns the one image the selection leaves, or all of them with All. A *ChoiceError lists what there is to choose from.
// Note is what to tell the user of a choice made for them (the platform), or empty.
func (a *Archive) Choose(ctx context.Context, sel Selection) (images []*Image, note string, err error) {
	images, note, err = a.choose(ctx, sel)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", display(a.Name), err)
	}
	return images, note, nil
}

func (a *Archive) choose(ctx context.Context, sel Selection) ([]*Image, string, error) {
	left, err := a.ofKindImage()
	if err != nil {
		return nil, "", err
	}
	for _, ref := range []string{a.ref, sel.Image} {
		if left, err = a.byName(left, ref); err != nil {
			return nil, "", err
		}
	}
	if sel.Platform != "" {
		if left, err = a.byPlatform(left, sel.Platform); err != nil {
			return nil, "", err
		}
	}
	note := ""
	if sel.All {
		left, note = a.allInFile(left)
	} else if left, note, err = a.single(left); err != nil {
		return nil, "", err
	}
	var images []*Image
	for _, c := range left {
		if err := ctx.Err(); err != nil {
			return nil, "", err
		}
		img, err := a.load(c)
		if err != nil {
			return nil, "", a.whichOf(c, err)
		}
		if sel.Image != "" && slices.Contains(c.refs, sel.Image) {
			img.Reference = sel.Image
		}
		images = append(images, img)
	}
	return images, note, nil
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

// byName keeps what a reference, a digest or @N names; as typed goes before what is left out being filled in.
func (a *Archive) byName(list []*candidate, name string) ([]*candidate, error) {
	if name == "" {
		return list, nil
	}
	keep := func(fits func(c *candidate) bool) []*candidate {
		return slices.DeleteFunc(slices.Clone(list), func(c *candidate) bool { return !fits(c) })
	}
	if number, ok := strings.CutPrefix(name, "@"); ok {
		if n, err := strconv.Atoi(number); err == nil {
			if one := keep(func(c *candidate) bool { return c.number == n }); len(one) > 0 {
				return one, nil
			}
		}
		return nil, a.noSuch(list, fmt.Sprintf("there is no image %s: they are numbered from @0", display(name)))
	}
	found := keep(func(c *candidate) bool { return slices.Contains(c.refs, name) })
	if len(found) == 0 {
		found = keep(func(c *candidate) bool { return slices.Contains(c.aliases, name) || c.manifest.Digest == name })
	}
	if len(found) == 0 {
		found = keep(func(c *candidate) bool {
			return slices.ContainsFunc(c.refs, func(ref string) bool { return familiar(ref) == familiar(name) })
		})
	}
	if len(found) == 0 && checkDigest(name) == nil {
		found = keep(func(c *candidate) bool { return a.identity(c) == name })
	}
	if len(found) == 0 {
		return nil, a.noSuch(list, fmt.Sprintf("there is no image %s", strconv.Quote(name)))
	}
	return found, nil
}

// identity returns the image ID, or nothing where it cannot be known.
func (a *Archive) identity(c *candidate) string {
	if c.err != nil || c.bare || c.legacy != "" {
		return ""
	}
	if c.desc != nil {
		return c.desc.config.Digest
	}
	config, err := a.readConfig(c)
	if err != nil {
		return ""
	}
	return config.id
}

func (a *Archive) noSuch(list []*candidate, message string) error {
	return &ChoiceError{Message: message, Choices: a.imageChoices(list)}
}

// byPlatform keeps what runs on the platform; a variant that was not asked for may be any, but the exact one goes first.
func (a *Archive) byPlatform(list []*candidate, name string) ([]*candidate, error) {
	want, err := parsePlatform(name)
	if err != nil {
		return nil, err
	}
	for _, exact := range []bool{true, false} {
		var found []*candidate
		for _, c := range list {
			if want.fits(a.platform(c), exact) {
				found = append(found, c)
			}
		}
		if len(found) > 0 {
			return found, nil
		}
	}
	return nil, &ChoiceError{Message: fmt.Sprintf("there is no image for platform %q", name), Choices: a.platformChoices(list)}
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
		return nil, "", &ChoiceError{Message: "none of the platforms that the index names is in this file", Choices: a.platformChoices(list)}
	case 1:
		return here, a.chosen(here[0], list, "the only one in this file"), nil
	}
	for _, want := range machine() {
		for _, exact := range []bool{true, false} {
			found := slices.DeleteFunc(slices.Clone(here), func(c *candidate) bool { return !want.fits(a.platform(c), exact) })
			if len(found) == 1 {
				return found, a.chosen(found[0], list, "this machine's"), nil
			}
			if len(found) > 1 {
				return nil, "", a.alike(found)
			}
		}
	}
	return nil, "", &ChoiceError{
		Message: fmt.Sprintf("holds %d platforms, none of them this machine's (%s): choose one", len(here), machine()[0]),
		Choices: a.platformChoices(list),
	}
}

// chosen is the note of a platform taken without being asked for.
func (a *Archive) chosen(c *candidate, list []*candidate, why string) string {
	return fmt.Sprintf("platform %s of %d (%s; --platform chooses another)", a.platform(c), len(list), why)
}

// several asks to choose an image.
func (a *Archive) several(list []*candidate) error {
	groups := map[int]bool{}
	holders := map[string]map[int]bool{}
	message := ""
	for _, c := range list {
		groups[c.group] = true
		for _, ref := range c.refs {
			if holders[ref] == nil {
				holders[ref] = map[int]bool{}
			}
			holders[ref][c.group] = true
		}
	}
	for _, c := range list {
		for _, ref := range c.refs {
			if n := len(holders[ref]); n > 1 && message == "" {
				message = fmt.Sprintf("reference %q is ambiguous (%d manifests)", ref, n)
			}
		}
	}
	if message == "" {
		message = fmt.Sprintf("holds %d images", len(groups))
	}
	choices := a.imageChoices(list)
	var names []string
	for _, c := range choices {
		names = append(names, c.What)
	}
	const most = 10
	if len(names) > most {
		names = append(names[:most], "…")
	}
	return &ChoiceError{Message: message + ": choose one of " + strings.Join(names, ", "), Choices: choices}
}

// alike asks to choose among images of one platform.
func (a *Archive) alike(list []*candidate) error {
	var choices []Choice
	for _, c := range list {
		choices = append(choices, Choice{Flag: "--image @" + strconv.Itoa(c.number), What: describe(c) + " " + c.manifest.Digest})
	}
	return &ChoiceError{Message: fmt.Sprintf("holds %d images for platform %s: choose one", len(list), a.platform(list[0])), Choices: choices}
}

// imageChoices lists a flag for each image, one for all its platforms.
func (a *Archive) imageChoices(list []*candidate) []Choice {
	members := map[int]int{}
	users := map[string]map[int]bool{}
	for _, c := range list {
		members[c.group]++
		for _, ref := range c.refs {
			if users[ref] == nil {
				users[ref] = map[int]bool{}
			}
			users[ref][c.group] = true
		}
	}
	var choices []Choice
	seen := map[int]bool{}
	for _, c := range list {
		if seen[c.group] {
			continue
		}
		seen[c.group] = true
		flag := "@" + strconv.Itoa(c.number)
		if digest := c.topDigest(); members[c.group] > 1 && digest != "" {
			flag = digest
		}
		for _, ref := range c.refs {
			if len(users[ref]) == 1 && plainWord.MatchString(ref) && !strings.HasPrefix(ref, "@") && !strings.HasPrefix(ref, "-") {
				flag = ref
				break
			}
		}
		what := describe(c)
		if n := members[c.group]; n > 1 {
			what = fmt.Sprintf("%s, %d platforms", nameOf(c), n)
		}
		if c.manifest.Digest != "" && slices.ContainsFunc(c.refs, func(ref string) bool { return len(users[ref]) > 1 }) {
			what += " " + c.manifest.Digest
		}
		choices = append(choices, Choice{Flag: "--image " + flag, What: what})
	}
	return choices
}

// topDigest returns the digest by which index.json names the candidate's group.
func (c *candidate) topDigest() string {
	for _, alias := range c.aliases {
		if checkDigest(alias) == nil {
			return alias
		}
	}
	return ""
}

// platformChoices lists a flag for each platform.
func (a *Archive) platformChoices(list []*candidate) []Choice {
	var choices []Choice
	for _, c := range list {
		p := a.platform(c).String()
		if p == "" {
			continue
		}
		choice := Choice{Flag: "--platform " + shellWord(p), What: strings.TrimSpace(describe(c))}
		if !a.inFile(c) {
			choice.What += " (not in this file)"
		}
		if !slices.ContainsFunc(choices, func(other Choice) bool { return other.Flag == choice.Flag }) {
			choices = append(choices, choice)
		}
	}
	return choices
}

// nameOf returns a candidate's reference, quoted, or its number.
func nameOf(c *candidate) string {
	if len(c.refs) > 0 {
		return strconv.Quote(c.refs[0])
	}
	return "@" + strconv.Itoa(c.number)
}

// describe names a candidate and its platform for a person.
func describe(c *candidate) string {
	if p := c.named.String(); p != "" {
		return nameOf(c) + " " + strings.Trim(strconv.Quote(p), `"`)
	}
	return nameOf(c)
}
