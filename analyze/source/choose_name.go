package source

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source/registry"
)

// byName keeps what a name chooses: @N, a reference, a digest or the beginning of one. As typed goes before what is left out being
// filled in.
func (a *Archive) byName(list []*candidate, name string) ([]*candidate, error) {
	if name == "" {
		return list, nil
	}
	ways, cause := a.ways(name), "there is no image "+strconv.Quote(name)
	if number, ok := strings.CutPrefix(name, "@"); ok {
		n, err := strconv.Atoi(number)
		ways = []func(c *candidate) bool{func(c *candidate) bool { return err == nil && c.number == n }}
		cause = fmt.Sprintf("there is no image %s: they are numbered from @0", show.Safe(name))
	}
	for _, fits := range ways {
		found := slices.DeleteFunc(slices.Clone(list), func(c *candidate) bool { return !fits(c) })
		if len(found) > 0 {
			return found, nil
		}
	}
	return nil, &ChoiceError{Message: cause, Choices: a.imageChoices(list), None: true}
}

// ways are the tests by which a name may choose a candidate, the most exact first.
func (a *Archive) ways(name string) []func(c *candidate) bool {
	ways := []func(c *candidate) bool{
		func(c *candidate) bool { return slices.Contains(c.refs, name) },
		func(c *candidate) bool { return slices.Contains(c.aliases, name) || c.manifest.Digest == name },
		func(c *candidate) bool { return digest.Valid(name) && a.identity(c) == name },
		func(c *candidate) bool {
			return slices.ContainsFunc(c.refs, func(ref string) bool { return registry.Familiar(ref) == registry.Familiar(name) })
		},
		func(c *candidate) bool {
			return slices.ContainsFunc(c.refs, func(ref string) bool { return endsIn(ref, name) })
		},
	}
	if !digest.IsStart(name) {
		return ways
	}
	begins := func(id string) bool { return strings.HasPrefix(digest.Hex(id), digest.Hex(name)) }
	return append(ways, func(c *candidate) bool {
		return begins(c.manifest.Digest) || begins(a.identity(c)) || begins(c.legacy) || slices.ContainsFunc(c.aliases, begins)
	})
}

// endsIn reports whether a reference is the name behind a registry or more: podman puts localhost/ before what it builds.
func endsIn(ref, name string) bool {
	return strings.HasSuffix(registry.Familiar(ref), "/"+registry.Familiar(name))
}

// reference returns the candidate's reference that a name means, its first where it means none.
func (c *candidate) reference(name string) string {
	for _, fits := range []func(ref string) bool{
		func(ref string) bool { return ref == name },
		func(ref string) bool { return registry.Familiar(ref) == registry.Familiar(name) },
		func(ref string) bool { return endsIn(ref, name) },
	} {
		if i := slices.IndexFunc(c.refs, fits); i >= 0 && name != "" {
			return c.refs[i]
		}
	}
	return cmp.Or(c.refs...)
}

// identity returns the image ID, or nothing where it cannot be known.
func (a *Archive) identity(c *candidate) string {
	if c.err != nil {
		return ""
	}
	if c.desc != nil {
		return c.desc.Config.Digest
	}
	config, err := a.readConfig(c)
	if err != nil || config == nil {
		return ""
	}
	return config.ID
}
