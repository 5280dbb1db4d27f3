package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"

	"layup/analyze/digest"
	"layup/analyze/source/document"
)

// A dockerEntry is one image of a docker save archive's manifest.json.
type dockerEntry struct {
	Config   string
	RepoTags []string
	Layers   []string
	Parent   string // ID of the image it was built on, where that is in the archive, too

	order []int // with an OCI manifest: which of its layers each of Layers is
}

// dockerEntries reads manifest.json.
func (a *Archive) dockerEntries() ([]*dockerEntry, error) {
	doc, err := readMember(a.store, manifestName, document.LimitManifest, a.opt.Limits.Manifest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", manifestName, err)
	}
	var raw []json.RawMessage
	if err := document.Unmarshal(doc, a.opt.Limits.JSONDepth, &raw); err != nil {
		return nil, fmt.Errorf("%s: %w", manifestName, err)
	}
	if len(raw) == 0 {
		return nil, errors.New(manifestName + ": lists no image")
	}
	list := make([]*dockerEntry, len(raw))
	for i, r := range raw {
		if list[i], err = a.dockerEntry(r); err != nil {
			return nil, fmt.Errorf("%s: image %d: %w", manifestName, i, err)
		}
	}
	return list, nil
}

func (a *Archive) dockerEntry(raw json.RawMessage) (*dockerEntry, error) {
	if !document.Present(raw) {
		return nil, errors.New("null stands where an image belongs")
	}
	e := new(dockerEntry)
	if err := document.Typed(json.Unmarshal(raw, e)); err != nil {
		return nil, err
	}
	if e.Config == "" {
		return nil, errors.New("names no Config")
	}
	return e, document.Over(document.LimitLayers, int64(len(e.Layers)), int64(a.opt.Limits.Layers))
}

// readDocker lists the images of an archive that has manifest.json and no index.json. What is listed twice to the letter is one
// image; under other tags it stays two, for nobody can say which tags the user meant.
func (a *Archive) readDocker() error {
	entries, err := a.dockerEntries()
	if err != nil {
		return err
	}
	listed := map[string]bool{}
	for _, e := range entries {
		key := fmt.Sprintf("%q %q %q", e.Config, e.Layers, e.RepoTags)
		if listed[key] {
			continue
		}
		listed[key] = true
		c := &candidate{kind: kindImage, group: len(a.images), docker: e, form: dockerForm{a}}
		c.name(e.RepoTags...)
		a.images = append(a.images, c)
	}
	return nil
}

// name adds references that the candidate has not yet.
func (c *candidate) name(refs ...string) {
	for _, ref := range refs {
		if ref != "" && !slices.Contains(c.refs, ref) {
			c.refs = append(c.refs, ref)
		}
	}
}

// hexName finds the digest in a config's file name: HEX.json, sha256:HEX, blobs/sha256/HEX.
var hexName = regexp.MustCompile(`^(?:sha256[:-])?([0-9a-f]{64})(?:\.json)?$`)

// hexLayer finds the digest in a layer's file name, as crane, kaniko, podman and skopeo give it.
var hexLayer = regexp.MustCompile(`^(?:sha256:)?([0-9a-f]{64})\.tar(?:\.gz)?$`)

// dockerConfig reads an image's config; where the file is named by its digest, that is checked.
func (a *Archive) dockerConfig(e *dockerEntry) ([]byte, error) {
	doc, err := readMember(a.store, e.Config, document.LimitConfig, a.opt.Limits.Config)
	if errors.Is(err, fs.ErrNotExist) {
		err = a.afterDamage(missingMember{e.Config})
	}
	if err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	named := hexName.FindStringSubmatch(path.Base(e.Config))
	if !a.opt.Verify || named == nil {
		return doc, nil
	}
	if err := digest.Match(doc, digest.FromHex(named[1])); err != nil {
		return nil, fmt.Errorf("config: %w", err)
	}
	return doc, nil
}

// A missingMember says that manifest.json names what is not there.
type missingMember struct{ name string }

func (e missingMember) Error() string      { return fmt.Sprintf("member %q not in the archive", e.name) }
func (missingMember) Is(target error) bool { return target == fs.ErrNotExist }

// A dockerForm is an image of manifest.json.
type dockerForm struct{ a *Archive }

func (f dockerForm) config(c *candidate) (*document.Config, error) {
	raw, err := f.a.dockerConfig(c.docker)
	if err != nil {
		return nil, err
	}
	return document.ParseConfig(raw, &f.a.opt.Limits)
}

// load finds an image's config and layers by manifest.json.
func (f dockerForm) load(c *candidate, img *Image) error {
	a := f.a
	config, err := a.readConfig(c)
	if err != nil {
		return err
	}
	if err := img.useConfig(config, len(c.docker.Layers), &a.opt.Limits); err != nil {
		return err
	}
	for i, name := range c.docker.Layers {
		l := a.memberLayer(i, name)
		l.DiffID = config.DiffIDs[i]
		img.Layers = append(img.Layers, l)
	}
	return nil
}

// parents returns the IDs of the images that an image was built on, as far as manifest.json links them and lists them: those that docker load
// links, too.
func (a *Archive) parents(c *candidate) []string {
	if c.docker == nil || c.docker.Parent == "" {
		return nil
	}
	listed := map[string]*candidate{}
	for _, other := range a.images {
		if other.docker == nil {
			continue
		}
		if named := hexName.FindStringSubmatch(path.Base(other.docker.Config)); named != nil {
			listed[digest.FromHex(named[1])] = other
		}
	}
	var ids []string
	for listed[c.docker.Parent] != nil {
		parent := c.docker.Parent
		ids, c = append(ids, parent), listed[parent]
		delete(listed, parent) // a circle ends
	}
	return ids
}

// memberLayer returns the layer of a file name; its compression is known by content only.
func (a *Archive) memberLayer(i int, name string) *Layer {
	l := a.newLayer(i)
	if clean, ok := cleanMember(name); ok {
		l.Digest = document.BlobDigest(clean)
	}
	if named := hexLayer.FindStringSubmatch(path.Base(name)); named != nil && a.audit != nil {
		l.Digest = digest.FromHex(named[1])
	}
	m, err := a.store.open(name)
	if errors.Is(err, fs.ErrNotExist) {
		err = a.afterDamage(missingMember{name})
	} else if err != nil {
		err = fmt.Errorf("member %q: %w", name, err)
	}
	if l.err = err; err == nil {
		l.take(m)
	}
	return l
}
