package archive

import (
	"cmp"
	"encoding/binary"
	"slices"

	"layup/analyze/source"
	"layup/analyze/source/document"
)

// A joinedForm is an image that both index.json and manifest.json describe.
type joinedForm struct {
	*source.Graph
	docker *dockerEntry
}

// A joiner finds the images of manifest.json among those of index.json. Each document may list one image thousands of
// times: for other platforms, with its layers in another order. So it compares sets of layers, not images with images.
type joiner struct {
	*Archive
	number  func(name string) uint64 // of a place
	reached map[string][]*reached    // by the digest of the config
	sets    map[string]*layerSet     // by that digest and the places of the layers
	joined  []*layerSet              // that both documents have
	saved   []found
	names   map[spelled]*spelling // that index.json gives
}

// reached are the entries of index.json with one manifest.
type reached struct {
	*document.Manifest
	set     *layerSet
	entries []*source.Entry
}

// A layerSet is the images with one config and one set of layers.
type layerSet struct {
	manifests []*reached
	docker    *dockerEntry // the last one of manifest.json; nil if there is none
	tags      []string     // of all of manifest.json
}

// found are entries of index.json for an image of manifest.json.
type found struct {
	docker  *dockerEntry
	entries []*source.Entry
}

func newJoiner(a *Archive) *joiner {
	j := &joiner{Archive: a, number: a.numbering(), reached: map[string][]*reached{}, sets: map[string]*layerSet{},
		names: spellings(a.entries)}
	known := map[*document.Manifest]*reached{}
	for _, e := range a.entries {
		if e.Manifest == nil || e.Err != nil {
			continue
		}
		m := known[e.Manifest]
		if m == nil {
			id := e.Manifest.Config.Digest
			m = &reached{Manifest: e.Manifest, set: j.set(id, namesOf(e.Manifest))}
			m.set.manifests = append(m.set.manifests, m)
			known[e.Manifest], j.reached[id] = m, append(j.reached[id], m)
		}
		m.entries = append(m.entries, e)
	}
	return j
}

// namesOf returns the names of a manifest's layers in a layout.
func namesOf(m *document.Manifest) []string {
	names := make([]string, len(m.Layers))
	for i, l := range m.Layers {
		if names[i] = "a layer without a digest"; l.Err == nil {
			names[i] = document.BlobName(l.Digest)
		}
	}
	return names
}

// set returns the set of layers of those names.
func (j *joiner) set(config string, names []string) *layerSet {
	key := []byte(config)
	numbers := make([]uint64, len(names))
	for i, name := range names {
		numbers[i] = j.number(name)
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		key = binary.AppendUvarint(key, n)
	}
	s := j.sets[string(key)]
	if s == nil {
		s = new(layerSet)
		j.sets[string(key)] = s
	}
	return s
}

// join looks for an image of manifest.json, with the digest of its config, and reports whether index.json has it.
func (j *joiner) join(d *dockerEntry, id string) bool {
	set := j.set(id, d.Layers)
	is := len(set.manifests) > 0
	if is {
		if set.docker == nil {
			j.joined = append(j.joined, set)
		}
		set.docker, set.tags = d, append(set.tags, d.RepoTags...)
	}
	if len(set.manifests) == len(j.reached[id]) || !j.proven(d) {
		return is
	}
	for _, m := range j.reached[id] {
		if m.set != set && j.leftOut(d, m.Manifest) {
			j.saved, is = append(j.saved, found{d, m.entries}), true
		}
	}
	return is
}

// complete gives the entries of index.json what manifest.json says of them.
func (j *joiner) complete() error {
	for _, s := range j.saved {
		for _, e := range s.entries {
			e.Form = savedForm{dockerForm{j.Archive, s.docker}}
			if err := j.tag(e, s.docker.RepoTags); err != nil {
				return err
			}
		}
	}
	for _, set := range j.joined {
		for _, m := range set.manifests {
			order := source.Permutation(j.places(set.docker.Layers), j.places(namesOf(m.Manifest)))
			for _, e := range m.entries {
				e.Form, e.Order = joinedForm{j.graph, set.docker}, order
				if err := j.tag(e, set.tags); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (j *joiner) places(names []string) []string {
	places := make([]string, len(names))
	for i, name := range names {
		places[i] = j.place(name)
	}
	return places
}

// A spelled is a name as Docker shows it.
type spelled struct {
	group int
	name  string
}

// A spelling is where the entries of a group have one name, and how manifest.json writes it.
type spelling struct {
	at  []reference
	tag string
}

// A reference is one of an entry.
type reference struct {
	*source.Entry
	at int
}

func spellings(entries []*source.Entry) map[spelled]*spelling {
	names := map[spelled]*spelling{}
	for _, e := range entries {
		for i, ref := range e.References {
			key := spelled{e.Group, document.Familiar(ref)}
			if names[key] == nil {
				names[key] = new(spelling)
			}
			names[key].at = append(names[key].at, reference{e, i})
		}
	}
	return names
}

// tag gives an entry manifest.json's names. If the index has the same name in full, the short one replaces it.
func (j *joiner) tag(e *source.Entry, tags []string) error {
	for _, tag := range tags {
		if s := j.names[spelled{e.Group, document.Familiar(tag)}]; s != nil {
			for _, ref := range s.at {
				ref.Respell(ref.at, tag)
			}
			s.at, s.tag = nil, cmp.Or(s.tag, tag)
			tag = s.tag
		}
		if err := j.graph.Name(e, []string{tag}); err != nil {
			return err
		}
	}
	return nil
}
