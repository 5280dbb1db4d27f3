package source

import (
	"context"
	"errors"

	"layup/analyze/source/store"
)

// ownContainerd is where an engine keeps a containerd of its own, below its data-root.
const ownContainerd = "containerd/daemon"

// openDockerRoot lists a Docker data-root. An engine that keeps its images in containerd's store may have that below its own directory; another
// directory is never opened by itself.
func (a *Archive) openDockerRoot(ctx context.Context) error {
	err := a.listStore(ctx, store.OpenDockerRoot)
	images := len(a.images)
	if err != nil && !errors.Is(err, store.ErrNoDockerRoot) || images > 0 {
		return err
	}
	if _, there := a.engine.tree.Stat(ownContainerd + "/" + store.MetaName); there == nil {
		return a.openContainerd(ctx, store.Below(a.engine.tree, ownContainerd), a.opt.Namespace)
	}
	if containers, e := a.engine.tree.List("containers"); e == nil && len(containers) > 0 {
		return &Hinted{
			Err:  errors.New("this engine keeps its images in containerd's store, which is not below this directory"),
			Hint: "containerd-root:/var/lib/containerd --namespace moby  reads it",
		}
	}
	return err
}
