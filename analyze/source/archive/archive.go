// Package archive opens image archives: docker save files of every age, OCI layouts as directory or tar, bare layers
// and flat root file systems, each also compressed.
package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/advice"
	"layup/analyze/source/decode"
	"layup/analyze/source/document"
	"layup/analyze/source/input"
	"layup/tarfs"
)

// The kinds of archives.
const (
	Docker     = "docker-archive"
	OCIArchive = "oci-archive"
	OCI        = "oci"
	Dir        = "dir"   // what skopeo writes as dir:, also in a tar
	Layer      = "layer" // a bare layer or a flat root file system
)

// An Archive is an opened archive: the images it holds, none of them loaded.
type Archive struct {
	name string // as the user named it
	kind string
	opt  *source.Options

	in      *input.Input
	members members         // of an image archive or directory; nil for a bare layer
	graph   *source.Graph   // of an OCI layout or a dir:; without entries for others
	storage storage         // of blobs
	entries []*source.Entry // everything that the documents name, attestations included
	end     int64           // of an image archive in a tar: the offset after its last member and end mark
	tail    int64           // offset of data after the end mark; 0 for none, as far as is known
	root    bool            // it may be a root file system in spite of what it holds

	configs map[string]*document.Config // that manifest.json names, by the place of their bytes
	v1      v1Images                    // of Docker before 1.10
	held    int64                       // bytes of both
	listed  map[string]*dockerEntry     // images of manifest.json, by the digest in the name of the config
}

// Open recognises by its content what a path holds. Kind is what it must be, or empty. Errors do not begin with the
// name.
func Open(ctx context.Context, name, path, kind string, opt *source.Options) (*Archive, error) {
	in, err := input.Open(ctx, path, opt)
	if err != nil {
		return nil, err
	}
	return New(ctx, name, in, kind, opt)
}

// New recognises what an input holds, which it closes with the archive or if there is an error. See Open.
func New(ctx context.Context, name string, in *input.Input, kind string, opt *source.Options) (*Archive, error) {
	a := &Archive{name: name, opt: opt, in: in, storage: ociStorage, configs: map[string]*document.Config{}}
	if err := a.open(ctx, kind); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (a *Archive) open(ctx context.Context, kind string) (err error) {
	switch {
	case a.in.Dir != nil && kind == Layer:
		err = errors.New("is a directory, not a layer")
	case a.in.Dir != nil:
		err = a.recogniseDirectory()
	case kind == Layer:
		a.kind = Layer
	default:
		err = a.recogniseFile(ctx)
	}
	if err == nil {
		err = a.insist(kind)
	}
	if err == nil {
		a.graph = &source.Graph{Blobs: layout{a}, Opt: a.opt}
		err = a.readImages(ctx)
	}
	if _, hinted := errors.AsType[*advice.Hinted](err); err != nil && a.root && !hinted {
		err = &advice.Hinted{Err: err, Hint: "--as layer reads it as a root file system, if it is one"}
	}
	source.Number(a.entries)
	return err
}

// readImages finds out which images there are.
func (a *Archive) readImages(ctx context.Context) error {
	switch {
	case a.kind == Layer:
		a.entries = []*source.Entry{{Kind: source.KindImage, Form: bareForm{a}}}
		return nil
	case a.kind == Dir:
		return a.readDir(ctx)
	case a.members.has(indexName):
		return a.readLayout(ctx)
	case a.members.has(manifestName):
		return a.readDocker()
	}
	return a.readLegacy()
}

// insist compares the kind that the user named with the content.
func (a *Archive) insist(kind string) error {
	directory := a.in.Dir != nil
	holds := func(names ...string) bool { return a.members != nil && slices.ContainsFunc(names, a.members.has) }
	var err error
	switch {
	case kind == "", kind == Layer:
		return nil
	case kind == Docker && !holds(manifestName, repositoriesName):
		err = errors.New("not a docker save archive: it has no manifest.json")
	case kind == Dir && a.kind != Dir:
		err = errors.New("not what skopeo writes as dir: it has no file version that says so")
	case kind == OCI && !holds(indexName), kind == OCIArchive && !holds(indexName):
		err = errors.New("not an OCI layout: it has no index.json")
	case kind == OCIArchive && directory:
		err = &advice.Hinted{Err: errors.New("is a directory, not a tar of an OCI layout"),
			Hint: "oci:DIR names an OCI layout in a directory"}
	case kind == OCI && !directory:
		err = &advice.Hinted{Err: errors.New("is a file, not a directory with an OCI layout"),
			Hint: "oci-archive:FILE names an OCI layout in a tar"}
	}
	a.kind = kind
	return err
}

// Kind is one of the kinds of archives.
func (a *Archive) Kind() string { return a.kind }

// Entries returns what the archive's documents name.
func (a *Archive) Entries() []*source.Entry { return a.entries }

// Close ends the reading of all images of the archive.
func (a *Archive) Close() error { return a.in.Close() }

// Load reads and checks the config, and finds the layers.
func (a *Archive) Load(_ context.Context, e *source.Entry) (*source.Image, error) {
	img, err := source.Load(a, e, a.opt)
	img.Name = a.name
	if err == nil && a.members != nil {
		err = a.damageBeyond(img)
	}
	if err != nil || img.Config == nil {
		return img, err
	}
	if d := dockerOf(e); d != nil {
		img.Parent, img.ParentOf = a.parentOf(inConfig(d.Config)), a.parentOf
	}
	img.Warnings = append(img.Warnings, a.around()...)
	return img, nil
}

// Warnings are about the archive as a whole, for a list of its images.
func (a *Archive) Warnings() []tarfs.Warning {
	saved := func(e *source.Entry) bool { _, ok := e.Form.(savedForm); return ok }
	list := a.around()
	if slices.ContainsFunc(a.entries, saved) {
		list = append(list, tarfs.Warning{Code: IndexMissesImage, Layer: tarfs.NoLayer})
	}
	return list
}

// around warns of the input around the images. Package tarfs warns of the tar of a bare layer.
func (a *Archive) around() []tarfs.Warning {
	var list []tarfs.Warning
	if a.in.Tail {
		list = append(list, tarfs.Warning{Code: source.CompressedTailDamaged, Layer: tarfs.NoLayer})
	}
	if a.members != nil && a.tail > 0 {
		list = append(list, tarfs.Warning{Code: tarfs.DataAfterEnd, Layer: tarfs.NoLayer, Note: a.afterEnd()})
	}
	return list
}

// afterEnd describes the data after the end mark.
func (a *Archive) afterEnd() string {
	head := make([]byte, min(decode.HeadSize, a.in.Data.Size()-a.tail))
	_, err := a.in.Data.ReadAt(head, a.tail)
	return tarfs.AfterEnd(a.tail, a.in.Data.Size(), err == nil && decode.Sniff(head, -1) != "")
}

// damageBeyond refuses a whole image in a damaged archive: other readers refuse the archive, or find other members. If
// a layer lies in the damaged part, the layer has the error.
func (a *Archive) damageBeyond(img *source.Image) error {
	if a.opt.Audit != nil {
		return nil // verify has a check for the damage
	}
	if slices.ContainsFunc(img.Layers, func(l *source.Layer) bool { return l.Err != nil }) {
		return nil
	}
	return a.members.damage()
}

// afterDamage adds to the error about a missing member that the archive is damaged: the member may come after that.
func (a *Archive) afterDamage(err error) error {
	if broken := a.members.damage(); broken != nil && errors.Is(err, fs.ErrNotExist) {
		return &source.DamagedError{Err: fmt.Errorf("%w: %w", err, broken)}
	}
	return err
}

// Unreferenced lists the blobs that no document names. The v1 configs of docker save are one line.
func (a *Archive) Unreferenced(context.Context) ([]source.Listed, error) {
	if a.members == nil {
		return nil, nil
	}
	named := a.referenced()
	var list []source.Listed
	v1, v1Size := 0, int64(0)
	for _, name := range a.blobNames() {
		if named[name] {
			continue
		}
		item := source.Listed{Kind: source.KindBlob, Number: -1, Digest: a.storage.digest(name), Size: -1}
		if item.Digest == "" {
			item.Reference = name
		}
		m, err := a.members.open(name)
		if err == nil {
			item.Size = m.data.Size()
		}
		if err == nil && isV1Config(m.data) {
			v1, v1Size = v1+1, v1Size+item.Size
			continue
		}
		list = append(list, item)
	}
	if v1 > 0 {
		list = append(list, source.Listed{Kind: source.KindV1Config, Number: -1, Reference: show.Count(v1, "blob"),
			Size: v1Size})
	}
	return list, nil
}

// isV1Config reports whether a blob is the config of a layer as Docker before 1.10 kept it. Source: moby,
// image/tarexport/save.go, saveConfigAndLayer.
func isV1Config(blob *io.SectionReader) bool {
	const most = 64 << 10
	if blob.Size() > most {
		return false
	}
	var config struct {
		ID, Created string
		RootFS      json.RawMessage
	}
	text, err := io.ReadAll(io.NewSectionReader(blob, 0, blob.Size()))
	if err != nil || json.Unmarshal(text, &config) != nil {
		return false
	}
	return digest.IsHex(config.ID) && config.Created != "" && config.RootFS == nil
}

// referenced returns the names of all members that the documents name.
func (a *Archive) referenced() map[string]bool {
	named := map[string]bool{}
	for d := range a.graph.Digests() {
		named[a.storage.name(d)] = true
	}
	done := map[string]bool{}
	for _, e := range a.entries {
		if d := dockerOf(e); d != nil {
			for _, name := range append([]string{d.Config}, d.Layers...) {
				if !done[name] {
					done[name], named[a.place(name)], named[cleaned(name)] = true, true, true
				}
			}
		}
	}
	return named
}

// A bareForm is an input that is one layer.
type bareForm struct{ a *Archive }

func (bareForm) Config(*source.Entry) (*document.Config, error) { return nil, nil }

// Load takes the whole input as the only layer.
func (f bareForm) Load(_ *source.Entry, img *source.Image) error {
	in, l := f.a.in, f.a.opt.NewLayer(0)
	blob := &source.Blob{Bytes: in.Data, Check: in.Check, Outer: in.Compression}
	l.Content, l.Size = blob, in.Data.Size()
	if in.Compression != "" {
		l.Digest, l.Size = in.Digest, in.Stored
	}
	img.Layers = []*source.Layer{l}
	if in.Tail {
		img.Warnings = []tarfs.Warning{{Code: source.CompressedTailDamaged}}
	}
	return nil
}

func (bareForm) Checks(context.Context, *source.Entry, *source.Image) ([]source.Check, error) {
	return nil, nil
}
