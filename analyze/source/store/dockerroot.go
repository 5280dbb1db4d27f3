package store

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"layup/tarfs"
)

// The limits of a store's own documents, in bytes.
const (
	maxDocument = 8 << 20
	maxWord     = 4 << 10 // of a file that holds one digest or number
)

// A DockerRoot is Docker's data-root (/var/lib/docker) whose images an overlay driver keeps. Source: moby, image/fs.go, layer/filestore.go.
type DockerRoot struct {
	Driver     string // overlay2, fuse-overlayfs or vfs
	Images     []DockerImage
	Containers []DockerContainer

	files  Files
	layers map[string]*DockerLayer // by chainID, those that were asked for
}

// A DockerImage is an image as imagedb has it.
type DockerImage struct {
	ID         string   // sha256:HEX of the config
	Tags       []string // sorted
	Digests    []string // NAME@DIGEST, sorted
	Config     []byte
	Parent     string    // the image that it was built on here; empty if unknown
	LastTagged time.Time // zero if unknown
}

// A DockerContainer is a container that was not removed.
type DockerContainer struct {
	ID      string
	Name    string // without the leading slash
	ImageID string
	Image   string // as it was asked for
	State   string // running, paused, exited, created, dead; as it was written last
	Created string // RFC 3339
	Config  []byte // config.v2.json
	Host    []byte // hostconfig.json; nil where there is none
	MountID string // the directory of the read-write layer
	InitID  string // that of the init layer; empty where there is none
	Chain   string // chainID of the image's top layer; empty for an image without layers
}

// A DockerLayer is a layer as layerdb has it.
type DockerLayer struct {
	ChainID, DiffID, Parent string
	CacheID                 string // the directory
	Size                    int64  // bytes of its files, as the engine counted; -1 unknown
	Split                   string // its tar-split file; empty where there is none
}

// drivers are those whose directories can be read.
var drivers = []string{"overlay2", "fuse-overlayfs", "vfs"}

// ErrNoDockerRoot says that a directory is no data-root of Docker.
var ErrNoDockerRoot = errors.New("is no Docker data-root: it has no image/DRIVER/repositories.json")

// ErrContainerdStore says that the engine keeps its images in containerd's store.
var ErrContainerdStore = errors.New("this engine keeps its images in containerd's store")

// OpenDockerRoot reads what images and containers there are.
func OpenDockerRoot(ctx context.Context, files Files) (*DockerRoot, error) {
	d := &DockerRoot{files: files, layers: map[string]*DockerLayer{}}
	if err := d.findDriver(); err != nil {
		return nil, err
	}
	if err := d.readImages(ctx); err != nil {
		return nil, err
	}
	return d, d.readContainers(ctx)
}

// findDriver takes the storage driver that has images; an engine that changed its driver leaves the old one's.
func (d *DockerRoot) findDriver() error {
	found, err := d.files.List("image")
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNoDockerRoot
	}
	if err != nil {
		return err
	}
	var known []string
	for _, name := range drivers {
		if slices.Contains(found, name) {
			known = append(known, name)
		}
	}
	for _, name := range known {
		if list, _ := d.files.List("image/" + name + "/imagedb/content/sha256"); len(list) > 0 {
			d.Driver = name
			return nil
		}
	}
	switch {
	case len(known) > 0:
		d.Driver = known[0]
		return nil
	case len(found) > 0:
		return fmt.Errorf("the storage driver %s is not supported, only %s", shown(found[0]), strings.Join(drivers, ", "))
	}
	return ErrNoDockerRoot
}

func (d *DockerRoot) image(name string) string { return path.Join("image", d.Driver, name) }

var hexDigest = regexp.MustCompile(`^[0-9a-f]{64}$`)

func (d *DockerRoot) readImages(ctx context.Context) error {
	names, err := d.readNames()
	if err != nil {
		return err
	}
	dir := d.image("imagedb/content/sha256")
	list, err := d.files.List(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, hexID := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !hexDigest.MatchString(hexID) {
			continue // a file that is being written has another name
		}
		config, err := d.files.ReadFile(path.Join(dir, hexID), maxDocument)
		if err != nil {
			return err
		}
		if sum := sha256.Sum256(config); hex.EncodeToString(sum[:]) != hexID {
			return fmt.Errorf("%s: content does not match its digest: got sha256:%x", shown(path.Join(dir, hexID)), sum)
		}
		img := DockerImage{ID: "sha256:" + hexID, Config: config}
		img.Parent = d.word(path.Join(d.image("imagedb/metadata/sha256"), hexID, "parent"))
		img.LastTagged, _ = time.Parse(time.RFC3339Nano, d.word(path.Join(d.image("imagedb/metadata/sha256"), hexID, "lastUpdated")))
		for _, name := range names[img.ID] {
			if strings.Contains(name, "@") {
				img.Digests = append(img.Digests, name)
			} else {
				img.Tags = append(img.Tags, name)
			}
		}
		d.Images = append(d.Images, img)
		delete(names, img.ID)
	}
	for id, refs := range names {
		return fmt.Errorf("%s: names the image %s (%s), which is not in imagedb", shown(d.image("repositories.json")), shown(id), shown(refs[0]))
	}
	return nil
}

// readNames returns the references by image ID, sorted.
func (d *DockerRoot) readNames() (map[string][]string, error) {
	name := d.image("repositories.json")
	doc, err := d.files.ReadFile(name, maxDocument)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list struct{ Repositories map[string]map[string]string }
	if err := json.Unmarshal(doc, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", shown(name), jsonCause(err))
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
		return fmt.Errorf("damaged JSON: %s stands where it does not belong, in field %s", e.Value, shown(e.Field))
	}
	return fmt.Errorf("damaged JSON: %w", err)
}

// word returns the text of a small file, empty where it cannot be read: such files only add to what is known.
func (d *DockerRoot) word(name string) string {
	text, err := d.files.ReadFile(name, maxWord)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// needed returns the text of a small file that must be there.
func (d *DockerRoot) needed(name string) (string, error) {
	text, err := d.files.ReadFile(name, maxWord)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(text)), nil
}

// chainID is that of a layer on top of others. Source: OCI image specification, config.md, Layer ChainID.
func chainID(parent, diffID string) string {
	if parent == "" {
		return diffID
	}
	sum := sha256.Sum256([]byte(parent + " " + diffID))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// ChainIDs returns the chainIDs of a stack of layers, oldest first.
func ChainIDs(diffIDs []string) []string {
	list := make([]string, len(diffIDs))
	parent := ""
	for i, id := range diffIDs {
		parent = chainID(parent, id)
		list[i] = parent
	}
	return list
}

// directoryName matches what engines call the directory of a layer; anything else could lead elsewhere.
var directoryName = regexp.MustCompile(`^[0-9a-zA-Z][0-9a-zA-Z_.-]{0,255}$`)

// Layer returns a layer by its chainID, checked against its diffID and parent.
func (d *DockerRoot) Layer(chain string) (*DockerLayer, error) {
	if l := d.layers[chain]; l != nil {
		return l, nil
	}
	hexID, ok := strings.CutPrefix(chain, "sha256:")
	if !ok || !hexDigest.MatchString(hexID) {
		return nil, fmt.Errorf("bad chainID %s", shown(chain))
	}
	dir := path.Join(d.image("layerdb/sha256"), hexID)
	l := &DockerLayer{ChainID: chain, Size: -1, Parent: d.word(path.Join(dir, "parent"))}
	var err error
	if l.DiffID, err = d.needed(path.Join(dir, "diff")); err != nil {
		return nil, err
	}
	if l.CacheID, err = d.needed(path.Join(dir, "cache-id")); err != nil {
		return nil, err
	}
	if !directoryName.MatchString(l.CacheID) {
		return nil, fmt.Errorf("%s: bad name of a directory: %s", shown(path.Join(dir, "cache-id")), shown(l.CacheID))
	}
	if got := chainID(l.Parent, l.DiffID); got != chain {
		return nil, fmt.Errorf("%s: its diffID and parent make another chainID: %s", shown(dir), got)
	}
	if n, err := strconv.ParseInt(d.word(path.Join(dir, "size")), 10, 64); err == nil {
		l.Size = n
	}
	split := path.Join(dir, "tar-split.json.gz")
	if _, err := d.files.Stat(split); err == nil {
		l.Split = split
	}
	d.layers[chain] = l
	return l, nil
}

func (d *DockerRoot) readContainers(ctx context.Context) error {
	list, err := d.files.List("containers")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, id := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !hexDigest.MatchString(id) {
			continue
		}
		c, err := d.container(id)
		if err != nil {
			return fmt.Errorf("container %s: %w", id[:12], err)
		}
		d.Containers = append(d.Containers, c)
	}
	slices.SortFunc(d.Containers, func(a, b DockerContainer) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return nil
}

// container reads what is known of one container.
func (d *DockerRoot) container(id string) (DockerContainer, error) {
	c := DockerContainer{ID: id}
	dir := path.Join("containers", id)
	var err error
	if c.Config, err = d.files.ReadFile(path.Join(dir, "config.v2.json"), maxDocument); err != nil {
		return c, err
	}
	var said struct {
		ID, Name, Image, Created, Driver string
		Config                           struct{ Image string }
		State                            struct {
			Running, Paused, Restarting, Dead, RemovalInProgress bool
			StartedAt                                            string
		}
	}
	if err := json.Unmarshal(c.Config, &said); err != nil {
		return c, fmt.Errorf("%s: %w", shown(path.Join(dir, "config.v2.json")), jsonCause(err))
	}
	if said.ID != "" && said.ID != id {
		return c, fmt.Errorf("%s: is of another container: %s", shown(path.Join(dir, "config.v2.json")), shown(said.ID))
	}
	c.Name, c.ImageID, c.Image, c.Created = strings.TrimPrefix(said.Name, "/"), said.Image, said.Config.Image, said.Created
	switch s := said.State; {
	case s.Dead:
		c.State = "dead"
	case s.Paused:
		c.State = "paused"
	case s.Restarting:
		c.State = "restarting"
	case s.Running:
		c.State = "running"
	case strings.HasPrefix(s.StartedAt, "0001-") || s.StartedAt == "":
		c.State = "created"
	default:
		c.State = "exited"
	}
	c.Host, err = d.files.ReadFile(path.Join(dir, "hostconfig.json"), maxDocument)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return c, err
	}
	return c, d.mounted(&c)
}

// mounted reads which directories the container's layers are.
func (d *DockerRoot) mounted(c *DockerContainer) error {
	dir := path.Join(d.image("layerdb/mounts"), c.ID)
	var err error
	if c.MountID, err = d.needed(path.Join(dir, "mount-id")); err != nil {
		return err
	}
	c.InitID, c.Chain = d.word(path.Join(dir, "init-id")), d.word(path.Join(dir, "parent"))
	for _, id := range []string{c.MountID, c.InitID} {
		if id != "" && !directoryName.MatchString(id) {
			return fmt.Errorf("%s: bad name of a directory: %s", shown(dir), shown(id))
		}
	}
	return nil
}

// Diff returns the directory in which the driver keeps what a layer changed.
func (d *DockerRoot) Diff(cacheID string) string {
	if d.Driver == "vfs" {
		return path.Join("vfs/dir", cacheID)
	}
	return path.Join(d.Driver, cacheID, "diff")
}

// Link returns the short name under which overlay2 mounts a layer; empty where it has none.
func (d *DockerRoot) Link(cacheID string) string {
	if d.Driver == "vfs" {
		return ""
	}
	return d.word(path.Join(d.Driver, cacheID, "link"))
}

// Lower returns what the driver mounts below a layer: short names, the nearest first; nil at the bottom.
func (d *DockerRoot) Lower(cacheID string) []string {
	text := d.word(path.Join(d.Driver, cacheID, "lower"))
	if text == "" {
		return nil
	}
	return strings.Split(text, ":")
}

// Tar returns the tar of an image's layer: from tar-split where there is one, else from the directory.
func (d *DockerRoot) Tar(l *DockerLayer, warn func(tarfs.Code, string)) *Tar {
	if l.Split != "" {
		return TarSplit(d.files, l.Split, d.Diff(l.CacheID))
	}
	return d.Directory(l.CacheID, warn)
}

// Directory returns the tar of what lies in a layer's directory.
func (d *DockerRoot) Directory(cacheID string, warn func(tarfs.Code, string)) *Tar {
	return Overlay(d.files, d.Diff(cacheID), Layout{Names: d.Driver == "fuse-overlayfs", Warn: warn})
}

// Chain returns the chainIDs from the bottom up to one; none for the empty one.
func (d *DockerRoot) Chain(top string, most int) ([]string, error) {
	var list []string
	for at := top; at != ""; {
		if list = append(list, at); most > 0 && len(list) > most {
			return nil, fmt.Errorf("more than %d layers below %s", most, top)
		}
		l, err := d.Layer(at)
		if err != nil {
			return nil, err
		}
		at = l.Parent
	}
	slices.Reverse(list)
	return list, nil
}

// Parents returns the images that an image was built on here, the nearest first.
func (d *DockerRoot) Parents(id string) []string {
	var list []string
	for len(list) < len(d.Images) {
		at := slices.IndexFunc(d.Images, func(i DockerImage) bool { return i.ID == id })
		if at < 0 || d.Images[at].Parent == "" {
			break
		}
		id = d.Images[at].Parent
		list = append(list, id)
	}
	return list
}

// GraphData returns what Docker prints of the directories of a stack of layers: as its own data-root names them, wherever the store
// is now. Source: moby, daemon/graphdriver/overlay2, GetMetadata.
func (d *DockerRoot) GraphData(chain []string) (map[string]string, error) {
	if d.Driver == "vfs" || len(chain) == 0 {
		return nil, nil
	}
	const root = "/var/lib/docker"
	var lower []string
	top := ""
	for _, id := range chain {
		l, err := d.Layer(id)
		if err != nil {
			return nil, err
		}
		if top != "" {
			lower = append(lower, path.Join(root, d.Driver, top, "diff"))
		}
		top = l.CacheID
	}
	dir := path.Join(root, d.Driver, top)
	data := map[string]string{"MergedDir": dir + "/merged", "UpperDir": dir + "/diff", "WorkDir": dir + "/work"}
	if len(lower) > 0 {
		slices.Reverse(lower)
		data["LowerDir"] = strings.Join(lower, ":")
	}
	return data, nil
}
