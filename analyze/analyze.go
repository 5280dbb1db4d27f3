// Package analyze answers questions about images: which layer owns a path, what every layer did to it, what lies hidden.
package analyze

import (
	"context"
	"io"
	"iter"

	"layup/analyze/source"
	"layup/tarfs"
)

// Options say how an image is loaded.
type Options struct {
	Source    source.Options // Verify and Limits included; Default() sets them
	Select    source.Selection
	View      tarfs.View
	KeepGoing bool           // answer from what could be read; Errors tells what could not
	Digests   bool           // compute the SHA-256 of every file's content
	Jobs      int            // layers read at once; 0 means GOMAXPROCS
	Progress  func(Progress) // told now and then, from one goroutine at a time; may be nil
	Note      func(string)   // told of choices made for the user (the platform); may be nil
}

// Default returns the options of the command line: verified, with the limits for hostile input.
func Default() Options { panic("stub") }

// Progress says how far loading has come.
type Progress struct {
	Layers, Done int   // layers of the image, layers finished
	Bytes, Read  int64 // bytes stored, bytes read
	Finished     int   // a layer that has just been finished, or -1
}

// An Image is one image, loaded: every question about facts is total.
type Image struct {
	*source.Image
}

// Open opens what name names, chooses one image and loads it. Close it after use.
func Open(ctx context.Context, name string, opt Options) (*Image, error) { panic("stub") }

// OpenAll opens what name names and loads the images that opt.Select leaves one after the other. A failure to load one is yielded in its place.
func OpenAll(ctx context.Context, name string, opt Options) iter.Seq2[*Image, error] { panic("stub") }

// Close releases the source.
func (img *Image) Close() error { panic("stub") }

// Tree returns the merged tree with its history.
func (img *Image) Tree() *tarfs.Tree { panic("stub") }

// Warnings returns what is odd in the image: of the whole image first, then by layer.
func (img *Image) Warnings() []tarfs.Warning { panic("stub") }

// A LayerError says why a layer could not be read whole; only with KeepGoing an image has them.
type LayerError struct {
	Layer int
	Err   error
}

func (e *LayerError) Error() string { panic("stub") }
func (e *LayerError) Unwrap() error { return e.Err }

// Errors returns the layers that could not be read whole.
func (img *Image) Errors() []*LayerError { panic("stub") }

// Instruction is what made a layer.
type Instruction struct {
	Raw      string // created_by as the history has it; empty if unknown
	Readable string // without the builders' noise
	Created  string // RFC 3339 as the history has it; empty if unknown
}

// Instruction returns what made a layer; empty fields for NoLayer and where the history does not say.
func (img *Image) Instruction(layer int) Instruction { panic("stub") }

// Last is the view after the last layer.
const Last = int(^uint(0) >> 1)

// Owner is the answer to who owns a path.
type Owner struct {
	Asked   string        // the path as asked, cleaned
	Version tarfs.Version // what is visible there, symlinks followed
}

// Owner returns what is visible at path after layer upto, following symlinks inside the image; the last component's too if follow is set.
// The error is a *NotFoundError, or says that a symlink loops.
func (img *Image) Owner(path string, follow bool, upto int) (Owner, error) { panic("stub") }

// A NotFoundError says that nothing is visible at a path, and what was.
type NotFoundError struct {
	Path      string
	DeletedBy int // the layer that hid the last version, or NoLayer
	How       tarfs.How
	Similar   string // a visible path like it, or empty
}

func (e *NotFoundError) Error() string { panic("stub") }

// A Change is what one layer did to a path.
type Change struct {
	Layer   int
	Kind    string        // add, modify, metadata, delete, opaque, replace
	Version tarfs.Version // the version it put there, or for delete and opaque the one it hid
	Same    *bool         // modify: is the content the same as before; nil when not known
}

// Log returns what every layer did to the path, oldest first; nil if no layer ever held it. A path held only below symlinks is resolved like Owner's.
func (img *Image) Log(path string) []Change { panic("stub") }

// Hit is a version of a path that a search found.
type Hit struct {
	Version  tarfs.Version
	Status   string // live, overwritten, deleted
	HiddenBy int    // layer, or NoLayer
	How      tarfs.How
}

// Hits yields every version of every path in path order, each path's oldest first.
func (img *Image) Hits() iter.Seq[Hit] { panic("stub") }

// Hidden returns the versions that the image still carries but no longer shows, largest first.
func (img *Image) Hidden() []Hit { panic("stub") }

// LayerFacts is what layers says of one layer.
type LayerFacts struct {
	Index                    int
	Digest, DiffID, ChainID  string
	MediaType, Compression   string
	Size, Unpacked           int64
	Files                    int
	Added, Modified, Deleted int
	HiddenBytes              int64
	Instruction              Instruction
}

// LayerFacts returns the facts of every layer, oldest first.
func (img *Image) LayerFacts() []LayerFacts { panic("stub") }

// Content returns the content of a file's version. Where the image was verified the content is checked again before the first byte is handed out.
func (img *Image) Content(ctx context.Context, v tarfs.Version) (io.ReadCloser, error) { panic("stub") }
