package store

import (
	"context"
	"encoding/base64"
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

// ErrNoContainersStorage says that a directory is not a store of podman, CRI-O or buildah.
var ErrNoContainersStorage = errors.New("is not a store of podman, CRI-O or buildah: " +
	"it has no DRIVER-images/images.json")

// A podmanStore is the store of podman, CRI-O and buildah. Source: containers/storage, store.go, layers.go, images.go,
// containers.go.
type podmanStore struct {
	driver string
	files  Files
	subID  uint32
	fuse   bool // fuse-overlayfs writes the layers
	free   bool // a rootless engine writes them
	layers map[string]*podmanLayer
}

// A podmanLayer is what layers.json says of a layer.
type podmanLayer struct {
	ID       string `json:"id"`
	Parent   string `json:"parent"`
	DiffID   string `json:"diff-digest"`
	DiffSize int64  `json:"diff-size"`
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

// OpenContainersStorage lists the images and containers in a store of podman, CRI-O or buildah.
func OpenContainersStorage(ctx context.Context, files Files, opt Options) (*Contents, error) {
	s := &podmanStore{files: files, subID: opt.SubID, layers: map[string]*podmanLayer{}}
	if err := s.findDriver(); err != nil {
		return nil, err
	}
	for _, name := range []string{"layers.json", "volatile-layers.json"} {
		if err := s.readLayers(path.Join(s.driver+"-layers", name)); err != nil {
			return nil, err
		}
	}
	s.free = rootless(files, s.driver)
	out := &Contents{Driver: s.driver}
	var err error
	if out.Images, err = s.images(ctx); err != nil {
		return nil, err
	}
	out.Containers, err = s.containers(ctx)
	return out, err
}

// findDriver takes the driver that has images.
func (s *podmanStore) findDriver() error {
	for _, name := range []string{"overlay", "vfs"} {
		_, err := s.files.Stat(name + "-images/images.json")
		if err == nil {
			s.driver = name
			s.fuse = word(s.files, path.Join(name, ".has-mount-program")) == "true"
			return nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return ErrNoContainersStorage
}

// maxList bounds a list of all layers or images of a store.
const maxList = 64 << 20

func (s *podmanStore) readLayers(name string) error {
	var list []*podmanLayer
	if err := readJSON(s.files, name, maxList, &list); err != nil {
		return err
	}
	for _, l := range list {
		if l == nil || !directoryName.MatchString(l.ID) {
			return fmt.Errorf("%s: a layer without a usable ID", show.Path(name))
		}
		s.layers[l.ID] = l
	}
	return nil
}

func (s *podmanStore) images(ctx context.Context) ([]*Image, error) {
	var found []*podmanImage
	name := s.driver + "-images/images.json"
	if err := readJSON(s.files, name, maxList, &found); err != nil {
		return nil, err
	}
	var list []*Image
	for _, p := range found {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if p == nil || !directoryName.MatchString(p.ID) {
			return nil, fmt.Errorf("%s: an image without a usable ID", show.Path(name))
		}
		list = append(list, s.image(p))
	}
	return list, nil
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
	img.Layers = func() ([]Layer, error) { return s.stack(p.Layer, RoleImage) }
	return img
}

// bigData reads a document that the store keeps beside an image. Its name is the key, in base64 unless the key is safe.
func (s *podmanStore) bigData(image, key string) ([]byte, error) {
	dir := path.Join(s.driver+"-images", image)
	doc, err := ReadFile(s.files, path.Join(dir, "="+base64.StdEncoding.EncodeToString([]byte(key))), maxDocument)
	if errors.Is(err, fs.ErrNotExist) && directoryName.MatchString(key) {
		doc, err = ReadFile(s.files, path.Join(dir, key), maxDocument)
	}
	return doc, err
}

// stack describes a layer and those below it, oldest first. The top has the role, the others are layers of an image.
func (s *podmanStore) stack(top, role string) ([]Layer, error) {
	ids, err := chain(top, func(id string) (string, error) {
		l := s.layers[id]
		if l == nil {
			return "", fmt.Errorf("%s-layers/layers.json: does not list the layer %s", s.driver, show.Path(id))
		}
		return l.Parent, nil
	})
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

// add describes one more layer.
func (s *podmanStore) add(list []Layer, p *podmanLayer) []Layer {
	l := Layer{Role: RoleImage, DiffID: p.DiffID, Size: -1}
	l.Directory, l.Link = diff(s.driver, p.ID), link(s.files, s.driver, p.ID)
	if p.DiffID != "" {
		l.Size = p.DiffSize
	}
	split := path.Join(s.driver+"-layers", p.ID+".tar-split.gz")
	if _, err := s.files.Stat(split); !errors.Is(err, fs.ErrNotExist) {
		l.Split = split // reading it says what is wrong with it
	}
	layout := Layout{Names: s.fuse, Rootless: s.free, SubID: s.subID}
	return stacked(list, l, s.files, s.driver, layout)
}

func (s *podmanStore) containers(ctx context.Context) ([]*Container, error) {
	var found []*podmanContainer
	for _, file := range []string{"containers.json", "volatile-containers.json"} {
		var some []*podmanContainer
		if err := readJSON(s.files, path.Join(s.driver+"-containers", file), maxList, &some); err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	var list []*Container
	for _, p := range found {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if p == nil || p.ID == "" {
			return nil, fmt.Errorf("%s-containers/containers.json: a container without an ID", s.driver)
		}
		list = append(list, s.container(p))
	}
	slices.SortFunc(list, byName)
	return list, nil
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
	c.Layers = func() ([]Layer, error) { return s.stack(p.Layer, RoleContainer) }
	return c
}
