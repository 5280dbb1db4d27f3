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
	"strings"

	"layup/analyze/digest"
	"layup/analyze/temporary"
)

// A Blob names content by its digest.
type Blob struct {
	Digest string // sha256:HEX or sha512:HEX, checked by the caller
	Size   int64  // bytes
}

func (b Blob) hash() hash.Hash {
	h, _ := digest.New(digest.Algorithm(b.Digest)) // the caller has checked it
	return h
}

// name is where a layout keeps the blob.
func (b Blob) name() string {
	return path.Join(blobs, digest.Algorithm(b.Digest), digest.Hex(b.Digest))
}

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
	lock *os.File
	over bool // an earlier process finished, but did not remove the directory
}

// Open creates the directory, or continues with what an earlier process left there; fresh removes that.
func Open(dir string, fresh bool) (*Partial, error) {
	if err := os.Mkdir(dir, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if info, err := os.Lstat(dir); err != nil || !info.IsDir() {
		return nil, errors.Join(err, fmt.Errorf("%q is not a directory", dir))
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	p := &Partial{dir: dir, root: root}
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
	}
	for _, dir := range []string{blobs, incoming, path.Join(blobs, "sha256")} {
		if err := p.mkdir(dir); err != nil {
			return err
		}
	}
	return nil
}

// mkdir creates a directory unless it exists.
func (p *Partial) mkdir(name string) error {
	if err := p.root.Mkdir(name, dirMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// Close lets another process continue from here.
func (p *Partial) Close() error { return errors.Join(p.root.Close(), p.lock.Close()) }

// Remove closes the directory and removes it with everything in it: last what says that it is not needed.
func (p *Partial) Remove() error {
	err := p.clear(map[string]bool{lockName: true, finished: true})
	return errors.Join(err, p.Close(), os.RemoveAll(p.dir))
}

// Has reports whether the complete blob is there. It reads the blob, and removes one that does not have its digest.
func (p *Partial) Has(ctx context.Context, b Blob) (bool, error) {
	f, err := p.root.Open(b.name())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
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
	return false, p.root.Remove(b.name())
}

// Begun returns how many bytes of an incomplete blob are there.
func (p *Partial) Begun(b Blob) int64 {
	info, err := p.root.Stat(p.partial(b))
	if err != nil {
		return 0
	}
	return min(info.Size(), b.Size)
}

func (p *Partial) partial(b Blob) string {
	return path.Join(incoming, strings.Replace(b.Digest, ":", "-", 1))
}

// Put adds a blob with the given content.
func (p *Partial) Put(ctx context.Context, b Blob, content []byte) error {
	return p.Fetch(ctx, b, func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(string(content[offset:]))), nil
	}, func(int64) {})
}

// From opens a blob at an offset. The reader ends at the blob's end.
type From func(ctx context.Context, offset int64) (io.ReadCloser, error)

// Fetch completes a blob: it continues after the bytes that are there, and compares the digest. The bytes stay if
// reading fails. If the digest of a blob that an earlier process began differs, Fetch fetches it again. It tells
// progress the number of bytes that came or were there; negative if they do not count after all.
func (p *Partial) Fetch(ctx context.Context, b Blob, from From, progress func(int64)) error {
	f, err := p.root.OpenFile(p.partial(b), os.O_RDWR|os.O_CREATE, fileMode)
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
		return errors.Join(err, f.Close(), p.root.Remove(p.partial(b)))
	}
	if err == nil {
		err = f.Chmod(fileMode)
	}
	if err == nil {
		err = f.Sync()
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
	h := b.hash()
	begun, err = io.Copy(h, reader(ctx, io.LimitReader(f, b.Size)))
	if err != nil {
		return 0, err
	}
	if err := f.Truncate(begun); err != nil {
		return 0, err
	}
	progress(begun)
	if begun < b.Size || b.Size == 0 {
		if err := read(ctx, f, h, b, begun, from, progress); err != nil {
			return begun, err
		}
	}
	return begun, b.match(h)
}

// read copies the rest of a blob.
func read(ctx context.Context, f *os.File, h hash.Hash, b Blob, begun int64, from From, progress func(int64)) error {
	r, err := from(ctx, begun)
	if err != nil {
		return err
	}
	n, err := io.Copy(io.MultiWriter(f, h, counter(progress)), reader(ctx, r))
	err = errors.Join(err, r.Close())
	if err == nil && begun+n != b.Size {
		err = fmt.Errorf("blob %s: want %d bytes, got %d: %w", b.Digest, b.Size, begun+n, io.ErrUnexpectedEOF)
	}
	return err
}

// name gives a complete blob its name in the layout.
func (p *Partial) name(b Blob) error {
	if err := p.mkdir(path.Dir(b.name())); err != nil {
		return err
	}
	return p.root.Rename(p.partial(b), b.name())
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
	f, err := p.root.Open(b.name())
	if err != nil {
		return nil, err
	}
	head, err := io.ReadAll(io.LimitReader(f, n))
	return head, errors.Join(err, f.Close())
}
