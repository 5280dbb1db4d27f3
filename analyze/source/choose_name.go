package source

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source/advice"
	"layup/analyze/source/document"
)

// byName keeps what a name chooses: @N, a reference, a digest or the beginning of one. A reference as typed goes before
// one with the registry or the tag filled in.
func byName(s Source, list []*Entry, name string) ([]*Entry, error) {
	ways, cause := waysOf(name), fmt.Sprintf("there is no image %q", name)
	if number, ok := strings.CutPrefix(name, "@"); ok {
		n, err := strconv.Atoi(number)
		ways = []func(*Entry) bool{func(e *Entry) bool { return err == nil && e.Number == n }}
		cause = fmt.Sprintf("there is no image %s: they are numbered from @0", show.Safe(name))
	}
	for _, fits := range ways {
		found := slices.DeleteFunc(slices.Clone(list), func(e *Entry) bool { return !fits(e) })
		if len(found) > 0 {
			return found, nil
		}
	}
	return nil, &advice.ChoiceError{Message: cause, Choices: imageChoices(s, list), None: true}
}

// waysOf are the tests by which a name may choose an entry, the most exact first.
func waysOf(name string) []func(e *Entry) bool {
	ways := []func(e *Entry) bool{
		func(e *Entry) bool { return slices.Contains(e.References, name) },
		func(e *Entry) bool { return slices.Contains(e.Aliases, name) || e.Descriptor.Digest == name },
		func(e *Entry) bool { return digest.Valid(name) && e.imageID() == name },
		func(e *Entry) bool {
			return slices.ContainsFunc(e.References, func(ref string) bool { return document.Familiar(ref) == document.Familiar(name) })
		},
		func(e *Entry) bool {
			return slices.ContainsFunc(e.References, func(ref string) bool { return endsIn(ref, name) })
		},
	}
	if !digest.IsStart(name) {
		return ways
	}
	begins := func(id string) bool { return strings.HasPrefix(digest.Hex(id), digest.Hex(name)) }
	return append(ways, func(e *Entry) bool {
		return begins(e.Descriptor.Digest) || begins(e.imageID()) || begins(e.ID) || slices.ContainsFunc(e.Aliases, begins)
	})
}
