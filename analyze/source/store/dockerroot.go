package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"layup/analyze/digest"
	"layup/analyze/expression"
	"layup/analyze/show"
)

// The limits of a store's own documents, in bytes.
const (
	maxDocument = 8 << 20
	maxWord     = 4 << 10 // of a file that holds one digest or number
)

// A DockerRoot is what a Docker data-root (/var/lib/docker) holds. Source: moby, image/fs.go, layer/filestore.go.
type DockerRoot struct {
	Drivers []*Contents  // of each storage driver that has images or containers
	Others  []*Container // with layers in no such driver: in a snapshotter of containerd

	all []*dockerDriver
}

// A dockerDriver is what one storage driver keeps in a data-root.
type dockerDriver struct {
	name   string // one of drivers
	files  Files
	subID  IDs
	free   bool                    // a rootless engine wrote it
	home   string                  // the path of the data-root in what Docker prints
	layers map[string]*dockerLayer // by chainID, those read so far
	spare  Spare
}

// A dockerLayer is what layerdb says about a layer.
type dockerLayer struct {
	DiffID, Parent string
	CacheID        string // the directory
	Size           int64  // bytes of its files, as the engine counted; -1 unknown
	Split          string // its tar-split file; empty if there is none
	Directory      string // see Layer, as Link; empty until an image needs it
	Link           string
}

// drivers are the storage drivers with directories that can be read.
var drivers = []string{"overlay2", "fuse-overlayfs", "vfs", "overlay", "aufs"}

// ErrNoDockerRoot says that a directory is not a data-root of Docker.
var ErrNoDockerRoot = errors.New("is not a Docker data-root: it has no image/DRIVER/repositories.json")

// errOldDockerRoot says that a data-root is too old. Source: moby 1.9, graph/graph.go.
var errOldDockerRoot = errors.New("graph: is of a Docker engine before 1.10: its images and containers are not " +
	"listed, only the directories; Docker 1.10 converts a copy of the data-root when it starts")

// OpenDockerRoot lists the images and containers in a Docker data-root. An engine that changes its storage driver
// leaves the images and containers of the old one. With an error, the result is nil unless the directory just holds
// neither images nor containers.
func OpenDockerRoot(ctx context.Context, files Files, opt Options) (*DockerRoot, error) {
	found, err := entries(files, "image")
	if err != nil {
		return nil, err
	}
	old := len(found) == 0 && isDir(files, "graph")
	boxes, err := dockerContainers(ctx, files)
	if err != nil {
		return nil, err
	}
	home := cmp.Or(opt.Home, engineHome(boxes), usualHome)
	out := &DockerRoot{}
	for _, name := range drivers {
		d := &dockerDriver{name: name, files: files, subID: opt.SubID, home: home, layers: map[string]*dockerLayer{},
			free: rootless(files, name, opt.SubID)}
		if out.all = append(out.all, d); !slices.Contains(found, name) {
			continue
		}
		held, rest, err := d.contents(ctx, boxes)
		if err != nil {
			return nil, err
		}
		if boxes = rest; len(held.Images)+len(held.Containers)+len(held.Damaged) > 0 {
			out.Drivers = append(out.Drivers, held)
		}
	}
	if old {
		out.Drivers = []*Contents{{Damaged: []*RecordError{{"graph", errOldDockerRoot}}}}
		return out, nil
	}
	if out.Others = boxes; len(out.Drivers)+len(boxes) > 0 {
		return out, nil
	}
	return out, noDriver(files, found)
}

// noDriver says why a data-root without images and containers is not one, or nil if it is one of an engine that holds
// nothing.
func noDriver(files Files, found []string) error {
	known := func(name string) bool { return slices.Contains(drivers, name) }
	if slices.ContainsFunc(found, known) {
		return nil
	}
	for _, name := range found { // files are of other parts of the engine
		if isDir(files, path.Join("image", name)) {
			return fmt.Errorf("the storage driver %s is not supported, only %s", show.Path(name), strings.Join(drivers, ", "))
		}
	}
	return ErrNoDockerRoot
}

// contents lists the images of a driver, and those of the containers that it keeps. The rest is kept elsewhere.
func (d *dockerDriver) contents(ctx context.Context, boxes []*Container) (*Contents, []*Container, error) {
	out := &Contents{Driver: d.name}
	var rest []*Container
	for _, box := range boxes {
		if d.keeps(box) {
			id := box.ID
			box.Layers = func() ([]Layer, error) { return d.containerLayers(id) }
			box.Graph = func() (map[string]string, error) { return d.mounts(d.containerLayers(id)) }
			out.Containers = append(out.Containers, box)
		} else {
			rest = append(rest, box)
		}
	}
	err := d.images(ctx, out)
	linkParents(out.Images)
	return out, rest, err
}

// keeps reports whether the driver has the layers of a container. The document of a container may be damaged, and a
// snapshotter of containerd may have the driver's name.
func (d *dockerDriver) keeps(box *Container) bool {
	if _, snapshotter := snapshotters[d.name]; box.Driver != d.name || !snapshotter {
		return box.Driver == d.name || box.Driver == ""
	}
	_, err := d.files.Stat(path.Join(d.image(mountsOf), box.ID))
	return err == nil
}

func (d *dockerDriver) image(name string) string { return path.Join("image", d.name, name) }

// images adds the images. Without their names they are known by their IDs.
func (d *dockerDriver) images(ctx context.Context, out *Contents) error {
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

// The names and the configs of images, and the layers of containers.
const (
	repositories = "repositories.json"
	configs      = "imagedb/content/sha256"
	mountsOf     = "layerdb/mounts"
)

// readImage reads one image; its Err says what is wrong with it.
func (d *dockerDriver) readImage(id string) *Image {
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
	img.Parent = word(d.files, path.Join(metadata, "parent"))
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

// linkParents lets each image find the parents of others, and marks the intermediate images.
func linkParents(list []*Image) {
	direct, parents := map[string]string{}, map[string]bool{}
	for _, img := range list {
		direct[img.ID], parents[img.Parent] = img.Parent, true
	}
	for _, img := range list {
		img.Intermediate = len(img.Tags) == 0 && len(img.Digests) == 0 && parents[img.ID]
		img.ParentOf = func(id string) string { return direct[id] }
	}
}

// stack describes layers from the bottom up.
func (d *dockerDriver) stack(chain []string) ([]Layer, error) {
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
func (d *dockerDriver) add(list []Layer, role string, from *dockerLayer) []Layer {
	if from.Directory == "" { // images share layers
		from.Directory, from.Link = diff(d.files, d.name, from.CacheID), link(d.files, d.name, from.CacheID)
	}
	l := Layer{Role: role, DiffID: from.DiffID, Size: from.Size, Split: from.Split, Directory: from.Directory,
		Link: from.Link}
	return stacked(list, l, d.files, d.name, d.layout())
}

// layout says how the driver keeps what its directories cannot say.
func (d *dockerDriver) layout() Layout {
	return Layout{Names: d.name == "fuse-overlayfs" || d.name == "aufs", Rootless: d.free, SubID: d.subID,
		Spare: &d.spare}
}

// readNames returns the references by image ID, sorted.
func (d *dockerDriver) readNames() (map[string][]string, error) {
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
func (d *dockerDriver) optional(name string) (string, error) {
	text, err := d.needed(name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return text, err
}

// needed returns the text of a small file that must exist.
func (d *dockerDriver) needed(name string) (string, error) {
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

// isDirectoryName reports whether a name is that of a layer's directory; any other name could lead out of the store.
func isDirectoryName(s string) bool { return len(s) <= 256 && directoryName().MatchString(s) }

// directoryName does not count: the number would make it large in memory.
var directoryName = expression.Lazy(`^[0-9a-zA-Z][0-9a-zA-Z_.-]*$`)

// layer returns a layer by its chainID, and checks that against its diffID and parent.
func (d *dockerDriver) layer(chain string) (*dockerLayer, error) {
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
	if !isDirectoryName(l.CacheID) {
		return nil, fmt.Errorf("%s: bad name of a directory: %s", show.Path(path.Join(dir, "cache-id")), show.Path(l.CacheID))
	}
	stack := digest.Chain(slices.DeleteFunc([]string{l.Parent, l.DiffID}, func(id string) bool { return id == "" }))
	if got := stack[len(stack)-1]; got != chain {
		return nil, fmt.Errorf("%s: its diffID and parent make another chainID: %s", show.Path(dir), show.Safe(got))
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
