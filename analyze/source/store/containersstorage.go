package store

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/show"
)

// ErrNoContainersStorage says that a directory is not a store of podman, CRI-O or buildah.
var ErrNoContainersStorage = errors.New("is not a store of podman, CRI-O or buildah: " +
	"it has no DRIVER-images/images.json")

// A podmanStore is the store of podman, CRI-O and buildah. Source: containers/storage, store.go, layers.go, images.go,
// containers.go.
type podmanStore struct {
	*Contents
	driver string
	files  Files
	subID  IDs
	fuse   bool // fuse-overlayfs writes the layers
	free   bool // a rootless engine writes them
	layers map[string]*podmanLayer
	boxes  map[string]string // by layer, the ID of the container that writes it
	spare  Spare
}

// podmanDrivers are the storage drivers with directories that can be read.
var podmanDrivers = []string{"overlay", "vfs"}

// A podmanLayer is what layers.json says of a layer.
type podmanLayer struct {
	ID       string `json:"id"`
	Parent   string `json:"parent"`
	DiffID   string `json:"diff-digest"`
	DiffSize int64  `json:"diff-size"`
	// Users and Groups are set if the files were given to the users and groups of one user namespace.
	Users  []IDRange `json:"uidmap"`
	Groups []IDRange `json:"gidmap"`
}

type podmanImage struct {
	ID     string   `json:"id"`
	Digest string   `json:"digest"`
	Names  []string `json:"names"`
	Layer  string   `json:"layer"`
}

type podmanContainer struct {
	ID       string   `json:"id"`
	Names    []string `json:"names"`
	Image    string   `json:"image"`
	Layer    string   `json:"layer"`
	Created  string   `json:"created"`
	Metadata string   `json:"metadata"`
}

// OpenContainersStorage lists the images and containers in a store of podman, CRI-O or buildah. If a list is damaged,
// the directories say what there was.
func OpenContainersStorage(ctx context.Context, files Files, opt Options) (*Contents, error) {
	s := &podmanStore{files: files, subID: opt.SubID, layers: map[string]*podmanLayer{}, boxes: map[string]string{}}
	if !s.findDriver() {
		return nil, ErrNoContainersStorage
	}
	s.Contents = &Contents{Driver: s.driver, Directories: s.directories}
	s.free = rootless(files, s.driver, s.subID)
	for _, read := range []func(context.Context) error{s.readLayers, s.images, s.containers} {
		if err := read(ctx); err != nil {
			return nil, err
		}
	}
	return s.Contents, nil
}

// findDriver takes the driver that has images, or at least layers or containers.
func (s *podmanStore) findDriver() bool {
	for _, mark := range []string{"images", "layers", "containers"} {
		for _, name := range podmanDrivers {
			if _, err := s.files.Stat(path.Join(name+"-"+mark, mark+".json")); err == nil {
				s.driver = name
				s.fuse = word(s.files, path.Join(name, ".has-mount-program")) == "true"
				return true
			}
		}
	}
	return false
}

// maxList bounds a list of all layers or images of a store.
const maxList = 64 << 20

// readList reads the lists of a kind: the stable one, then the volatile one, which need not exist. It is damaged if it
// is not there although there are directories of such things.
func readList[T any](s *podmanStore, kind string, each func(T) error) error {
	dir := s.driver + "-" + kind
	for _, prefix := range []string{"", "volatile-"} {
		var list []T
		name := path.Join(dir, prefix+kind+".json")
		err := readJSON(s.files, name, maxList, &list)
		if errors.Is(err, fs.ErrNotExist) && (prefix != "" || len(s.kept(kind)) == 0) {
			continue
		}
		for _, item := range list { // after a bad one, the others can be read
			if wrong := each(item); wrong != nil && err == nil {
				err = fmt.Errorf("%s: %w", show.Path(name), wrong)
			}
		}
		if err := s.record(name, err); err != nil {
			return err
		}
	}
	return nil
}

// kept returns the IDs of a kind that have a directory, or a tar-split file.
func (s *podmanStore) kept(kind string) []string {
	names, _ := s.files.List(s.driver + "-" + kind)
	var list []string
	for _, name := range names {
		if id := strings.TrimSuffix(name, tarSplitEnd); digest.IsHex(id) {
			list = append(list, id)
		}
	}
	return list
}

const tarSplitEnd = ".tar-split.gz"

func (s *podmanStore) readLayers(context.Context) error {
	return readList(s, "layers", func(l *podmanLayer) error {
		if l == nil || !isDirectoryName(l.ID) {
			return errors.New("a layer without a usable ID")
		}
		s.layers[l.ID] = l
		return nil
	})
}

func (s *podmanStore) images(ctx context.Context) error {
	listed := map[string]bool{}
	err := readList(s, "images", func(p *podmanImage) error {
		if p == nil || !isDirectoryName(p.ID) {
			return errors.New("an image without a usable ID")
		}
		listed[p.ID] = true
		s.Images = append(s.Images, s.image(p))
		return nil
	})
	for _, id := range s.kept("images") {
		if !listed[id] && s.isDamaged("images") {
			s.Images = append(s.Images, s.image(&podmanImage{ID: id}))
		}
	}
	return errors.Join(err, ctx.Err())
}

// isDamaged reports whether a list of a kind is damaged.
func (s *podmanStore) isDamaged(kind string) bool {
	return slices.ContainsFunc(s.Damaged, func(d *RecordError) bool { return path.Dir(d.Name) == s.driver+"-"+kind })
}

// image describes one image; its Err says what is wrong with it.
func (s *podmanStore) image(p *podmanImage) *Image {
	img := &Image{ID: digest.FromHex(p.ID), Tags: slices.Clone(p.Names)}
	slices.Sort(img.Tags)
	for _, name := range p.Names {
		if at := strings.LastIndexByte(name, ':'); p.Digest != "" && at > strings.LastIndexByte(name, '/') {
			img.Digests = append(img.Digests, name[:at]+"@"+p.Digest)
		}
	}
	slices.Sort(img.Digests)
	img.Digests = slices.Compact(img.Digests)
	img.Config, img.Err = s.bigData(p.ID, img.ID)
	if img.Err == nil {
		if err := digest.Match(img.Config, img.ID); err != nil {
			img.Err = fmt.Errorf("config: %w", err)
		}
	}
	if manifest, err := s.bigData(p.ID, "manifest"); err == nil {
		img.Manifest = manifest
	}
	img.Layers = func() ([]Layer, error) { return s.stack(cmp.Or(p.Layer, s.topOf(img.Config)), RoleImage) }
	return img
}

// topOf finds the topmost layer of an image by its config; empty if there is none.
func (s *podmanStore) topOf(config []byte) string {
	var said struct {
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
	}
	if json.Unmarshal(config, &said) != nil { // whoever parses the config says what is wrong
		return ""
	}
	for _, id := range slices.Sorted(maps.Keys(s.layers)) {
		ids, err := s.chain(id)
		diffID := func(id, diffID string) bool { return s.layers[id].DiffID == diffID }
		if err == nil && slices.EqualFunc(ids, said.RootFS.DiffIDs, diffID) {
			return id
		}
	}
	return ""
}

// bigData reads a document that the store keeps beside an image. Its name is the key, in base64 unless the key is safe.
func (s *podmanStore) bigData(image, key string) ([]byte, error) {
	dir := path.Join(s.driver+"-images", image)
	doc, err := ReadFile(s.files, path.Join(dir, "="+base64.StdEncoding.EncodeToString([]byte(key))), maxDocument)
	if errors.Is(err, fs.ErrNotExist) && isDirectoryName(key) {
		doc, err = ReadFile(s.files, path.Join(dir, key), maxDocument)
	}
	return doc, err
}

// stack describes a layer and those below it, oldest first. The top has the role, the others are layers of an image.
func (s *podmanStore) stack(top, role string) ([]Layer, error) {
	ids, err := s.chain(top)
	if err != nil {
		return nil, err
	}
	list := make([]Layer, 0, len(ids))
	for _, id := range ids {
		list = s.add(list, s.layers[id])
	}
	if len(list) > 0 {
		list[len(list)-1].Role = role
	}
	return list, nil
}

// chain returns the IDs of a layer and of those below it, the lowest first.
func (s *podmanStore) chain(top string) ([]string, error) {
	return chain(top, func(id string) (string, error) {
		l := s.layers[id]
		if l == nil {
			name := s.driver + "-layers/layers.json"
			return "", s.lost(name, fmt.Errorf("%s: does not list the layer %s", name, show.Path(id)))
		}
		return l.Parent, nil
	})
}

// add describes one more layer.
func (s *podmanStore) add(list []Layer, p *podmanLayer) []Layer {
	l := Layer{Role: RoleImage, DiffID: p.DiffID, Size: -1}
	l.Directory, l.Link = diff(s.files, s.driver, p.ID), link(s.files, s.driver, p.ID)
	if p.DiffID != "" {
		l.Size = p.DiffSize
	}
	split := path.Join(s.driver+"-layers", p.ID+tarSplitEnd)
	if _, err := s.files.Stat(split); !errors.Is(err, fs.ErrNotExist) {
		l.Split = split // reading it says what is wrong with it
	}
	layout := Layout{Names: s.fuse, Rootless: s.free, SubID: s.subID, Ranges: [2][]IDRange{p.Users, p.Groups},
		Spare: &s.spare}
	return stacked(list, l, s.files, s.driver, layout)
}

func (s *podmanStore) containers(ctx context.Context) error {
	listed := map[string]bool{}
	err := readList(s, "containers", func(p *podmanContainer) error {
		if p == nil || p.ID == "" {
			return errors.New("a container without an ID")
		}
		listed[p.ID], s.boxes[p.Layer] = true, p.ID
		s.Containers = append(s.Containers, s.container(p))
		return nil
	})
	for _, id := range s.kept("containers") {
		if name := s.driver + "-containers/containers.json"; !listed[id] && s.isDamaged("containers") {
			err := s.lost(name, fmt.Errorf("container %s", id[:12]))
			s.Containers = append(s.Containers, &Container{ID: id, Name: id, Err: err})
		}
	}
	slices.SortFunc(s.Containers, byName)
	return errors.Join(err, ctx.Err())
}

func (s *podmanStore) container(p *podmanContainer) *Container {
	c := &Container{ID: p.ID, Name: p.ID, Created: p.Created}
	if len(p.Names) > 0 {
		c.Name = p.Names[0]
	}
	if p.Image != "" {
		c.ImageID = digest.FromHex(p.Image)
	}
	var said struct {
		ImageName string `json:"image-name"`
	}
	if json.Unmarshal([]byte(p.Metadata), &said) == nil { // podman writes JSON, other engines write anything
		c.Image = said.ImageName
	}
	c.Volumes = s.mounted(p.ID)
	c.Layers = func() ([]Layer, error) { return s.stack(p.Layer, RoleContainer) }
	return c
}

// mounted returns the volumes of a container that was started: podman then writes the mounts for its runtime.
func (s *podmanStore) mounted(id string) map[string]string {
	var said struct{ Mounts []struct{ Source string } }
	name := path.Join(s.driver+"-containers", path.Base(id), "userdata/config.json")
	if readJSON(s.files, name, maxDocument, &said) != nil { // nothing but this depends on it
		return nil
	}
	list := map[string]string{}
	for _, m := range said.Mounts {
		if name := path.Base(path.Dir(m.Source)); strings.HasSuffix(m.Source, "/"+volume(name)) &&
			isDir(s.files, volume(name)) {
			list[name] = m.Source
		}
	}
	return list
}
