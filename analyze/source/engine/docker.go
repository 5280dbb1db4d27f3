package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/advice"
	"layup/analyze/source/store"
)

// ownContainerd is where an engine keeps a containerd of its own, below its data-root.
const ownContainerd = "containerd/daemon"

// openDocker lists a Docker data-root: what its storage drivers keep, and what the engine keeps in containerd's store.
// That store may be below the data-root. Another directory is opened only if the user names it.
func (s *Store) openDocker(ctx context.Context) error {
	held, err := store.OpenDockerRoot(ctx, s.tree, store.Options{SubID: s.subID(), Home: s.home})
	if held == nil {
		return err
	}
	s.directories = append(s.directories, held.Directories)
	for _, of := range held.Drivers {
		s.addImages(of)
	}
	tree, at, failed := s.containerdTree(ctx)
	switch {
	case failed != nil:
		return failed
	case tree != nil:
		s.containerd = at
		err = s.openContainerd(ctx, tree, held)
	case len(held.Others) > 0 && len(held.Drivers) == 0:
		return &advice.Hinted{
			Err: errors.New("this engine keeps its images in containerd's store, which is not below this directory"),
			Hint: "containerd-root:/var/lib/containerd --namespace moby  reads it; " +
				"--containerd-root /var/lib/containerd joins both",
		}
	}
	for _, of := range held.Drivers {
		s.addContainersOf(of)
	}
	if tree == nil {
		s.addUnheld(held.Others)
	}
	return s.remappedBelow(err)
}

// containerdTree returns the root of containerd that belongs to a data-root, and its place in what is shown; nil if
// there is none.
func (s *Store) containerdTree(ctx context.Context) (store.Files, string, error) {
	if root := s.opt.ContainerdRoot; root != "" {
		files, err := s.files(ctx, root)
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", show.Safe(root), err)
		}
		top := store.Top(files, store.MetaName)
		return store.Below(files, top), filepath.Join(root, top), nil
	}
	if _, err := s.tree.Stat(ownContainerd + "/" + store.MetaName); err != nil {
		return nil, "", nil // reading it would say more, but most engines have none
	}
	return store.Below(s.tree, ownContainerd), ownContainerd, nil
}

// addUnheld adds the containers with layers that are not below the data-root.
func (s *Store) addUnheld(boxes []*store.Container) {
	for _, box := range boxes {
		e := s.container(box, nil, box.Driver)
		if e.Absent = box.Err == nil; e.Absent {
			e.Form = form{load: func(*source.Image) error {
				return &advice.Hinted{
					Err:  fmt.Errorf("its layers are kept by %s, which is not below this directory", show.Cut(box.Driver)),
					Hint: "--containerd-root /var/lib/containerd  names containerd's store",
				}
			}}
		}
		s.add(e)
	}
}
