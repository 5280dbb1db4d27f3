package source

import (
	"cmp"
	"fmt"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source/advice"
)

// Absent is an error that says what is not there. It is a case of advice.ErrNoImage.
type Absent string

// Error says what is not there.
func (e Absent) Error() string { return string(e) }

// Is makes it a case of advice.ErrNoImage.
func (Absent) Is(target error) bool { return target == advice.ErrNoImage }

// several asks the user to choose an image.
func several(s Source, list []*Entry) error {
	choices, users := imageChoices(s, list), usersOf(list)
	containers := 0
	for _, e := range list {
		if e.Kind == KindContainer {
			containers++
		}
	}
	if containers > 0 {
		images := show.Count(len(list)-containers, "image")
		message := fmt.Sprintf("holds %s and %s: name one", images, show.Count(containers, "container"))
		return &advice.ChoiceError{Message: message, Choices: choices}
	}
	message := "holds " + show.Count(len(choices), list[0].Kind)
	if ref := firstShared(list, users); ref != "" {
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
	return &advice.ChoiceError{Message: message + ": choose one of " + strings.Join(names, ", "), Choices: choices}
}

// firstShared returns the first reference that names several groups, or "".
func firstShared(list []*Entry, users map[string]map[int]bool) string {
	for _, e := range list {
		for _, ref := range e.References {
			if len(users[ref]) > 1 {
				return ref
			}
		}
	}
	return ""
}

// alike asks the user to choose among images of one platform.
func alike(list []*Entry) error {
	var choices []advice.Choice
	for _, e := range list {
		choices = append(choices, advice.Choice{Flag: e.numberFlag(), What: e.describe() + " " + e.Descriptor.Digest})
	}
	platform := list[0].platform()
	platform.OSVersion = ""
	what := "for platform " + platform.Shown()
	if !platform.Known() {
		what = "of unknown platform"
	}
	return &advice.ChoiceError{Message: fmt.Sprintf("holds %d images %s: choose one", len(list), what), Choices: choices}
}

// imageChoices lists a choice for each group of images, and for each container.
func imageChoices(s Source, list []*Entry) []advice.Choice {
	all, listed := newFlags(s.Entries()), newFlags(list)
	var choices []advice.Choice
	seen := map[int]bool{}
	for _, e := range list {
		if seen[e.Group] {
			continue
		}
		seen[e.Group] = true
		choice := advice.Choice{Flag: cmp.Or(e.Choice, all.of(e)), What: listed.what(e)}
		if e.Kind == KindImage && e.Choice != "" { // the whole name says the reference
			choice.What = strings.TrimSpace(e.Kind + " " + e.Platform.Shown())
			if !strings.Contains(e.Choice, e.Reference("")) {
				choice.What += " " + e.label() + ", kept by " + show.Safe(e.Driver)
			}
		}
		choices = append(choices, choice)
	}
	return choices
}

// what describes a choice: a container with its state, or an image with its platform.
func (f *flags) what(e *Entry) string {
	if e.Container != nil {
		what := "container, " + e.Container.State
		if e.Container.Image != "" {
			what += ", of " + show.Cut(e.Container.Image)
		}
		return what
	}
	what := e.describe()
	if members := f.members[e.Group]; members > 1 {
		what = fmt.Sprintf("%s, %d platforms", e.label(), members)
	}
	if firstShared([]*Entry{e}, f.users) != "" || len(e.References) == 0 {
		what = strings.TrimSpace(what + " " + cmp.Or(e.Top, e.imageID(), shownID(e.ID)))
	}
	return what
}

// platformChoices lists a flag for each image: its platform, or its number if the platform does not say enough.
func platformChoices(list []*Entry) []advice.Choice {
	users := map[string]int{}
	for _, e := range list {
		users[e.platform().Normal().String()]++
	}
	var choices []advice.Choice
	for _, e := range list {
		p := e.platform()
		choice := advice.Choice{Flag: "--platform " + p.String(), What: e.describe()}
		if users[p.Normal().String()] > 1 || !p.IsWord() {
			choice.Flag = e.numberFlag()
		}
		if !e.here() {
			choice.What += " (not in this file)"
		}
		choices = append(choices, choice)
	}
	return choices
}

// shownID returns the ID of a v1 image, which is any text, for a person.
func shownID(id string) string {
	if id == "" || digest.IsStart(id) {
		return id
	}
	return show.Cut(id)
}
