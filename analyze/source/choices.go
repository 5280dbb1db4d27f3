package source

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source/advice"
)

// The errors that tell a user what to do next.
type (
	Hinted      = advice.Hinted
	Choice      = advice.Choice
	ChoiceError = advice.ChoiceError
)

// ErrNoImage is in the chain of an error if there is no such file, or no such image in the file.
var ErrNoImage = advice.ErrNoImage

// An absentError says what is not there.
type absentError string

func (e absentError) Error() string      { return string(e) }
func (absentError) Is(target error) bool { return target == ErrNoImage }

// several asks to choose an image.
func (a *Archive) several(list []*candidate) error {
	if a.engine != nil {
		return a.severalStored(list)
	}
	choices := a.imageChoices(list)
	message := fmt.Sprintf("holds %d images", len(choices))
	users := usersOf(list)
	if c, ref := firstShared(list, users); c != nil {
		message = fmt.Sprintf("reference %s is ambiguous (%d manifests)", show.Cut(ref), len(users[ref]))
	}
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

// usersOf returns the groups that each reference names.
func usersOf(list []*candidate) map[string]map[int]bool {
	users := map[string]map[int]bool{}
	for _, c := range list {
		for _, ref := range c.refs {
			if users[ref] == nil {
				users[ref] = map[int]bool{}
			}
			users[ref][c.group] = true
		}
	}
	return users
}

// firstShared returns the first reference that names several groups, and whose it is; nil if there is none.
func firstShared(list []*candidate, users map[string]map[int]bool) (*candidate, string) {
	for _, c := range list {
		for _, ref := range c.refs {
			if len(users[ref]) > 1 {
				return c, ref
			}
		}
	}
	return nil, ""
}

// alike asks to choose among images of one platform.
func (a *Archive) alike(list []*candidate) error {
	var choices []Choice
	for _, c := range list {
		choices = append(choices, Choice{Flag: c.numberFlag(), What: describe(c) + " " + c.manifest.Digest})
	}
	platform := a.platform(list[0])
	platform.OSVersion = ""
	what := "for platform " + platform.Shown()
	if !platform.Known() {
		what = "of unknown platform"
	}
	return &ChoiceError{Message: fmt.Sprintf("holds %d images %s: choose one", len(list), what), Choices: choices}
}

// imageChoices lists a flag for each image, one for all its platforms.
func (a *Archive) imageChoices(list []*candidate) []Choice {
	members := map[int]int{}
	for _, c := range list {
		members[c.group]++
	}
	if a.engine != nil {
		return a.storeChoices(list)
	}
	users := usersOf(list)
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
		if shared, _ := firstShared([]*candidate{c}, users); shared != nil || len(c.refs) == 0 {
			what = strings.TrimSpace(what + " " + cmp.Or(c.topDigest(), a.identity(c), shownID(c.legacy)))
		}
		choices = append(choices, Choice{Flag: "--image " + flag, What: what})
	}
	return choices
}

// topDigest returns the digest by which index.json names the candidate's group.
func (c *candidate) topDigest() string {
	for _, alias := range c.aliases {
		if digest.Valid(alias) {
			return alias
		}
	}
	return ""
}

// platformChoices lists a flag for each image: its platform, or its number where that does not say enough.
func (a *Archive) platformChoices(list []*candidate) []Choice {
	users := map[string]int{}
	for _, c := range list {
		users[a.platform(c).Normal().String()]++
	}
	var choices []Choice
	for _, c := range list {
		p := a.platform(c)
		choice := Choice{Flag: "--platform " + p.String(), What: describe(c)}
		if users[p.Normal().String()] > 1 || !p.IsWord() {
			choice.Flag = c.numberFlag()
		}
		if !a.inFile(c) {
			choice.What += " (not in this file)"
		}
		choices = append(choices, choice)
	}
	return choices
}

// numberFlag chooses the candidate whatever its names are.
func (c *candidate) numberFlag() string { return "--image @" + strconv.Itoa(c.number) }

// shownID returns the ID of a v1 image, which is any text, for a person.
func shownID(id string) string {
	if id == "" || digest.IsStart(id) {
		return id
	}
	return show.Cut(id)
}

// nameOf returns a candidate's reference, quoted, or its number.
func nameOf(c *candidate) string {
	if len(c.refs) > 0 {
		return show.Cut(c.refs[0])
	}
	return "@" + strconv.Itoa(c.number)
}

// describe names a candidate and its platform for a person.
func describe(c *candidate) string {
	return strings.TrimSpace(nameOf(c) + " " + c.named.Shown())
}
