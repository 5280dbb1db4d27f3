package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"layup/analyze/show"
	"layup/tarfs"
)

// Options say how a store is read.
type Options struct {
	Namespace string // of containerd; empty for all
	SubID     IDs    // see Layout
	Home      string // the path of a Docker data-root; empty if only the engine knew it
}

// Contents are the images and containers of a store.
type Contents struct {
	Driver     string // keeps the layers: overlay2, overlay, vfs, overlayfs
	Images     []*Image
	Containers []*Container
	Damaged    []*RecordError // records about several images or containers
	// Directories lists every directory of the engine that can hold a layer, and the volumes; nil for Docker.
	Directories func(ctx context.Context) ([]Place, error)
}

// An Image is an image of a store.
type Image struct {
	ID         string   // sha256:HEX of the config
	Tags       []string // sorted
	Digests    []string // NAME@DIGEST, sorted
	Config     []byte   // nil if Err is set
	Manifest   []byte   // as stored; nil if the store keeps none
	Parent     string   // ID of the image on which it was built; empty if unknown
	LastTagged time.Time
	Err        error // why it cannot be read
	// Intermediate is true if the image has no name and another one was built on it.
	Intermediate bool

	ParentOf func(id string) string // the Parent of another image; nil if none is known

	Layers func() ([]Layer, error)                  // oldest first
	Graph  func() (data map[string]string, e error) // what Docker prints as GraphDriver.Data; nil for other engines
}

// The roles of layers.
const (
	RoleImage     = "image"
	RoleInit      = "init"
	RoleContainer = "container"
)

// record adds what is wrong with a record, and returns nil. It returns errors that concern the whole store.
func (c *Contents) record(name string, err error) error {
	if _, privilege := errors.AsType[*PrivilegeError](err); privilege || err == nil {
		return err
	}
	c.Damaged = append(c.Damaged, &RecordError{name, err})
	return nil
}

// lost adds to an error what is wrong with a record that may explain it.
func (c *Contents) lost(name string, err error) error {
	for _, d := range c.Damaged {
		if d.Name == name {
			return fmt.Errorf("%w: %w", err, d)
		}
	}
	return err
}

// A Layer is a layer of an image or of a container.
type Layer struct {
	Role      string
	DiffID    string // empty if unknown
	Directory string // of its files, in the store
	Link      string // the short name under which overlay drivers mount it; empty if there is none
	Size      int64  // bytes of its files, as the engine counted; -1 unknown
	Usage     int64  // of a snapshot: bytes on the disk when it was committed; -1 unknown
	Driver    string // of a snapshot or of a directory alone: what keeps it
	Split     string // its tar-split file; empty if there is none
	// Tar returns its tar; warn receives what cannot be shown as the engine shows it.
	Tar   func(warn func(tarfs.Code, string)) *Tar
	Files Files // contains Directory; set by containerd only
	// Differences compares the directory with the table of the layer's tar-split file or blob; nil if there is none.
	Differences func(ctx context.Context, table *tarfs.Layer) ([]Difference, error)
}

// read makes Tar use the tar-split file if there is one, else the layer's directory. That directory also holds the
// files of the directory below unless below is empty.
func (l *Layer) read(files Files, below string, layout Layout) {
	split, dir := l.Split, l.Directory
	l.Tar = func(warn func(tarfs.Code, string)) *Tar {
		layout := layout
		switch layout.Warn = warn; {
		case split != "":
			return TarSplit(files, split, dir, layout)
		case below != "":
			return Changes(files, below, dir, layout)
		}
		return Overlay(files, dir, layout)
	}
}

// compare sets Differences. The layer's directory must hold nothing but the layer.
func (l *Layer) compare(files Files, layout Layout) {
	dir := l.Directory
	l.Differences = func(ctx context.Context, table *tarfs.Layer) ([]Difference, error) {
		return Differences(ctx, files, dir, table, layout)
	}
}

// stacked appends a layer of Docker or podman to those below it. vfs copies those below into each directory. Docker's
// old driver overlay does so for images, and copies what the init layer changed for a container.
func stacked(list []Layer, l Layer, files Files, driver string, layout Layout) []Layer {
	below := ""
	if len(list) > 0 {
		last := list[len(list)-1].Directory
		init := driver == "overlay" && path.Base(l.Directory) == "upper" && path.Base(last) == "upper"
		if whole(driver, l.Directory) || init {
			below = last
		}
	}
	l.read(files, below, layout)
	switch {
	case l.Split == "":
	case whole(driver, l.Directory):
		l.Differences = func(context.Context, *tarfs.Layer) ([]Difference, error) { return metadataUnknown, nil }
	default:
		l.compare(files, layout)
	}
	return append(list, l)
}

// layersHome returns where a driver of Docker or podman has a directory for each layer.
func layersHome(driver string) string {
	switch driver {
	case "vfs":
		return "vfs/dir"
	case "aufs":
		return "aufs/diff"
	}
	return driver
}

// diff returns the directory in which a driver keeps what a layer changed. Docker's old driver overlay keeps a whole
// tree in root, or what a container changed in upper. Source: moby 1.10 to 23.0, daemon/graphdriver.
func diff(files Files, driver, id string) string {
	dir := path.Join(layersHome(driver), id)
	if layersHome(driver) != driver {
		return dir
	}
	if changed := path.Join(dir, "diff"); driver != "overlay" || isDir(files, changed) {
		return changed
	}
	for _, name := range []string{"root", "upper"} {
		if isDir(files, path.Join(dir, name)) {
			return path.Join(dir, name)
		}
	}
	return path.Join(dir, "diff")
}

// whole reports whether a layer's directory also holds the layers below.
func whole(driver, dir string) bool {
	return driver == "vfs" || driver == "overlay" && path.Base(dir) == "root"
}

// link returns the short name under which an overlay driver mounts a layer; empty if it has none.
func link(files Files, driver, id string) string {
	if layersHome(driver) != driver {
		return ""
	}
	return word(files, path.Join(driver, id, "link"))
}

// mostLayers bounds a chain of parents; an engine takes 127.
const mostLayers = 10000

// chain returns the IDs of a layer and of those below it, the lowest first; none if top is empty.
func chain(top string, parent func(id string) (string, error)) ([]string, error) {
	var list []string
	for at := top; at != ""; {
		if list = append(list, at); len(list) > mostLayers {
			return nil, fmt.Errorf("more than %d layers below %s", mostLayers, show.Path(top))
		}
		var err error
		if at, err = parent(at); err != nil {
			return nil, err
		}
	}
	slices.Reverse(list)
	return list, nil
}

// A Container is a container, running or not.
type Container struct {
	ID, Name string
	ImageID  string // sha256:HEX; empty if unknown
	Image    string // as the user named it
	State    string // last written: running, paused, restarting, exited, created or dead; empty if unknown
	Created  string // RFC 3339
	Driver   string // keeps its layers, as Docker says; empty for other engines
	Manifest string // digest of its image's manifest, if Docker keeps images in containerd's store
	Config   []byte // the engine's document about it; nil if there is none
	Host     []byte // a second document; nil if there is none
	// Volumes are the paths of the volumes that the store holds and the container mounts, by their names. The paths are
	// those of the engine's host.
	Volumes map[string]string
	Err     error  // why it cannot be read; only its ID is known then
	home    string // the path of Docker's data-root, as it says; empty if it does not

	Layers func() ([]Layer, error)           // those of the image, then its own; nil if containerd keeps them
	Graph  func() (map[string]string, error) // see Image
}

// byName orders containers.
func byName(a, b *Container) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) }
