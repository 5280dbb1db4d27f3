// Package analyze answers questions about container images without a daemon: which layer owns a path, what every layer
// did to it, what is hidden.
//
// Everything that can fail happens in Open, OpenReaderAt, OpenReader and OpenV1: finding the image, reading and
// verifying its layers, merging them. After that, questions about facts cannot fail. Content, Contents, Bodies,
// LayerTar and FS can, because they read content again.
package analyze

import (
	"fmt"
	"sync"
	"sync/atomic"

	"layup/analyze/digest"
	"layup/analyze/sieve"
	"layup/analyze/signature"
	"layup/analyze/source"
	"layup/analyze/source/document"
	"layup/analyze/source/kinds"
	"layup/tarfs"
)

// Options say how an image is found and loaded.
type Options struct {
	Source    kinds.Options
	Select    source.Selection
	View      tarfs.View
	Needs                       // what the questions need; by default only the tree
	KeepGoing bool              // answer from what could be read; Errors returns what could not
	Jobs      int               // layers read at once; 0 means one for each processor
	Progress  func(Progress)    // called now and then, from one goroutine at a time; may be nil
	Note      func(string)      // called with choices made for the user (the platform); may be nil
	Trust     *signature.Policy // the signers that Verify asks for; nil for none
}

// Needs say what a question needs besides the image's tree. Each one costs time.
type Needs struct {
	Layers  Reading      // which images' layers are read; all by default
	Digests bool         // the SHA-256 of every file's content
	Dense   bool         // no digests of sparse files, because their holes may be endless
	Secrets bool         // what small files hold, for Sensitive
	Bodies  Bodies       // the content of files, read again after the image is loaded
	Sieve   sieve.Choice // what Sieved returns of files' content; nil for nothing
	Sparse  bool         // Sieve also gets sparse files: their stored pieces, one after another
	Loose   bool         // of all images: also the directories and volumes of a store that no image uses
	Origin  bool         // the lines of the Dockerfile, and the base: of a registry, the statement is fetched
	Own     bool         // sums and searches leave out what the layers of the base hold; needs Origin
	Bases   []Candidate  // among which the base may be
	// Paths are all that the question is about, as Owner takes them with Last; empty if it is about more. The tree then
	// may hold only what decides these.
	Paths []string
}

// Reading says whether an image's layers are read when it is opened. Without them the tree is empty. Docker,
// DockerHistory, Instruction and LayerFacts then answer only from the config and the manifest.
type Reading int

const (
	Always   Reading = iota
	IfAtHand         // if that needs no network
	Never
)

// Bodies says how much content is read after an image is loaded.
type Bodies int

const (
	NoBodies   Bodies = iota // none, or only from an image that is not fetched
	SomeBodies               // the bytes of fetched layers are kept
	MostBodies               // each file is proven by itself, compressed layers are kept as tars: Contents reads in place
)

// A loading is a caller's options and what this package adds to them.
type loading struct {
	Options
	shared    *shared        // findings in layers of the source's other images; nil if there is only one image
	digestsOf func(int) bool // also compute digests in these layers; may be nil
	tags      *tarfs.TagKey  // keep only tags of digests that no need asks for; may be nil
	held      *atomic.Int64  // bytes of names of both images of a pair, which the limit counts together; else nil
	contents  bool           // compare also the content of what an engine keeps in directories
}

// digests reports whether to hash the content of a layer's files.
func (o *loading) digests(layer *source.Layer) bool {
	return o.Digests || o.digestsOf != nil && o.digestsOf(layer.Index)
}

// inPlace reports whether Contents reads files in place, if a layer allows it.
func (o *loading) inPlace() bool { return o.Bodies == MostBodies }

// Default returns the options of the command line: everything verified, with the limits for hostile input.
func Default() Options {
	return Options{Source: kinds.Options{Options: source.Options{Verify: true, Limits: document.DefaultLimits()}}}
}

// An Image is one loaded image. Several goroutines may use it at once.
type Image struct {
	*source.Image
	mu       sync.Mutex
	tree     *tarfs.Tree // nil while the image rests
	top      *tarfs.Snapshot
	scans    []source.Scanned // by layer
	read     bool             // the layers were read
	fetched  int64            // bytes of the tables of contents that replace layers
	damaged  []bool           // by layer: its bytes are not the ones that the image names
	warnings []tarfs.Warning
	errs     []*LayerError
	opt      loading
	close    func() error
	sieved   []*sieve.Layer // by layer; nil without Needs.Sieve

	instructions []Instruction // by layer; nil if they are unknown
	origin
}

// A LayerError says why a layer could not be read whole.
type LayerError struct {
	Layer  int
	Digest string // of the blob, or the diffID; empty if neither is known
	Err    error
}

// Error names the layer by its position from 0 and the beginning of its digest.
func (e *LayerError) Error() string {
	if e.Digest == "" {
		return fmt.Sprintf("layer %d: %v", e.Layer, e.Err)
	}
	return fmt.Sprintf("layer %d (%s): %v", e.Layer, digest.Short(e.Digest), e.Err)
}

// Unwrap returns the cause.
func (e *LayerError) Unwrap() error { return e.Err }

// Close releases the source. It does nothing for an image of OpenAll: its loop releases the source.
func (img *Image) Close() error {
	if img == nil || img.close == nil {
		return nil
	}
	return img.close()
}

// LayersRead reports whether the layers were read. If not, the tree is empty and nothing in them is counted.
func (img *Image) LayersRead() bool { return img.read }

// Tree returns the merged tree with its whole history.
func (img *Image) Tree() *tarfs.Tree {
	tree, _ := img.merge()
	return tree
}

// Top returns what is visible after the last layer.
func (img *Image) Top() *tarfs.Snapshot {
	_, top := img.merge()
	return top
}

// merge returns the tree, and merges the layers again after a rest.
func (img *Image) merge() (*tarfs.Tree, *tarfs.Snapshot) {
	img.mu.Lock()
	defer img.mu.Unlock()
	if img.tree == nil {
		img.tree, _ = tarfs.Merge(img.tables(), img.opt.View) // what cannot be merged is an error of the image already
		img.top = img.tree.Top()
	}
	return img.tree, img.top
}

// Rest frees the tree until somebody asks for it. What an earlier answer holds of it stays valid.
func (img *Image) Rest() {
	img.mu.Lock()
	defer img.mu.Unlock()
	img.tree, img.top = nil, nil
}

// Warnings returns what is odd in the image: first about the whole image, then by layer.
func (img *Image) Warnings() []tarfs.Warning { return img.warnings }

// Limits returns the limits for loading the image.
func (img *Image) Limits() document.Limits { return img.opt.Source.Limits }

// Errors returns the layers that could not be read whole. There are none without Options.KeepGoing.
func (img *Image) Errors() []*LayerError { return img.errs }
