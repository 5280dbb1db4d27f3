// Package source turns what a person names into images, without a daemon: docker save archives of every age, OCI layouts as
// directory or tar, bare layers and flat root file systems, each also compressed.
package source

import (
	"context"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"layup/tarfs"
)

// Options say how a source is opened and read.
type Options struct {
	Stdin   *os.File // what the name "-" reads; nil means os.Stdin
	TempDir string   // for unlinked spool files; empty means the system's
	Verify  bool     // check sizes, digests and diffIDs
	Limits  Limits
}

// An Archive is an opened source: the images it holds, none chosen yet.
type Archive struct {
	Name string // as the user named it
	Kind string // docker-archive, oci-archive, oci, layer (a bare layer or a flat root file system)
}

// Open recognises by its content what name holds.
func Open(ctx context.Context, name string, opt Options) (*Archive, error) { panic("stub") }

// Close ends the reading of all images of the archive.
func (a *Archive) Close() error { panic("stub") }

// A Listed is a thing that an archive holds.
type Listed struct {
	Kind      string // image, attestation, blob (that nothing refers to)
	Number    int    // of an image: N in --image @N, from 0; -1 for others
	Reference string // empty where there is none
	Digest    string // of the manifest, or of the config where there is no manifest
	Platform  string // os/arch[/variant]
	Size      int64  // bytes stored: config, manifest and layers; of a blob itself; -1 unknown
	Created   string // RFC 3339, as the config says; empty if unknown
	Missing   bool   // named by an index, but not in the archive
}

// Contents lists what the archive holds.
func (a *Archive) Contents(ctx context.Context) ([]Listed, error) { panic("stub") }

// A Selection chooses among several images and platforms.
type Selection struct {
	Image    string // a reference, or @N
	Platform string // os/arch[/variant]
	All      bool
}

// Choose returns the one image the selection leaves, or all of them with All. A *ChoiceError lists what there is to choose from.
// Note is what to tell the user of a choice made for them (the platform), or empty.
func (a *Archive) Choose(ctx context.Context, sel Selection) (images []*Image, note string, err error) {
	panic("stub")
}

// A Choice is one way out of an ambiguity.
type Choice struct {
	Flag string // --image shop:1.2 or --platform linux/arm64, as the shell takes it
	What string // what that would choose, for a person
}

// A ChoiceError says that the selection leaves several images or none.
type ChoiceError struct {
	Message string
	Choices []Choice
}

func (e *ChoiceError) Error() string { return e.Message }

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
	Verified   string // full or none
}
