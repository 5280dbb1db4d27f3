package archive

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/source"
	"layup/analyze/source/document"
)

// A dockerEntry is one image of a docker save archive's manifest.json.
type dockerEntry struct {
	Config   string
	RepoTags []string
	Layers   []string
	Parent   string // ID of the image that it was built on, if that is also in the archive

	number int // in manifest.json
}

// dockerEntries reads manifest.json.
func (a *Archive) dockerEntries() ([]*dockerEntry, error) {
	doc, err := readMember(a.members, manifestName, document.LimitManifest, a.opt.Limits.Manifest)
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
	if err := document.Over(document.LimitDescriptors, len(raw), a.opt.Limits.Descriptors); err != nil {
		return nil, fmt.Errorf("%s: images: %w", manifestName, err)
	}
	list := make([]*dockerEntry, len(raw))
	for i, r := range raw {
		if list[i], err = a.dockerEntry(r); err != nil {
			return nil, fmt.Errorf("%s: image %d: %w", manifestName, i, err)
		}
		list[i].number = i
	}
	return list, nil
}

func (a *Archive) dockerEntry(raw json.RawMessage) (*dockerEntry, error) {
	if !document.Present(raw) {
		return nil, errors.New("null in place of an image")
	}
	e := new(dockerEntry)
	if err := document.Typed(json.Unmarshal(raw, e)); err != nil {
		return nil, err
	}
	if e.Config == "" {
		return nil, errors.New("names no Config")
	}
	return e, document.Over(document.LimitLayers, len(e.Layers), a.opt.Limits.Layers)
}

// readDocker lists the images of an archive that has manifest.json and no index.json.
func (a *Archive) readDocker() error {
	entries, err := a.dockerEntries()
	if err == nil {
		err = a.addDocker(a.joinEqual(entries), func(d *dockerEntry) source.Form { return dockerForm{a, d} })
	}
	return err
}

// addDocker adds images of manifest.json, each a group of its own.
func (a *Archive) addDocker(entries []*dockerEntry, form func(*dockerEntry) source.Form) error {
	group := 0
	for _, e := range a.entries {
		group = max(group, e.Group+1)
	}
	for i, d := range entries {
		e := &source.Entry{Kind: source.KindImage, Group: group + i, Form: form(d)}
		a.entries = append(a.entries, e)
		if err := a.graph.Name(e, d.RepoTags); err != nil {
			return fmt.Errorf("%s: %w", manifestName, err)
		}
	}
	return nil
}

// joinEqual makes one of entries with one config and equal layers: they are one image, under the names of all.
func (a *Archive) joinEqual(entries []*dockerEntry) []*dockerEntry {
	listed, places := map[string]*dockerEntry{}, a.numbering()
	return slices.DeleteFunc(entries, func(d *dockerEntry) bool {
		key := binary.AppendUvarint(nil, places(d.Config))
		for _, name := range d.Layers {
			key = binary.AppendUvarint(key, places(name))
		}
		first := listed[string(key)]
		if first == nil {
			listed[string(key)] = d
			return false
		}
		first.RepoTags = append(first.RepoTags, d.RepoTags...)
		return true
	})
}

// numbering returns a function that numbers the places of names. Names may be many, and their places long.
func (a *Archive) numbering() func(name string) uint64 {
	byName, byPlace := map[string]uint64{}, map[string]uint64{}
	return func(name string) uint64 {
		n, known := byName[name]
		if !known {
			place := a.place(name)
			if n, known = byPlace[place]; !known {
				n = uint64(len(byPlace))
				byPlace[place] = n
			}
			byName[name] = n
		}
		return n
	}
}

// inName returns the digest in a file's name, before one of the endings, or "": HEX.json, sha256:HEX, a/HEX.
func inName(name string, ends ...string) string {
	for _, end := range ends {
		hex, ended := strings.CutSuffix(path.Base(name), end)
		hex = strings.TrimPrefix(strings.TrimPrefix(hex, "sha256:"), "sha256-")
		if ended && digest.IsHex(hex) {
			return digest.FromHex(hex)
		}
	}
	return ""
}

// inConfig returns the digest in the name of a config, or "".
func inConfig(name string) string { return inName(name, ".json", "") }

// config reads a config once, however many images share it. If its file is named by a digest, the content must match.
func (a *Archive) config(name string) (*document.Config, error) {
	at, named := a.place(name), inConfig(name)
	if !a.opt.Verify {
		named = ""
	}
	config := a.configs[at]
	if config == nil {
		doc, err := readMember(a.members, name, document.LimitConfig, a.opt.Limits.Config)
		if errors.Is(err, fs.ErrNotExist) {
			err = a.afterDamage(missingMember{name})
		}
		if err == nil {
			err = document.Hold(&a.held, doc)
		}
		if err == nil && named != "" {
			err = digest.Match(doc, named)
		}
		if err != nil {
			return nil, fmt.Errorf("config: %w", err)
		}
		if config, err = document.ParseConfig(doc, &a.opt.Limits); err != nil {
			return nil, err
		}
		a.configs[at] = config
	}
	if named != "" && named != config.ID {
		return nil, fmt.Errorf("config: %w", digest.Compare(named, config.ID))
	}
	return config, nil
}

// A missingMember says that a document names a member that is not there.
type missingMember struct{ name string }

func (e missingMember) Error() string      { return fmt.Sprintf("member %q not in the archive", e.name) }
func (missingMember) Is(target error) bool { return target == fs.ErrNotExist }

// A dockerForm is an image of manifest.json.
type dockerForm struct {
	a *Archive
	d *dockerEntry
}

// dockerOf returns the entry's line of manifest.json, or nil.
func dockerOf(e *source.Entry) *dockerEntry {
	switch form := e.Form.(type) {
	case dockerForm:
		return form.d
	case savedForm:
		return form.d
	case joinedForm:
		return form.docker
	}
	return nil
}

// Config reads the file that manifest.json names.
func (f dockerForm) Config(*source.Entry) (*document.Config, error) { return f.a.config(f.d.Config) }

// Load finds an image's config and layers by manifest.json.
func (f dockerForm) Load(e *source.Entry, img *source.Image) error {
	config, err := e.Config()
	if err == nil {
		err = img.UseConfig(config, len(f.d.Layers), &f.a.opt.Limits)
	} else {
		config = new(document.Config)
	}
	for i, name := range f.d.Layers {
		l := f.a.memberLayer(i, name)
		if i < len(config.DiffIDs) {
			l.DiffID = config.DiffIDs[i]
		}
		img.Layers = append(img.Layers, l)
	}
	return err
}

// Checks verifies the config. The name of its file may be its digest.
func (f dockerForm) Checks(ctx context.Context, _ *source.Entry, _ *source.Image) ([]source.Check, error) {
	check := source.NewCheck("config")
	check.Name = f.d.Config
	m, err := f.a.members.open(f.d.Config)
	if err != nil {
		check.Fail(source.CodeMissing, f.a.afterDamage(missingMember{f.d.Config}).Error())
		return []source.Check{check}, nil
	}
	check.Expected = cmp.Or(document.BlobDigest(cleaned(f.d.Config)), inConfig(f.d.Config))
	check.Digest = check.Expected
	m.blob().Hash(ctx, f.a.opt, &check)
	f.a.opt.Audit.Note(check)
	return []source.Check{check}, ctx.Err()
}

// parentOf returns the ID of the image that another one was built on, as far as manifest.json links and lists them, as
// docker load does.
func (a *Archive) parentOf(id string) string {
	if a.listed == nil {
		a.listed = map[string]*dockerEntry{}
		for _, e := range a.entries {
			if d := dockerOf(e); d != nil {
				a.listed[inConfig(d.Config)] = d
			}
		}
	}
	if d := a.listed[id]; d != nil && d.Parent != "" && a.listed[d.Parent] != nil {
		return d.Parent
	}
	return ""
}

// memberLayer returns the layer of a file name. Only the content tells its compression.
func (a *Archive) memberLayer(i int, name string) *source.Layer {
	l := a.opt.NewLayer(i)
	l.Digest = document.BlobDigest(cleaned(name))
	if a.opt.Audit != nil { // as crane, kaniko, podman and skopeo name layers
		l.Digest = cmp.Or(inName(name, ".tar", ".tar.gz"), l.Digest)
	}
	m, err := a.members.open(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.Err = a.afterDamage(missingMember{name})
	case err != nil:
		l.Err = fmt.Errorf("member %q: %w", name, err)
	default:
		l.Content, l.Size = m.blob(), m.data.Size()
	}
	return l
}
