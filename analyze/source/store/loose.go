package store

import (
	"context"
	"errors"
	"io/fs"
	"path"

	"layup/analyze/digest"
	"layup/analyze/expression"
	"layup/analyze/show"
	"layup/tarfs"
)

// A Place is a directory in which an engine keeps the files of a layer or of a volume.
type Place struct {
	Name   string // of a layer, from the top of the store; of a volume, its own
	Of     string // what the records say of it, for a person; empty if nothing does
	Volume bool
	Layer  Layer
}

// plain describes a layer that stands alone, as the files of its directory say. The directory of a driver that is whole
// hides nothing.
func plain(files Files, dir string, whole bool, layout Layout) Layer {
	l := Layer{Directory: dir, Size: -1}
	layout.Plain = whole
	l.read(files, "", layout)
	return l
}

// volumes lists the volumes of Docker or podman. Source: moby, volume/local; podman, pkg/specgen, the volume path.
func volumes(ctx context.Context, files Files) ([]Place, error) {
	names, err := entries(files, "volumes")
	var list []Place
	for _, name := range names {
		if dir := volume(name); isDir(files, dir) {
			list = append(list, Place{Name: name, Volume: true, Layer: plain(files, dir, true, Layout{})})
		}
	}
	return list, errors.Join(err, ctx.Err())
}

// volume returns where an engine keeps the files of a volume.
func volume(name string) string { return path.Join("volumes", path.Base(name), "_data") }

func isDir(files Files, name string) bool {
	info, err := files.Stat(name)
	return err == nil && info.Type == tarfs.Dir
}

// entries lists a directory, which need not exist.
func entries(files Files, name string) ([]string, error) {
	names, err := files.List(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return names, err
}

// layersOf lists the directories of a driver that can hold layers.
func layersOf(files Files, driver string, layout Layout, describe func(id string) string) ([]Place, error) {
	names, err := entries(files, layersHome(driver))
	var list []Place
	for _, id := range names {
		dir := diff(files, driver, id)
		if !isDir(files, dir) || !isDirectoryName(id) {
			continue
		}
		l := plain(files, dir, whole(driver, dir), layout)
		l.Link, l.Driver = link(files, driver, id), driver
		list = append(list, Place{Name: path.Join(layersHome(driver), id), Of: describe(id), Layer: l})
	}
	return list, err
}

// buildCache matches the names that BuildKit gives directories in Docker's store. Source: buildkit,
// identity/randomid.go.
var buildCache = expression.Lazy(`^[0-9a-z]{25}$`)

// Directories lists the volumes, and the directories of all drivers: an engine that changed its driver leaves those of
// the old one.
func (r *DockerRoot) Directories(ctx context.Context) ([]Place, error) {
	list, err := volumes(ctx, r.all[0].files)
	for _, d := range r.all {
		if err != nil {
			return nil, err
		}
		var some []Place
		some, err = d.directories()
		list = append(list, some...)
	}
	return list, errors.Join(err, ctx.Err())
}

// directories lists the directories of the driver.
func (d *dockerDriver) directories() ([]Place, error) {
	named, err := d.named()
	if err != nil {
		return nil, err
	}
	return layersOf(d.files, d.name, d.layout(), func(id string) string {
		switch of := named[id]; {
		case of != "":
			return of
		case buildCache().MatchString(id):
			return "build cache"
		case digest.IsHex(id) && isDir(d.files, path.Join("containers", id)): // before Docker 1.10
			return "container " + digest.Short(id)
		}
		return ""
	})
}

// named says what layerdb knows of the directories of the driver.
func (d *dockerDriver) named() (map[string]string, error) {
	named := map[string]string{}
	layers, err := entries(d.files, d.image("layerdb/sha256"))
	if err != nil {
		return nil, err
	}
	for _, id := range layers {
		if l, err := d.layer(digest.FromHex(id)); err == nil { // else nothing is known of a directory
			named[l.CacheID] = "layer " + digest.Short(l.DiffID)
		}
	}
	boxes, err := entries(d.files, d.image(mountsOf))
	for _, id := range boxes {
		for _, name := range []string{"mount-id", "init-id"} {
			if at := word(d.files, path.Join(d.image(mountsOf), id, name)); at != "" {
				named[at] = "container " + digest.Short(id)
			}
		}
	}
	return named, err
}

// directories lists the directories of the driver, and the volumes.
func (s *podmanStore) directories(ctx context.Context) ([]Place, error) {
	list, err := volumes(ctx, s.files)
	if err != nil {
		return nil, err
	}
	for _, driver := range podmanDrivers {
		layout := Layout{Names: s.fuse, Rootless: s.free, SubID: s.subID, Spare: &s.spare}
		some, err := layersOf(s.files, driver, layout, func(id string) string {
			if p := s.layers[id]; p != nil && p.DiffID != "" {
				return "layer " + digest.Short(p.DiffID)
			}
			if box, ok := s.boxes[id]; ok {
				return "container " + show.Safe(digest.Short(box))
			}
			return ""
		})
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	return list, ctx.Err()
}
