// Package layout keeps blobs while they are fetched, and writes them as an OCI image layout: a directory or a tar. Its
// bytes depend on the blobs and documents only. The target is complete or does not exist.
package layout

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"layup/analyze/digest"
	"layup/analyze/source/disk"
	"layup/analyze/temporary"
)

// A Blob names content by its digest.
type Blob struct {
	Digest  string // sha256:HEX or sha512:HEX, checked by the caller
	Size    int64  // bytes
	Content []byte // of a blob that the caller holds and has verified; nil if it must be fetched
}

func (b Blob) hash() hash.Hash {
	h, _ := digest.New(digest.Algorithm(b.Digest)) // the caller has checked it
	return h
}

// name is where a layout keeps the blob.
func (b Blob) name() string { return path.Join(b.dir(), digest.Hex(b.Digest)) }

func (b Blob) dir() string { return path.Join(blobs, digest.Algorithm(b.Digest)) }

// match compares a digest that was computed.
func (b Blob) match(h hash.Hash) error {
	return digest.Compare(b.Digest, digest.Sum(digest.Algorithm(b.Digest), h))
}

// The names in a partial directory, beside those of a layout.
const (
	blobs    = "blobs"
	incoming = "incoming" // incomplete blobs
	lockName = "lock"
	building = "target.tar" // a tar before it is complete
	finished = "finished"   // with building gone, it says that the tar is in its place
)

// The modes of files and directories, whatever the umask.
const (
	fileMode = 0o644
	dirMode  = 0o755
)

// A Partial is a directory of what was fetched so far: complete, verified blobs under their digests, and a file for
// each incomplete blob. It belongs to one process at a time. Several goroutines may call its methods for different
// blobs.
type Partial struct {
	dir  string
	root *os.Root
	in   *os.Root // of incomplete blobs
	lock *os.File
	over bool // an earlier process finished, but did not remove the directory

	mu   sync.Mutex
	dirs map[string]*os.Root // of complete blobs, by algorithm

	// Fresh says that no earlier process left anything: Has and Begun need not be asked.
	Fresh bool
}

// Open creates the directory, or continues with what an earlier process left there; fresh removes that.
func Open(dir string, fresh bool) (*Partial, error) {
	made := os.Mkdir(dir, dirMode)
	if made != nil && !errors.Is(made, fs.ErrExist) {
		return nil, made
	}
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		return nil, errors.Join(err, fmt.Errorf("%q is not a directory", dir))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	p := &Partial{dir: dir, root: root, Fresh: made == nil}
	if p.lock, err = root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, fileMode); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	if err := p.prepare(fresh); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// prepare takes the lock and creates the directories.
func (p *Partial) prepare(fresh bool) error {
	if temporary.Lock(p.lock) == temporary.ErrBusy {
		return fmt.Errorf("%q is in use by another pull", p.dir)
	}
	_, err := p.root.Lstat(finished)
	_, tarErr := p.root.Lstat(building)
	p.over = err == nil && errors.Is(tarErr, fs.ErrNotExist)
	if fresh || p.over {
		if err := p.clear(map[string]bool{lockName: true}); err != nil {
			return err
		}
		p.Fresh = true
	}
	if !p.Fresh {
		if err := p.unlink(); err != nil {
			return err
		}
	}
	for _, dir := range []string{blobs, incoming} {
		if err := p.mkdir(dir); err != nil {
			return err
		}
	}
	p.in, err = p.root.OpenRoot(incoming)
	return err
}

// unlink removes the names of files that also have other names: nobody may want these files to be written.
func (p *Partial) unlink() error {
	return fs.WalkDir(p.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || name == lockName {
			return err
		}
		info, err := d.Info()
		if err != nil || !disk.Linked(info) {
			return err
		}
		return p.root.Remove(name)
	})
}

// mkdir creates a directory unless it exists.
func (p *Partial) mkdir(name string) error {
	if err := p.root.Mkdir(name, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Close lets another process continue from here.
func (p *Partial) Close() error { return errors.Join(p.closeDirs(), p.root.Close(), p.lock.Close()) }

// closeDirs closes the directories of blobs, before they are removed.
func (p *Partial) closeDirs() (err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.in != nil {
		err = p.in.Close()
	}
	for _, dir := range p.dirs {
		err = errors.Join(err, dir.Close())
	}
	p.in, p.dirs = nil, nil
	return err
}

// open opens the directory of a complete blob, and makes it for the first of its algorithm. It stays open: there may
// be very many blobs.
func (p *Partial) open(b Blob) (*os.Root, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	algorithm := digest.Algorithm(b.Digest)
	if dir := p.dirs[algorithm]; dir != nil {
		return dir, nil
	}
	if err := p.mkdir(b.dir()); err != nil {
		return nil, err
	}
	dir, err := p.root.OpenRoot(b.dir())
	if err != nil {
		return nil, err
	}
	if p.dirs == nil {
		p.dirs = map[string]*os.Root{}
	}
	p.dirs[algorithm] = dir
	return dir, nil
}

// blob opens a complete blob.
func (p *Partial) blob(b Blob) (*os.File, error) {
	dir, err := p.open(b)
	if err != nil {
		return nil, err
	}
	return dir.Open(digest.Hex(b.Digest))
}

// Remove closes the directory and removes it with everything in it: last what says that it is not needed.
func (p *Partial) Remove() error {
	err := p.closeDirs()
	err = errors.Join(err, p.clear(map[string]bool{lockName: true, finished: true}))
	return errors.Join(err, p.Close(), os.RemoveAll(p.dir))
}

// Has reports whether the complete blob is there. It reads the blob, and removes what is not a file with its digest.
func (p *Partial) Has(ctx context.Context, b Blob) (bool, error) {
	dir, err := p.open(b)
	if err != nil {
		return false, err
	}
	name := digest.Hex(b.Digest)
	switch info, err := dir.Lstat(name); {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, dir.RemoveAll(name)
	}
	f, err := dir.Open(name)
	if err != nil {
		return false, err
	}
	h := b.hash()
	n, err := io.Copy(h, reader(ctx, f))
	if err := errors.Join(err, f.Close()); err != nil {
		return false, err
	}
	if n == b.Size && b.match(h) == nil {
		return true, nil
	}
	return false, dir.Remove(name)
}

// Begun returns how many bytes of an incomplete blob are there.
func (p *Partial) Begun(b Blob) int64 {
	info, err := p.in.Stat(partial(b))
	if err != nil {
		return 0
	}
	return min(info.Size(), b.Size)
}

// partial is the name of an incomplete blob in its directory.
func partial(b Blob) string { return strings.Replace(b.Digest, ":", "-", 1) }

// put writes the content of a blob that the caller holds.
func (p *Partial) put(b Blob) error {
	dir, err := p.open(b)
	if err != nil {
		return err
	}
	name := digest.Hex(b.Digest)
	if err := dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) { // it may be a link
		return err
	}
	f, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(b.Content)
	return errors.Join(err, f.Close())
}

// From opens a blob at an offset. The reader ends at the blob's end.
type From func(ctx context.Context, offset int64) (io.ReadCloser, error)

// Fetch completes a blob: it continues after the bytes that are there, and compares the digest. The bytes stay if
// reading fails. If the digest of a blob that an earlier process began differs, Fetch fetches it again. It tells
// progress the number of bytes that came or were there; negative if they do not count after all. It does not wait for
// the disk: whoever continues compares the digest again.
func (p *Partial) Fetch(ctx context.Context, b Blob, from From, progress func(int64)) error {
	p.mu.Lock()
	f, err := p.in.OpenFile(partial(b), os.O_RDWR|os.O_CREATE, fileMode)
	p.mu.Unlock()
	if err != nil {
		return err
	}
	begun, err := p.complete(ctx, f, b, from, progress)
	if errors.Is(err, digest.ErrMismatch) && begun > 0 {
		progress(-b.Size)
		if err = f.Truncate(0); err == nil {
			_, err = p.complete(ctx, f, b, from, progress)
		}
	}
	if errors.Is(err, digest.ErrMismatch) {
		progress(-b.Size)
		return errors.Join(err, f.Close(), p.in.Remove(partial(b)))
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return p.name(b)
}

// complete fetches the rest of a blob and compares its digest. It returns how many bytes were there before.
func (p *Partial) complete(ctx context.Context, f *os.File, b Blob, from From,
	progress func(int64)) (begun int64, err error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("%q is not a file", filepath.Join(p.dir, incoming, partial(b)))
	}
	h := b.hash()
	if info.Size() > 0 {
		if begun, err = io.Copy(h, reader(ctx, io.LimitReader(f, b.Size))); err != nil {
			return 0, err
		}
		if err := f.Truncate(begun); err != nil {
			return 0, err
		}
		progress(begun)
	}
	if begun < b.Size || b.Size == 0 {
		if err := read(ctx, f, h, b, begun, from, progress); err != nil {
			return begun, err
		}
	}
	return begun, b.match(h)
}

// copySize is how many bytes of a blob are copied at once.
const copySize = 32 << 10

// read copies the rest of a blob.
func read(ctx context.Context, f *os.File, h hash.Hash, b Blob, begun int64, from From, progress func(int64)) error {
	r, err := from(ctx, begun)
	if err != nil {
		return err
	}
	buffer := make([]byte, max(1, min(b.Size-begun, copySize)))
	n, err := io.CopyBuffer(io.MultiWriter(f, h, counter(progress)), reader(ctx, r), buffer)
	err = errors.Join(err, r.Close())
	if err == nil && begun+n != b.Size {
		err = fmt.Errorf("blob %s: want %d bytes, got %d: %w", b.Digest, b.Size, begun+n, io.ErrUnexpectedEOF)
	}
	return err
}

// name gives a complete blob its name in the layout.
func (p *Partial) name(b Blob) error {
	if _, err := p.open(b); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.root.Rename(path.Join(incoming, partial(b)), b.name())
}

// A counter tells how many bytes are written to it.
type counter func(int64)

func (c counter) Write(p []byte) (int, error) {
	c(int64(len(p)))
	return len(p), nil
}

// reader returns a reader that ends with the context.
func reader(ctx context.Context, r io.Reader) io.Reader { return &bound{ctx, r} }

type bound struct {
	ctx context.Context
	r   io.Reader
}

func (b *bound) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	return b.r.Read(p)
}

// Head returns the first bytes of a complete blob, at most n.
func (p *Partial) Head(b Blob, n int64) ([]byte, error) {
	if b.Content != nil {
		return b.Content[:min(n, b.Size)], nil
	}
	f, err := p.blob(b)
	if err != nil {
		return nil, err
	}
	head, err := io.ReadAll(io.LimitReader(f, n))
	return head, errors.Join(err, f.Close())
}
