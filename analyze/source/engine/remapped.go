package engine

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"layup/analyze/expression"
	"layup/analyze/show"
	"layup/analyze/source/advice"
	"layup/analyze/source/store"
)

// remapped matches the name of the data-root of a Docker engine with user namespaces: the first user and the first
// group of the host that stand for those of a container. Source: moby, daemon/daemon_unix.go, setupDaemonRoot.
var remapped = expression.Lazy(`^([0-9]{1,10})\.([0-9]{1,10})$`)

// subID returns the first user and group of the host that stand for those of a container, as the user says or else the
// name of the store's directory.
func (s *Store) subID() store.IDs {
	if s.opt.SubID != 0 {
		return store.IDs{s.opt.SubID, s.opt.SubID}
	}
	var ids store.IDs
	if m := remapped().FindStringSubmatch(path.Base(path.Join(s.path, s.top))); m != nil && s.kind == DockerRoot {
		for i := range ids {
			n, err := strconv.ParseUint(m[i+1], 10, 32)
			if err != nil {
				return store.IDs{}
			}
			ids[i] = uint32(n)
		}
	}
	return ids
}

// below returns the names of the data-roots of engines with user namespaces that lie in this one.
func (s *Store) below() []string {
	names, _ := s.tree.List("")
	return slices.DeleteFunc(names, func(name string) bool {
		_, err := s.tree.Stat(path.Join(name, "image"))
		return !remapped().MatchString(name) || err != nil
	})
}

// remappedBelow turns the finding that a data-root holds nothing into advice, if the engine's data-root lies below.
func (s *Store) remappedBelow(err error) error {
	below := s.below()
	if len(s.entries) > 0 || err != nil && !errors.Is(err, store.ErrNoDockerRoot) || len(below) == 0 {
		return err
	}
	return &advice.Hinted{
		Err: fmt.Errorf("holds no image and no container, but the data-root of an engine with user namespaces: %s",
			below[0]),
		Hint: s.reads(below[0]),
	}
}

// reads is the command that reads a data-root below this one.
func (s *Store) reads(below string) string {
	dir := filepath.Join(s.path, s.top, below)
	if s.isTar {
		return "tar --xattrs --xattrs-include='*' -xf " + show.Shell(s.path) + " && layup images " +
			show.Shell(DockerRoot+":"+path.Join(s.top, below))
	}
	return "layup images " + show.Shell(DockerRoot+":"+dir)
}

// Aside notes what a search of the whole store does not search: the data-root of an engine with user namespaces.
func (s *Store) Aside() string {
	if s.kind != DockerRoot || len(s.below()) == 0 {
		return ""
	}
	below := s.below()[0]
	return show.Safe(below) + " is another data-root, of an engine with user namespaces: " + s.reads(below)
}
