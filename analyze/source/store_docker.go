package source

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"layup/analyze/show"
	"layup/analyze/source/store"
)

// ownContainerd is where an engine keeps a containerd of its own, below its data-root.
const ownContainerd = "containerd/daemon"

// openDockerRoot lists a Docker data-root. An engine that keeps its images in containerd's store may have that below its own directory; another
// directory is never opened by itself.
func (a *Archive) openDockerRoot(ctx context.Context) error {
	err := a.listStore(ctx, store.OpenDockerRoot)
	image := func(c *candidate) bool { return c.kind == kindImage }
	if err != nil && !errors.Is(err, store.ErrNoDockerRoot) || slices.ContainsFunc(a.images, image) {
		return err
	}
	docker, failed := store.DockerContainers(ctx, a.engine.tree)
	if failed != nil {
		return failed
	}
	a.images = nil
	if a.opt.Store.ContainerdRoot != "" {
		return a.openBesideDocker(ctx, docker)
	}
	if _, there := a.engine.tree.Stat(ownContainerd + "/" + store.MetaName); there == nil {
		return a.openContainerd(ctx, store.Below(a.engine.tree, ownContainerd), docker)
	}
	if len(docker) > 0 {
		return &Hinted{
			Err:  errors.New("this engine keeps its images in containerd's store, which is not below this directory"),
			Hint: "containerd-root:/var/lib/containerd --namespace moby  reads it; --containerd-root /var/lib/containerd joins both",
		}
	}
	return err
}

// openBesideDocker reads the images of a Docker engine in the containerd root that the user named.
func (a *Archive) openBesideDocker(ctx context.Context, docker []*store.Container) error {
	beside := &Archive{Name: a.Name, opt: a.opt, in: new(input)}
	files, err := beside.storeFiles(ctx, a.opt.Store.ContainerdRoot)
	a.closers = append(a.closers, beside.in.Close)
	if err != nil {
		return fmt.Errorf("%s: %w", show.Safe(a.opt.Store.ContainerdRoot), err)
	}
	a.closers = append(a.closers, files.Close)
	return a.openContainerd(ctx, store.Below(files, store.Top(files, store.MetaName)), docker)
}
