package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/show"
)

// usualHome is Docker's data-root unless an engine is told another.
const usualHome = "/var/lib/docker"

// dockerContainers lists Docker's containers, whatever keeps their layers.
func dockerContainers(ctx context.Context, files Files) ([]*Container, error) {
	found, err := files.List("containers")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []*Container
	for _, id := range found {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !digest.IsHex(id) {
			continue
		}
		c, err := dockerContainer(files, id)
		if err != nil { // the other containers can be read
			c = &Container{ID: id, Name: id, Err: err}
		}
		list = append(list, c)
	}
	slices.SortFunc(list, byName)
	return list, nil
}

// dockerContainer reads the documents of a container.
func dockerContainer(files Files, id string) (*Container, error) {
	c := &Container{ID: id}
	name := path.Join("containers", id, "config.v2.json")
	var err error
	if c.Config, err = ReadFile(files, name, maxDocument); err != nil {
		return nil, err
	}
	var said struct {
		ID, Name, Image, Created, HostnamePath, Driver string
		Config                                         struct{ Image string }
		ImageManifest                                  struct{ Digest string }
		MountPoints                                    map[string]struct{ Name string }
		State                                          dockerState
	}
	if err := json.Unmarshal(c.Config, &said); err != nil {
		return nil, fmt.Errorf("%s: %w", show.Path(name), jsonCause(err))
	}
	if said.ID != "" && said.ID != id {
		return nil, fmt.Errorf("%s: belongs to another container: %s", show.Path(name), show.Path(said.ID))
	}
	if home, ok := strings.CutSuffix(said.HostnamePath, "/containers/"+id+"/hostname"); ok {
		c.home = home
	}
	c.Name, c.ImageID, c.Image = strings.TrimPrefix(said.Name, "/"), said.Image, said.Config.Image
	c.Created, c.State, c.Driver = said.Created, said.State.word(), said.Driver
	c.Manifest, c.Volumes = said.ImageManifest.Digest, map[string]string{}
	for _, m := range said.MountPoints {
		if dir := volume(m.Name); m.Name != "" && isDir(files, dir) {
			c.Volumes[m.Name] = path.Join(cmp.Or(c.home, usualHome), dir)
		}
	}
	c.Host, err = ReadFile(files, path.Join("containers", id, "hostconfig.json"), maxDocument)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return c, nil
}

// A dockerState is the state of a container when the engine last wrote it.
type dockerState struct {
	Running, Paused, Restarting, Dead bool
	StartedAt                         string
}

func (s dockerState) word() string {
	switch {
	case s.Dead:
		return "dead"
	case s.Paused:
		return "paused"
	case s.Restarting:
		return "restarting"
	case s.Running:
		return "running"
	case s.StartedAt == "" || strings.HasPrefix(s.StartedAt, "0001-"):
		return "created"
	}
	return "exited"
}

// engineHome returns the path of the data-root on the engine's host, as its containers say it; empty if none does.
func engineHome(boxes []*Container) string {
	for _, box := range boxes {
		if box.home != "" {
			return box.home
		}
	}
	return ""
}

// containerLayers finds the directories of a container's layers.
func (d *dockerDriver) containerLayers(id string) ([]Layer, error) {
	dir := path.Join(d.image(mountsOf), id)
	mount, err := d.needed(path.Join(dir, "mount-id"))
	if err != nil {
		return nil, err
	}
	initID, err := d.optional(path.Join(dir, "init-id"))
	if err != nil {
		return nil, err
	}
	for _, name := range []string{mount, initID} {
		if name != "" && !isDirectoryName(name) {
			return nil, fmt.Errorf("%s: bad name of a directory: %s", show.Path(dir), show.Path(name))
		}
	}
	parent, err := d.optional(path.Join(dir, "parent"))
	if err == nil && parent != "" && !digest.Valid(parent) {
		err = fmt.Errorf("%s: bad chainID %s", show.Path(path.Join(dir, "parent")), show.Path(parent))
	}
	if err != nil {
		return nil, err
	}
	ids, err := chain(parent, func(id string) (string, error) {
		l, err := d.layer(id)
		if err != nil {
			return "", err
		}
		return l.Parent, nil
	})
	if err != nil {
		return nil, err
	}
	layers, err := d.stack(ids)
	if err != nil {
		return nil, err
	}
	if initID != "" {
		layers = d.add(layers, RoleInit, &dockerLayer{CacheID: initID, Size: -1})
	}
	return d.add(layers, RoleContainer, &dockerLayer{CacheID: mount, Size: -1}), nil
}

// mounts returns the directories from which a stack of layers is mounted, in the data-root's path. It passes on the
// error of listing the layers. Source: moby, daemon/graphdriver/overlay2, GetMetadata.
func (d *dockerDriver) mounts(layers []Layer, err error) (map[string]string, error) {
	if d.name != "overlay2" && d.name != "fuse-overlayfs" || len(layers) == 0 {
		return nil, err
	}
	dirs := make([]string, len(layers))
	for i, l := range layers {
		dirs[i] = path.Join(d.home, path.Dir(l.Directory))
	}
	top, lower := dirs[len(dirs)-1], dirs[:len(dirs)-1]
	data := map[string]string{"MergedDir": top + "/merged", "UpperDir": top + "/diff", "WorkDir": top + "/work"}
	slices.Reverse(lower)
	if len(lower) > 0 {
		data["LowerDir"] = strings.Join(lower, "/diff:") + "/diff"
	}
	return data, err
}
