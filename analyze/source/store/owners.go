package store

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"layup/analyze/show"
)

// IDs are a user and a group.
type IDs [2]uint32

// An IDRange says which numbers of the host stand for users or groups of a container. Source: containers/storage,
// pkg/idtools.
type IDRange struct {
	Container uint32 `json:"container_id"`
	Host      uint32 `json:"host_id"`
	Size      uint32 `json:"size"`
}

// host returns the number of the host for a number of the container, false if there is none.
func host(ranges []IDRange, id uint32) (uint32, bool) {
	for _, r := range ranges {
		if id >= r.Container && id-r.Container < r.Size {
			return r.Host + (id - r.Container), true
		}
	}
	return 0, false
}

// owners compares the owners in the headers of a layer with those on the disk. An engine can map them: with a user
// namespace it stores the container's user N as S+N. A rootless engine stores root as its own user R, and N as S+N-1.
// Only a record tells the numbers: the name of the data-root, layers.json, or the user of this program.
type owners struct {
	root   IDs          // stands for the container's root
	ranges [2][]IDRange // nil if nothing records how the engine maps users and groups
	first  [2]*owned    // with a number that no record explains
	found  []Difference
	one    bool    // everything so far belongs to root, above, and nothing records how owners are mapped
	list   []owned // everything so far, while one is true
}

// owned is the owner of a path.
type owned struct {
	path       string // without the slash before it
	want, have IDs
	stored     bool // an attribute holds the container's own numbers
}

// newOwners finds how the engine maps the owners of a layer's directory. The engine's own directory belongs to root
// unless it is rootless.
func newOwners(files Files, dir string, layout Layout) (*owners, error) {
	home, _, _ := strings.Cut(dir, "/")
	info, err := files.Stat(home)
	if err == nil && info.UID == 0 && info.GID != 0 { // user namespaces: the group may enter
		info, err = files.Stat(dir)
	}
	o := &owners{root: IDs{info.UID, info.GID}}
	for i, first := range layout.SubID {
		switch {
		case layout.Ranges[i] != nil && !layout.Rootless:
			o.ranges[i] = layout.Ranges[i]
		case layout.SubID == IDs{} && o.root == IDs{}:
			o.ranges[i] = []IDRange{{0, 0, math.MaxUint32}}
		case layout.SubID == IDs{}:
		case layout.Rootless:
			o.ranges[i] = []IDRange{{0, o.root[i], 1}, {1, first, math.MaxUint32}}
		default:
			o.ranges[i] = []IDRange{{0, first, math.MaxUint32}}
		}
	}
	o.one = o.ranges[0] == nil && o.ranges[1] == nil
	return o, err
}

// OwnersUnknown is the code of a note: nothing says which owners the files should have.
const OwnersUnknown = "layer-owners-not-compared"

// metadataUnknown is what Differences says of a directory that also holds the layers below.
var metadataUnknown = []Difference{{Code: "layer-metadata-not-compared", Path: "/", Note: true,
	What: "the directory also holds the layers below: contents were compared, modes, owners and times were not"}}

// add compares the owner of a path.
func (o *owners) add(p owned) {
	if o.one && p.have == o.root && !p.stored {
		o.list = append(o.list, p)
		return
	}
	o.decide()
	o.judge(&p)
}

// decide compares the owners that waited: the copy did not lose them.
func (o *owners) decide() {
	for i := range o.list {
		o.judge(&o.list[i])
	}
	o.one, o.list = false, nil
}

func (o *owners) judge(p *owned) {
	var what []string
	for kind := range p.have {
		if s := o.compare(kind, p); s != "" {
			what = append(what, s)
		}
	}
	if len(what) > 0 {
		o.found = append(o.found, Difference{Code: MetadataChanged, Path: "/" + p.path, What: strings.Join(what, ", ")})
	}
}

// differences lists the paths with other owners than the engine stored, and notes what was not compared.
func (o *owners) differences() []Difference {
	if slices.ContainsFunc(o.list, func(p owned) bool { return p.want != IDs{} }) {
		what := fmt.Sprintf("everything belongs to %d:%d: a copy that lost the owners, which were not compared",
			o.root[0], o.root[1])
		return []Difference{{Code: OwnersUnknown, Path: "/", What: what, Note: true}}
	}
	o.decide()
	if cmp.Or(o.first[0], o.first[1]) != nil {
		o.found = append(o.found, Difference{Code: OwnersUnknown, Path: "/", Note: true,
			What: "owners other than root were not compared: --subid START does, with the engine's entry in /etc/subuid"})
	}
	return o.found
}

// compare says how the user or the group of a path differs; empty if it does not.
func (o *owners) compare(kind int, p *owned) string {
	name, want, have := [2]string{"user", "group"}[kind], p.want[kind], p.have[kind]
	switch {
	case p.stored:
	case o.ranges[kind] != nil:
		mapped, ok := host(o.ranges[kind], want)
		if !ok {
			return fmt.Sprintf("%s %d for %d, which the layer's user namespace does not have", name, have, want)
		}
		want = mapped
	case want == 0:
		want = o.root[kind]
	case o.first[kind] == nil:
		first := *p
		o.first[kind] = &first
		return ""
	default: // one user namespace shifts all by one offset
		first := o.first[kind]
		if have-want == first.have[kind]-first.want[kind] {
			return ""
		}
		return fmt.Sprintf("%s %d for %d, though %s has %d for %d", name, have, want, show.Path("/"+first.path),
			first.have[kind], first.want[kind])
	}
	if have == want {
		return ""
	}
	return fmt.Sprintf("%s %d, not %d", name, have, want)
}
