package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"layup/analyze/digest"
	"layup/analyze/show"
)

// The limits of a store's own documents, in bytes.
const (
	maxDocument = 8 << 20
	maxWord     = 4 << 10 // of a file that holds one digest or number
)

// A dockerRoot is Docker's data-root (/var/lib/docker). Source: moby, image/fs.go, layer/filestore.go.
type dockerRoot struct {
	driver string // one of drivers
	files  Files
	subID  IDs
	free   bool                    // a rootless engine wrote it
	home   string                  // its path on the engine's host
	layers map[string]*dockerLayer // by chainID, those read so far
}

// A dockerLayer is what layerdb says about a layer.
type dockerLayer struct {
	DiffID, Parent string
	CacheID        string // the directory
	Size           int64  // bytes of its files, as the engine counted; -1 unknown
	Split          string // its tar-split file; empty if there is none
}

// drivers are the storage drivers with directories that can be read.
var drivers = []string{"overlay2", "fuse-overlayfs", "vfs", "overlay", "aufs"}

// ErrNoDockerRoot says that a directory is not a data-root of Docker.
var ErrNoDockerRoot = errors.New("is not a Docker data-root: it has no image/DRIVER/repositories.json")

// errOldDockerRoot says that a data-root is too old. Source: moby 1.9, graph/graph.go.
var errOldDockerRoot = errors.New("is the data-root of a Docker engine before 1.10 (graph/): " +
	"its images are not read; Docker 1.10 converts a copy of it when it starts")

// OpenDockerRoot lists the images and containers in a Docker data-root.
func OpenDockerRoot(ctx context.Context, files Files, opt Options) (*Contents, error) {
	d := &dockerRoot{files: files, subID: opt.SubID, home: "/var/lib/docker", layers: map[string]*dockerLayer{}}
	if err := d.findDriver(); err != nil {
		return nil, err
	}
	d.free = rootless(files, d.driver, opt.SubID)
	out := &Contents{Driver: d.driver, Directories: d.directories}
	var err error
	if out.Containers, err = d.containers(ctx); err != nil {
		return nil, err
	}
	if err := d.images(ctx, out); err != nil {
		return nil, err
	}
	completeParents(out.Images)
	return out, nil
}

// DockerContainers lists Docker's containers, wherever it keeps their layers.
func DockerContainers(ctx context.Context, files Files) ([]*Container, error) {
	return (&dockerRoot{files: files}).containers(ctx)
}

// findDriver takes the storage driver that has images: an engine that changed its driver leaves files of the old one.
func (d *dockerRoot) findDriver() error {
	found, err := d.files.List("image")
	if errors.Is(err, fs.ErrNotExist) {
		if isDir(d.files, "graph") && isDir(d.files, "containers") {
			return errOldDockerRoot
		}
		return ErrNoDockerRoot
	}
	if err != nil {
		return err
	}
	known := slices.DeleteFunc(slices.Clone(drivers), func(name string) bool { return !slices.Contains(found, name) })
	used := slices.IndexFunc(known, func(name string) bool {
		list, _ := d.files.List(path.Join("image", name, configs))
		return len(list) > 0
	})
	switch {
	case len(known) > 0:
		d.driver = known[max(used, 0)]
		return nil
	case len(found) > 0:
		return fmt.Errorf("the storage driver %s is not supported, only %s", show.Path(found[0]), strings.Join(drivers, ", "))
	}
	return ErrNoDockerRoot
}

func (d *dockerRoot) image(name string) string { return path.Join("image", d.driver, name) }

// images adds the images. Without their names they are known by their IDs.
func (d *dockerRoot) images(ctx context.Context, out *Contents) error {
	found, err := d.files.List(d.image(configs))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	names, err := d.readNames()
	if err != nil && (len(found) > 0 || !errors.Is(err, fs.ErrNotExist)) {
		if err := out.record(d.image(repositories), err); err != nil {
			return err
		}
	}
	for _, id := range found {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !digest.IsHex(id) {
			continue // a file that is being written has another name
		}
		img := d.readImage(id)
		for _, name := range names[img.ID] {
			if strings.Contains(name, "@") {
				img.Digests = append(img.Digests, name)
			} else {
				img.Tags = append(img.Tags, name)
			}
		}
		out.Images = append(out.Images, img)
		delete(names, img.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(names)) {
		err := fmt.Errorf("%s: names the image %s, which is not in imagedb", show.Path(d.image(repositories)), show.Path(id))
		out.Images = append(out.Images, &Image{ID: id, Tags: names[id], Err: err})
	}
	return nil
}

// The names and the configs of images.
const (
	repositories = "repositories.json"
	configs      = "imagedb/content/sha256"
)

// readImage reads one image; its Err says what is wrong with it.
func (d *dockerRoot) readImage(id string) *Image {
	img := &Image{ID: digest.FromHex(id)}
	name := path.Join(d.image(configs), id)
	config, err := ReadFile(d.files, name, maxDocument)
	if err == nil {
		if err = digest.Match(config, img.ID); err != nil {
			err = fmt.Errorf("%s: %w", show.Path(name), err)
		}
	}
	if err != nil {
		img.Err = err
		return img
	}
	img.Config = config
	metadata := path.Join(d.image("imagedb/metadata/sha256"), id)
	if parent := word(d.files, path.Join(metadata, "parent")); parent != "" {
		img.Parents = []string{parent}
	}
	img.LastTagged, _ = time.Parse(time.RFC3339Nano, word(d.files, path.Join(metadata, "lastUpdated")))
	img.Layers = func() ([]Layer, error) {
		var said struct {
			RootFS struct {
				DiffIDs []string `json:"diff_ids"`
			} `json:"rootfs"`
		}
		if err := json.Unmarshal(config, &said); err != nil {
			return nil, fmt.Errorf("config: %w", jsonCause(err))
		}
		return d.stack(digest.Chain(said.RootFS.DiffIDs))
	}
	img.Graph = func() (map[string]string, error) { return d.mounts(img.Layers()) }
	return img
}

// completeParents adds the parents of parents, and marks the intermediate images.
func completeParents(list []*Image) {
	direct, parents := map[string]string{}, map[string]bool{}
	for _, img := range list {
		if len(img.Parents) > 0 {
			direct[img.ID] = img.Parents[0]
			parents[img.Parents[0]] = true
		}
	}
	for _, img := range list {
		img.Intermediate = len(img.Tags) == 0 && len(img.Digests) == 0 && parents[img.ID]
		img.Parents = nil
		for id := direct[img.ID]; id != "" && len(img.Parents) < len(list); id = direct[id] {
			img.Parents = append(img.Parents, id)
		}
	}
}

// stack describes layers from the bottom up.
func (d *dockerRoot) stack(chain []string) ([]Layer, error) {
	list := make([]Layer, 0, len(chain))
	for i, id := range chain {
		l, err := d.layer(id)
		if err != nil {
			return nil, fmt.Errorf("layer %d: %w", i, err)
		}
		list = d.add(list, RoleImage, l)
	}
	return list, nil
}

// add describes one more layer, in a directory of the driver.
func (d *dockerRoot) add(list []Layer, role string, from *dockerLayer) []Layer {
	l := Layer{Role: role, DiffID: from.DiffID, Size: from.Size, Split: from.Split}
	l.Directory, l.Link = diff(d.files, d.driver, from.CacheID), link(d.files, d.driver, from.CacheID)
	return stacked(list, l, d.files, d.driver, d.layout(d.driver))
}

// layout says how a driver keeps what its directories cannot say.
func (d *dockerRoot) layout(driver string) Layout {
	return Layout{Names: driver == "fuse-overlayfs" || driver == "aufs", Rootless: d.free, SubID: d.subID}
}

// readNames returns the references by image ID, sorted.
func (d *dockerRoot) readNames() (map[string][]string, error) {
	var list struct{ Repositories map[string]map[string]string }
	if err := readJSON(d.files, d.image(repositories), maxDocument, &list); err != nil {
		return nil, err
	}
	byID := map[string][]string{}
	for _, refs := range list.Repositories {
		for ref, id := range refs {
			byID[id] = append(byID[id], ref)
		}
	}
	for _, refs := range byID {
		slices.Sort(refs)
	}
	return byID, nil
}

// jsonCause leaves Go's type names out of an error.
func jsonCause(err error) error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Errorf("damaged JSON: unexpected %s in the field %s", e.Value, show.Path(e.Field))
	}
	return fmt.Errorf("damaged JSON: %w", err)
}

// optional returns the text of a small file, empty if it does not exist.
func (d *dockerRoot) optional(name string) (string, error) {
	text, err := d.needed(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return text, err
}

// needed returns the text of a small file that must exist.
func (d *dockerRoot) needed(name string) (string, error) {
	text, err := ReadFile(d.files, name, maxWord)
	if err == nil && len(text) == 0 {
		err = fmt.Errorf("%s: is empty", show.Path(name))
	}
	if err != nil {
		return "", err
	}
	word := strings.TrimSpace(string(text))
	if word == "" {
		return "", fmt.Errorf("%s: is empty", show.Path(name))
	}
	return word, nil
}

// directoryName matches the name of a layer's directory; any other name could lead out of the store.
var directoryName = regexp.MustCompile(`^[0-9a-zA-Z][0-9a-zA-Z_.-]{0,255}$`)

// layer returns a layer by its chainID, and checks that against its diffID and parent.
func (d *dockerRoot) layer(chain string) (*dockerLayer, error) {
	if l := d.layers[chain]; l != nil {
		return l, nil
	}
	if !digest.Valid(chain) {
		return nil, fmt.Errorf("bad chainID %s", show.Path(chain))
	}
	dir := path.Join(d.image("layerdb"), digest.Algorithm(chain), digest.Hex(chain))
	l := &dockerLayer{Size: -1}
	var err error
	if l.Parent, err = d.optional(path.Join(dir, "parent")); err != nil {
		return nil, err
	}
	if l.DiffID, err = d.needed(path.Join(dir, "diff")); err != nil {
		return nil, err
	}
	if l.CacheID, err = d.needed(path.Join(dir, "cache-id")); err != nil {
		return nil, err
	}
	if !directoryName.MatchString(l.CacheID) {
		return nil, fmt.Errorf("%s: bad name of a directory: %s", show.Path(path.Join(dir, "cache-id")), show.Path(l.CacheID))
	}
	stack := digest.Chain(slices.DeleteFunc([]string{l.Parent, l.DiffID}, func(id string) bool { return id == "" }))
	if got := stack[len(stack)-1]; got != chain {
		return nil, fmt.Errorf("%s: its diffID and parent make another chainID: %s", show.Path(dir), got)
	}
	if n, err := strconv.ParseInt(word(d.files, path.Join(dir, "size")), 10, 64); err == nil {
		l.Size = n
	}
	split := path.Join(dir, "tar-split.json.gz")
	switch _, err := d.files.Stat(split); {
	case err == nil:
		l.Split = split
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	d.layers[chain] = l
	return l, nil
}

func (d *dockerRoot) containers(ctx context.Context) ([]*Container, error) {
	found, err := d.files.List("containers")
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
		c, err := d.container(id)
		if err != nil { // the other containers can be read
			c = &Container{ID: id, Name: id, Err: fmt.Errorf("container %s: %w", id[:12], err)}
		}
		list = append(list, c)
	}
	slices.SortFunc(list, byName)
	return list, nil
}

// container reads the documents of a container.
func (d *dockerRoot) container(id string) (*Container, error) {
	c := &Container{ID: id}
	name := path.Join("containers", id, "config.v2.json")
	var err error
	if c.Config, err = ReadFile(d.files, name, maxDocument); err != nil {
		return nil, err
	}
	var said struct {
		ID, Name, Image, Created, HostnamePath string
		Config                                 struct{ Image string }
		State                                  dockerState
		MountPoints                            map[string]struct{ Name string }
	}
	if err := json.Unmarshal(c.Config, &said); err != nil {
		return nil, fmt.Errorf("%s: %w", show.Path(name), jsonCause(err))
	}
	if said.ID != "" && said.ID != id {
		return nil, fmt.Errorf("%s: belongs to another container: %s", show.Path(name), show.Path(said.ID))
	}
	if home, ok := strings.CutSuffix(said.HostnamePath, "/containers/"+id+"/hostname"); ok && home != "" {
		d.home = home
	}
	c.Name, c.ImageID, c.Image = strings.TrimPrefix(said.Name, "/"), said.Image, said.Config.Image
	c.Created, c.State = said.Created, said.State.word()
	c.Volumes = map[string]string{}
	for _, m := range said.MountPoints {
		if dir := volume(m.Name); m.Name != "" && isDir(d.files, dir) {
			c.Volumes[m.Name] = path.Join(d.home, dir)
		}
	}
	c.Host, err = ReadFile(d.files, path.Join("containers", id, "hostconfig.json"), maxDocument)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	c.Layers = func() ([]Layer, error) { return d.containerLayers(id) }
	c.Graph = func() (map[string]string, error) { return d.mounts(c.Layers()) }
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

// containerLayers finds the directories of a container's layers.
func (d *dockerRoot) containerLayers(id string) ([]Layer, error) {
	dir := path.Join(d.image("layerdb/mounts"), id)
	mount, err := d.needed(path.Join(dir, "mount-id"))
	if err != nil {
		return nil, err
	}
	initID, err := d.optional(path.Join(dir, "init-id"))
	if err != nil {
		return nil, err
	}
	for _, name := range []string{mount, initID} {
		if name != "" && !directoryName.MatchString(name) {
			return nil, fmt.Errorf("%s: bad name of a directory: %s", show.Path(dir), show.Path(name))
		}
	}
	parent, err := d.optional(path.Join(dir, "parent"))
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

// mounts returns the directories from which a stack of layers is mounted, by the paths that the engine used. It passes
// on the error of listing the layers. Source: moby, daemon/graphdriver/overlay2, GetMetadata.
func (d *dockerRoot) mounts(layers []Layer, err error) (map[string]string, error) {
	if d.driver != "overlay2" && d.driver != "fuse-overlayfs" || len(layers) == 0 {
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
