// Package source turns what a person names into images, without a daemon: docker save archives of every age, OCI layouts as
// directory or tar, bare layers and flat root file systems, each also compressed; and images in registries.
package source

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"layup/analyze/show"
	"layup/analyze/source/document"
	"layup/analyze/source/registry"
	"layup/tarfs"
)

// Options say how a source is opened and read.
type Options struct {
	Stdin   *os.File // what the name "-" reads; nil means os.Stdin
	TempDir string   // for unlinked spool files; empty means the system's
	Verify  bool     // check sizes, digests and diffIDs
	Limits  document.Limits

	Store StoreOptions

	Registry registry.Options // for docker://REF; its MaxManifest is that of Limits
	List     bool             // the question is what there is: a repository without a tag is its tags, not its :latest
	TOC      bool             // of a registry's lazy layers read the builder's table of contents alone
	Detail   bool             // likewise: what each tag holds, not only its name
}

// The kinds of archives.
const (
	kindDocker     = "docker-archive"
	kindOCIArchive = "oci-archive"
	kindOCI        = "oci"
	kindLayer      = "layer"
	kindRegistry   = "registry"
)

// An Archive is an opened source: the images it holds, none chosen yet.
type Archive struct {
	Name string // as the user named it
	Kind string // docker-archive, oci-archive, oci, layer (a bare layer or a flat root file system), registry, docker-root

	opt      Options
	in       *input
	store    members // of an image archive or directory; else nil
	shelf    shelf   // blobs by digest; nil for a bare layer
	closers  []func() error
	listing  *repository           // a repository whose tags are asked for, or a registry whose catalogue is; else nil
	warnings []tarfs.Warning       // about how the archive is given, for each of its images
	ref      string                // the image that the name itself picks
	images   []*candidate          // all that is named, attestations too
	indexes  []document.Descriptor // nested ones
	engine   *engine               // nil unless it is an engine's store
	end      int64                 // of an image archive in a tar: where reading its members ended
	tailed   bool                  // more than zeros follow its end mark
	audit    *audit                // nil unless a record of all that is wrong is asked for
	held     int64                 // bytes of manifests and configs that were read
}

// Open recognises by its content what name holds. Errors begin with the name; where there is advice, a *Hinted is in the chain.
func Open(ctx context.Context, name string, opt Options) (*Archive, error) {
	a := &Archive{Name: name, opt: opt, in: new(input)}
	if err := a.open(ctx); err != nil {
		return nil, fmt.Errorf("%s: %w", show.Safe(name), errors.Join(err, a.Close()))
	}
	return a, nil
}

func (a *Archive) open(ctx context.Context) error {
	kind, rest, err := kindOf(a.Name)
	if err == nil {
		err = kind.open(ctx, a, rest)
	}
	if err != nil {
		return err
	}
	number := 0
	for _, c := range a.images {
		if c.number = -1; c.kind == kindImage && !c.intermediate {
			c.number, number = number, number+1
		}
	}
	return nil
}

// openTarget opens a file or a directory.
func (a *Archive) openTarget(ctx context.Context, target target) error {
	a.ref = target.ref
	in, err := openInput(ctx, target.path, a.opt)
	if err != nil {
		return err
	}
	a.in = in
	if a.in.dir != nil {
		err = a.recogniseDirectory()
	} else {
		err = a.recogniseFile(ctx)
	}
	if err != nil {
		return err
	}
	if err := target.insist(a); err != nil {
		return err
	}
	if a.store != nil {
		a.shelf = layoutShelf{a.store, a.opt.Verify}
	}
	return a.readImages(ctx)
}

// readImages finds out which images there are.
func (a *Archive) readImages(ctx context.Context) error {
	var err error
	switch {
	case a.Kind == kindLayer:
		a.images = []*candidate{{kind: kindImage, form: bareForm{a}}}
	case a.store.has(indexName):
		err = a.readLayout(ctx)
	case a.store.has(manifestName):
		err = a.readDocker()
	default:
		err = a.readLegacy()
	}
	return err
}

// Close ends the reading of all images of the archive.
func (a *Archive) Close() error {
	err := a.in.Close()
	for _, end := range a.closers {
		err = errors.Join(err, end())
	}
	return err
}

// An Image is one image, its config read and checked, its layers not yet.
type Image struct {
	Source     string         // the archive's kind
	Name       string         // as the user named the archive
	Reference  string         // the tag it was chosen by or its first; empty where it has none
	References []string       // every tag
	ID         string         // digest of the config, sha256:HEX; empty for a bare layer
	Platform   string         // os/arch[/variant]; empty if unknown
	Manifest   []byte         // OCI manifest as stored; nil where there is none
	Config     []byte         // config as stored; nil for a bare layer
	ConfigFile *v1.ConfigFile // never nil
	Layers     []*Layer       // oldest first
	Warnings   []tarfs.Warning
	Verified   string // full; config for an engine's store; none where it was not asked for, or the input names no digests

	RepoDigests        []string            // NAME@DIGEST by which a registry or a store knows it
	ManifestDescriptor document.Descriptor // of Manifest; zero where there is none
	Parents            []string            // IDs of the image it was built on, of that one's parent and so on, as far as the archive or the store knows them
	Container          *Container          // nil but for a container of an engine's store
	Engine             *Engine             // nil but for the image of an engine's store
	Remote             bool                // its layers are fetched over a network when they are read
}

// An Engine is what only the store of an engine knows of an image.
type Engine struct {
	GraphDriver string            // as Docker prints GraphDriver.Name
	GraphData   map[string]string // as Docker prints GraphDriver.Data
	LastTagTime time.Time         // zero where it never had a tag
}

// LayersAtHand reports whether its layers can be read without a network.
func (img *Image) LayersAtHand() bool { return !img.Remote }

// RepoTags returns the references with a repository and a tag as Docker shows them, each once, in the order of their full names; never nil. A tag
// alone, as OCI layouts have it, is none.
func (img *Image) RepoTags() []string {
	tags := []string{}
	for _, ref := range img.References {
		if strings.ContainsRune(ref, ':') && !strings.ContainsRune(ref, '@') {
			tags = append(tags, registry.Familiar(ref))
		}
	}
	slices.SortFunc(tags, func(a, b string) int { return strings.Compare(fullName(a), fullName(b)) })
	return slices.Compact(tags)
}

// fullName adds to a name what Docker leaves out when it shows it: the registry, and the folder of official images.
func fullName(familiar string) string {
	first, _, nested := strings.Cut(familiar, "/")
	switch {
	case !nested:
		return "docker.io/library/" + familiar
	case first != "localhost" && !strings.ContainsAny(first, ".:"):
		return "docker.io/" + familiar
	}
	return familiar
}

// History returns the history entry of each layer, or nil where the history does not name as many layers as there are.
func (img *Image) History() []v1.History {
	var list []v1.History
	for _, h := range img.ConfigFile.History {
		if !h.EmptyLayer {
			list = append(list, h)
		}
	}
	own := img.ownLayers()
	if len(list) != len(img.Layers)-len(own) {
		return nil
	}
	return append(list, own...)
}

// A NoArchiveError says that an input is something else than an archive: not a damaged one.
type NoArchiveError struct{ Err error }

// Error says what it could have been.
func (e *NoArchiveError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *NoArchiveError) Unwrap() error { return e.Err }
