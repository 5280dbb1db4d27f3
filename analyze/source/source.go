// Package source says what a source of images is and what comes out of it: entries, images, layers. It chooses among
// images, reads and verifies their layers, and records what is wrong. The packages archive, repository and engine are
// the kinds of sources; package kinds opens one by its name.
package source

import (
	"context"
	"fmt"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"layup/analyze/cache"
	"layup/analyze/show"
	"layup/analyze/source/document"
)

// A Source is an opened input: an archive, a layout, a repository of a registry, the store of an engine.
type Source interface {
	// Kind is the prefix by which users name such a source, without the colon: docker-archive, oci, registry.
	Kind() string
	// Entries returns what the documents of the source name, in their order. What cannot be used is an entry with an
	// error. Changes of an entry stay: the slice is the source's own.
	Entries() []*Entry
	// Load reads and checks the config of an entry and finds its layers, which are not read yet. With an error it
	// returns what is known of the image; the image is never nil.
	Load(ctx context.Context, e *Entry) (*Image, error)
	// Unreferenced lists what no document names.
	Unreferenced(ctx context.Context) ([]Listed, error)
	// Documents verifies the input as a whole and its documents, indexes also, for a source with an Audit.
	Documents(ctx context.Context) ([]Check, error)
	// Others verifies what no chosen image needs, except the blobs with the digests in done, to which it adds. All is
	// whether the user asked for everything.
	Others(ctx context.Context, done map[string]bool, all bool) ([]Check, error)
	// Close ends the reading of all images of the source.
	Close() error
}

// A Loose source also holds what no image uses, and can be searched: directories and volumes of an engine's store.
type Loose interface {
	Loose(ctx context.Context) ([]*Entry, error)
}

// Options say how a source is opened and read.
type Options struct {
	Stdin   *os.File // what the name "-" reads; nil means os.Stdin
	TempDir string   // for unlinked spool files; empty means the system's
	Verify  bool     // check sizes, digests and diffIDs
	Limits  document.Limits
	Reading func(n int64) // receives the bytes read so far of a pipe or a compressed archive; may be nil
	Audit   *Audit        // collects what is wrong, instead of ending with the first error; nil unless verifying
	Note    func(string)  // receives what the user should know of how an input is read; may be nil
	Cache   *cache.Cache  // of what earlier passes verified; nil for none, and not used with Audit
}

// A NoArchiveError says that an input is not an archive, rather than a damaged one.
type NoArchiveError struct{ Err error }

// Error says what the input could have been.
func (e *NoArchiveError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *NoArchiveError) Unwrap() error { return e.Err }

// Named begins an error with the name of a source, as the user gave it.
func Named(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", show.Safe(name), err)
}

// Load completes an image for any kind of source. The form of the entry finds the config and the layers.
func Load(s Source, e *Entry, opt *Options) (*Image, error) {
	img := &Image{Source: s.Kind(), Kind: e.Kind, Reference: e.Reference(""), References: e.References, Verified: "none",
		ConfigFile: new(v1.ConfigFile), Container: e.Container, Platform: e.Platform.String()}
	if e.Err != nil {
		return img, e.Err
	}
	if e.Descriptor.Digest != "" && e.Top != e.Descriptor.Digest {
		img.Index = e.Top
	}
	if err := e.Form.Load(e, img); err != nil {
		return img, err
	}
	if opt.Verify && img.ID != "" { // else nothing names what the image must be
		img.Verified = "full"
	}
	if img.Config == nil && e.Container == nil { // nothing describes a bare layer or an artifact
		return img, nil
	}
	img.Platform = shownPlatform(e.Platform, document.PlatformOf(img.ConfigFile))
	img.Warnings = append(img.Warnings, historyWarnings(img.ConfigFile, len(img.Layers)-img.ownLayers())...)
	return img, nil
}

// shownPlatform takes the variant from the index if the config agrees with it: configs often leave the variant out.
func shownPlatform(named, config document.Platform) string {
	if named.Known() && (!config.Known() || named.OS == config.OS && named.Architecture == config.Architecture) {
		return named.String()
	}
	return config.String()
}
