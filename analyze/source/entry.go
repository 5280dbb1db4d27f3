package source

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"layup/analyze/expression"
	"layup/analyze/show"
	"layup/analyze/source/document"
)

// The kinds of what a source holds.
const (
	KindImage       = "image"
	KindContainer   = "container"   // of an engine's store
	KindAttestation = "attestation" // a statement about an image
	KindArtifact    = "artifact"    // not a container image, but described by a manifest: a chart, a model
	KindBlob        = "blob"        // what no document names
	KindV1Config    = "v1-config"   // what docker save 25 to 28 writes for each layer, for engines before 1.10
	KindDirectory   = "directory"   // of an engine's store: no image and no container uses it
	KindVolume      = "volume"      // of an engine's store
	KindRecord      = "record"      // of an engine's store: a list of images or containers that cannot be read
	KindRepository  = "repository"  // of a registry
	KindTag         = "tag"         // of a repository
	KindReferrer    = "referrer"    // a manifest that refers to another: a signature, an attestation
)

// An Entry is one thing that the documents of a source name, of one platform.
type Entry struct {
	Kind       string
	Number     int               // N in --image @N, from 0; -1 for what cannot be chosen
	Group      int               // entries of one group are the platforms of one name
	References []string          // names, as shown
	Aliases    []string          // further names by which it is found: a tag alone, the digest of its index, an ID
	Top        string            // digest by which index.json names the entry's group, or an engine an image; else empty
	Platform   document.Platform // as the index says; zero if only the config says it
	Descriptor document.Descriptor
	Manifest   *document.Manifest // of Descriptor; nil if there is none, or if it was not read
	Order      []int              // positions of the manifest's layers, oldest first; nil for the manifest's own order
	Absent     bool               // the index names it, but it is not in the input
	Err        error              // why it cannot be used

	ID           string     // of what has no manifest: a v1 image, an image or container of a store
	Driver       string     // of an engine's store: what keeps its layers
	Container    *Container // of an engine's store; nil for an image
	Of           string     // of a directory or a volume: what its engine says of it, or who mounts it; may be empty
	Intermediate bool       // an unnamed image on which another one was built: only its ID chooses it
	Choice       string     // the shell words that choose it; empty if --image does
	State        string     // of an image: deleted, if its registry serves it no more; else empty

	Form   Form // how its config and layers are found
	config *document.Config
	named  map[string]bool // its references, if they are many
}

// A Form is one way to store images: a manifest, manifest.json, the folders of a v1 image, an engine's store.
type Form interface {
	// Config reads the image's config; nil without an error if there is none.
	Config(e *Entry) (*document.Config, error)
	// Load completes an image: ID, config and layers. Layers that cannot be read say so themselves. With an error,
	// the image holds what could be found out.
	Load(e *Entry, img *Image) error
	// Checks verifies the documents of the entry.
	Checks(ctx context.Context, e *Entry, img *Image) ([]Check, error)
}

// Config reads the entry's config once.
func (e *Entry) Config() (*document.Config, error) {
	if e.config != nil {
		return e.config, nil
	}
	config, err := e.Form.Config(e)
	if err != nil {
		return nil, err
	}
	e.config = config
	return config, nil
}

// here reports whether the entry can be loaded from the input. Exports of one platform keep the index of all.
func (e *Entry) here() bool {
	form, part := e.Form.(interface{ Here(e *Entry) bool })
	return !e.Absent && (!part || form.Here(e))
}

// platform returns what the entry runs on, by the index or else by its config; zero if that cannot be known.
func (e *Entry) platform() document.Platform {
	if e.Platform.Known() || e.Absent || e.Err != nil || e.Kind == KindArtifact {
		return e.Platform
	}
	config, err := e.Config()
	if err != nil || config == nil {
		return document.Platform{}
	}
	return document.PlatformOf(config.File)
}

// imageID returns the digest of the config, or "" if it cannot be known. Many artifacts have one config.
func (e *Entry) imageID() string {
	if e.Err != nil {
		return ""
	}
	if e.Kind == KindArtifact {
		return e.Descriptor.Digest
	}
	if e.Manifest != nil {
		return e.Manifest.Config.Digest
	}
	config, err := e.Config()
	if err != nil || config == nil {
		return ""
	}
	return config.ID
}

// name adds references that the entry does not have yet.
func (e *Entry) name(refs ...string) {
	for _, ref := range refs {
		if ref != "" && !e.isNamed(ref) {
			e.References = append(e.References, ref)
			if e.named != nil {
				e.named[ref] = true
			}
		}
	}
}

// Respell writes a reference in another way.
func (e *Entry) Respell(i int, ref string) {
	delete(e.named, e.References[i])
	if e.References[i] = ref; e.named != nil {
		e.named[ref] = true
	}
}

// isNamed reports whether the entry has a reference.
func (e *Entry) isNamed(ref string) bool {
	const few = 16
	if len(e.References) <= few {
		return slices.Contains(e.References, ref)
	}
	if e.named == nil {
		e.named = make(map[string]bool, 2*few)
		for _, ref := range e.References {
			e.named[ref] = true
		}
	}
	return e.named[ref]
}

// Reference returns the entry's reference that a name means, or its first if the name means none.
func (e *Entry) Reference(name string) string {
	for _, fits := range []func(ref string) bool{
		func(ref string) bool { return ref == name },
		func(ref string) bool { return sameName(ref, name) },
		func(ref string) bool { return endsIn(ref, name) },
	} {
		if i := slices.IndexFunc(e.References, fits); i >= 0 && name != "" {
			return e.References[i]
		}
	}
	return cmp.Or(e.References...)
}

// sameName reports whether two references are one, with the registry or the tag filled in.
func sameName(a, b string) bool { return document.Familiar(a) == document.Familiar(b) }

// endsIn reports whether a reference is the name after a registry or folders: podman puts localhost/ before what it
// builds.
func endsIn(ref, name string) bool {
	return strings.HasSuffix(document.Familiar(ref), "/"+document.Familiar(name))
}

// label returns the entry's reference, quoted, or its number.
func (e *Entry) label() string {
	if len(e.References) > 0 {
		return show.Cut(e.References[0])
	}
	return "@" + strconv.Itoa(e.Number)
}

// describe names an entry and its platform for a person.
func (e *Entry) describe() string { return strings.TrimSpace(e.label() + " " + e.Platform.Shown()) }

// numberFlag chooses the entry whatever its names are.
func (e *Entry) numberFlag() string { return "--image @" + strconv.Itoa(e.Number) }

// flags tell each image of a source from the others.
type flags struct {
	members map[int]int             // images of each group
	users   map[string]map[int]bool // groups that each reference names
}

// newFlags returns the flags for the images among the entries.
func newFlags(all []*Entry) *flags {
	f := &flags{members: map[int]int{}, users: usersOf(all)}
	for _, e := range all {
		if e.Kind == KindImage {
			f.members[e.Group]++
		}
	}
	return f
}

// of returns --image with a reference that only the entry's group has, else with the digest of the group if it has
// several platforms, else with the entry's number.
func (f *flags) of(e *Entry) string {
	for _, ref := range e.References {
		if len(f.users[ref]) == 1 && plainWord().MatchString(ref) {
			return "--image " + ref
		}
	}
	if f.members[e.Group] > 1 && e.Top != "" {
		return "--image " + e.Top
	}
	return e.numberFlag()
}

// plainWord matches references that are typed as they are.
var plainWord = expression.Lazy(`^[A-Za-z0-9_./:+,=][A-Za-z0-9_./:@+,=-]*$`)

// usersOf returns the groups that each reference names.
func usersOf(list []*Entry) map[string]map[int]bool {
	users := map[string]map[int]bool{}
	for _, e := range list {
		for _, ref := range e.References {
			if users[ref] == nil {
				users[ref] = map[int]bool{}
			}
			users[ref][e.Group] = true
		}
	}
	return users
}

// opens reports whether an entry is an artifact that can be opened.
func (e *Entry) opens() bool { return e.Kind == KindArtifact && e.Err == nil }

// Number gives the images of a list their numbers, and after them the artifacts.
func Number(list []*Entry) {
	number := 0
	for _, e := range list {
		if e.Number = -1; e.Kind == KindImage && !e.Intermediate {
			e.Number, number = number, number+1
		}
	}
	for _, e := range list {
		if e.opens() {
			e.Number, number = number, number+1
		}
	}
}
