package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/advice"
	"layup/analyze/source/store"
)

// ownContainerd is where an engine keeps a containerd of its own, below its data-root.
const ownContainerd = "containerd/daemon"

// openDocker lists a Docker data-root. An engine that keeps its images in containerd's store may have that store below
// its own directory. Another directory is opened only if the user names it.
func (s *Store) openDocker(ctx context.Context) error {
	err := s.list(ctx, store.OpenDockerRoot)
	image := func(e *source.Entry) bool { return e.Kind == source.KindImage }
	if err != nil && !errors.Is(err, store.ErrNoDockerRoot) || slices.ContainsFunc(s.entries, image) {
		return err
	}
	docker, failed := store.DockerContainers(ctx, s.tree)
	if failed != nil {
		return failed
	}
	s.entries = nil
	if root := s.opt.ContainerdRoot; root != "" {
		files, err := s.files(ctx, root)
		if err != nil {
			return fmt.Errorf("%s: %w", show.Safe(root), err)
		}
		return s.openContainerd(ctx, store.Below(files, store.Top(files, store.MetaName)), docker)
	}
	if _, there := s.tree.Stat(ownContainerd + "/" + store.MetaName); there == nil {
		return s.openContainerd(ctx, store.Below(s.tree, ownContainerd), docker)
	}
	if len(docker) > 0 {
		return &advice.Hinted{
			Err: errors.New("this engine keeps its images in containerd's store, which is not below this directory"),
			Hint: "containerd-root:/var/lib/containerd --namespace moby  reads it; " +
				"--containerd-root /var/lib/containerd joins both",
		}
	}
	return s.remappedBelow(err)
}
