package extract

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"layup/analyze"
	"layup/tarfs"
)

// Into builds the plan under a directory that is new or empty. What is built has a temporary name until it is whole and proven; on failure
// it is removed. First all directories are made, closed to everybody else, then files, then what is no file and hard links, and at last the
// directories get their modes and times.
func (p *Plan) Into(ctx context.Context, dir string, opt Options) (Result, error) {
	if err := p.checkSize(); err != nil {
		return Result{}, err
	}
	place, err := newPlace(dir)
	if err != nil {
		return Result{}, &PlaceError{err}
	}
	b := &builder{plan: p, opt: opt, place: place, euid: uint32(os.Geteuid()), egid: uint32(os.Getegid()), buf: make([]byte, passBuffer)}
	b.at = climber{plan: p, top: place.root}
	err = b.build(ctx)
	b.at.close()
	if err != nil {
		if left := place.abandon(); left != nil {
			err = fmt.Errorf("%w; %w", err, left)
		}
	}
	return b.result, errors.Join(err, place.close())
}

// The bytes of a content that are copied at once.
const passBuffer = 256 << 10

// A builder makes what a plan names.
type builder struct {
	plan       *Plan
	opt        Options
	place      *place
	at         climber
	euid, egid uint32
	buf        []byte
	result     Result
	gone       map[tarfs.Node]bool // left out
	names      map[int32][]int     // of an item that could not be made: the other names of the file
	made       map[int32]int       // of such an item: the name that was made in its place
}

func (b *builder) build(ctx context.Context) error {
	steps := []func(int) error{b.directory, nil, b.special, b.link}
	for _, step := range steps {
		if step == nil {
			if err := b.files(ctx); err != nil {
				return err
			}
			continue
		}
		for i := range b.plan.items {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := step(i); err != nil {
				return err
			}
		}
	}
	return b.finish(ctx)
}

// path names an item in a message, as it is in the image.
func (b *builder) path(i int) string { return b.plan.items[i].version.Node().Path() }

// entry calls f with the open directory that an item belongs into and its name there. It reports whether the item was made: it is not where
// the target cannot hold it and that is to be lived with.
func (b *builder) entry(i int, f func(at *folder, name string) error) (bool, error) {
	n := b.plan.items[i].version.Node()
	if b.gone[n.Parent()] || b.gone[n] {
		b.lose(n)
		return false, nil
	}
	err := checkName(n.Name())
	if err == nil {
		var at *folder
		if at, err = b.at.to(n); err != nil {
			return false, fmt.Errorf("%q: %w", b.path(i), plain(err))
		}
		err = f(at, n.Name())
	}
	if err == nil {
		return true, nil
	}
	if b.opt.KeepGoing && Refused(err) {
		b.lose(n)
		b.result.leave(Unstorable, b.path(i), plain(err))
		return false, nil
	}
	return false, fmt.Errorf("%q: %w", b.path(i), plain(err))
}

// A makeError says that a name could not be made.
type makeError struct{ error }

func (e *makeError) Unwrap() error { return e.error }

func making(err error) error {
	if err == nil {
		return nil
	}
	return &makeError{plain(err)}
}

// lose notes that something is not there.
func (b *builder) lose(n tarfs.Node) {
	if b.gone == nil {
		b.gone = map[tarfs.Node]bool{}
	}
	b.gone[n] = true
}

// directory makes a directory that only its owner can enter.
func (b *builder) directory(i int) error {
	v := b.plan.items[i].version
	if v.Type() != tarfs.Dir {
		return nil
	}
	made := v.Node().IsRoot()
	if !made {
		var err error
		made, err = b.entry(i, func(at *folder, name string) error { return making(at.root.Mkdir(name, 0o700)) })
		if err != nil {
			return err
		}
	}
	if made {
		b.result.Count[tarfs.Dir]++
	}
	return nil
}

// files writes the regular files in the order in which their contents come past.
func (b *builder) files(ctx context.Context) error {
	items, versions := b.plan.files()
	return b.plan.img.Bodies(ctx, versions, func(which []int, body *analyze.Body) error {
		var source *os.File // the first file with this content that was made
		defer func() {
			if source != nil {
				source.Close()
			}
		}()
		for _, k := range which {
			f, err := b.file(items[k], body, source)
			switch {
			case err != nil:
				return err
			case source == nil:
				source = f
			case f != nil:
				if err := f.Close(); err != nil {
					return fmt.Errorf("%q: %w", b.path(items[k]), plain(err))
				}
			}
		}
		if source == nil {
			return nil
		}
		err := source.Close()
		source = nil
		return plain(err)
	})
}

// file makes a regular file with its content, from another one where the body has been read already. Without an error and a file it was left out.
func (b *builder) file(i int, body *analyze.Body, from *os.File) (made *os.File, err error) {
	_, err = b.first(i, func(at *folder, name string) error {
		f, err := at.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return making(err)
		}
		if from == nil {
			err = b.fill(f, body, body)
		} else {
			err = b.fill(f, body, &pieces{from: from, extents: body.Extents})
		}
		if err == nil {
			err = b.settle(i, at, name, f)
		}
		if err != nil {
			return errors.Join(err, f.Close())
		}
		made = f
		return nil
	})
	if made != nil {
		b.result.Count[tarfs.File]++
	}
	return made, err
}

// first makes the first name of something, or another of its names where the target cannot hold that one.
func (b *builder) first(i int, f func(at *folder, name string) error) (bool, error) {
	made, err := b.entry(i, f)
	if made || err != nil || !b.opt.KeepGoing {
		return made, err
	}
	for _, k := range b.namesOf(i) {
		if made, err = b.entry(k, f); made || err != nil {
			if b.made == nil {
				b.made = map[int32]int{}
			}
			b.made[int32(i)] = k
			return made, err
		}
	}
	return false, nil
}

// namesOf returns the further names of an item.
func (b *builder) namesOf(i int) []int {
	if b.names == nil {
		b.names = map[int32][]int{}
		for k, it := range b.plan.items {
			if it.first != int32(k) {
				b.names[it.first] = append(b.names[it.first], k)
			}
		}
	}
	return b.names[int32(i)]
}

// fill writes the pieces of a content and leaves the holes.
func (b *builder) fill(f *os.File, body *analyze.Body, from io.Reader) error {
	end := int64(0)
	for _, e := range body.Extents {
		end = e.FileOffset
		for left := e.Size; left > 0; {
			n, err := io.ReadFull(from, b.buf[:min(left, int64(len(b.buf)))])
			if err != nil {
				return err
			}
			if _, err := f.WriteAt(b.buf[:n], end); err != nil {
				return plain(err)
			}
			end += int64(n)
			left -= int64(n)
			b.result.Bytes += int64(n)
		}
	}
	if end < body.Size {
		return plain(f.Truncate(body.Size))
	}
	return nil
}

// pieces reads from a file that was written what was written into it, one piece behind the other.
type pieces struct {
	from    *os.File
	extents []tarfs.Extent
	done    int64
}

func (p *pieces) Read(b []byte) (int, error) {
	for len(p.extents) > 0 && p.done == p.extents[0].Size {
		p.extents, p.done = p.extents[1:], 0
	}
	if len(p.extents) == 0 {
		return 0, io.EOF
	}
	e := p.extents[0]
	n, err := p.from.ReadAt(b[:min(int64(len(b)), e.Size-p.done)], e.FileOffset+p.done)
	p.done += int64(n)
	return n, err
}

// special makes symlinks, FIFOs and devices: after the files, so that nothing is ever written while there is a symlink.
func (b *builder) special(i int) error {
	v := b.plan.items[i].version
	if b.plan.items[i].first != int32(i) || v.Type() == tarfs.File || v.Type() == tarfs.Dir {
		return nil
	}
	if (v.Type() == tarfs.Char || v.Type() == tarfs.Block) && (!b.opt.Devices || !canDevices) {
		b.lose(v.Node())
		b.result.leave(LeftDevices, b.path(i), nil)
		return nil
	}
	made, err := b.first(i, func(at *folder, name string) error {
		var err error
		switch v.Type() {
		case tarfs.Symlink:
			err = at.root.Symlink(v.Link(), name)
		default:
			err = at.mknod(name, v)
		}
		if err != nil {
			return making(err)
		}
		return b.settle(i, at, name, nil)
	})
	if made {
		b.result.Count[v.Type()]++
	}
	return err
}

// link makes a further name of what is there.
func (b *builder) link(i int) error {
	first := int(b.plan.items[i].first)
	if first == i {
		return nil
	}
	if other, ok := b.made[int32(first)]; ok {
		first = other
	}
	if first == i {
		return nil
	}
	if v := b.plan.items[first].version; b.gone[v.Node()] {
		if !b.gone[b.plan.items[i].version.Node()] && (v.Type() == tarfs.Char || v.Type() == tarfs.Block) {
			b.result.leave(LeftDevices, b.path(i), nil)
		}
		return nil
	}
	made, err := b.entry(i, func(*folder, string) error {
		return making(b.place.root.Link(b.plan.name(first), b.plan.name(i)))
	})
	if made {
		b.result.Count[b.plan.items[i].version.Type()]++
	}
	return err
}

// finish gives the directories their modes and times, the deepest first, and shows the tree. Where it moves up into an existing directory,
// those at its top have to wait, for a directory that is closed to its owner cannot be moved.
func (b *builder) finish(ctx context.Context) error {
	var waiting []int
	for i := range slices.Backward(b.plan.items) {
		v := b.plan.items[i].version
		if v.Type() != tarfs.Dir || b.gone[v.Node()] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if b.place.moves() && b.plan.depth(v.Node()) <= 1 {
			waiting = append(waiting, i)
			continue
		}
		if err := b.close(i, b.place.root); err != nil {
			return err
		}
	}
	if len(b.plan.items) == 0 || !b.plan.items[0].version.Node().IsRoot() {
		if err := b.place.open(); err != nil {
			return err
		}
	}
	if err := b.place.commit(); err != nil {
		return err
	}
	b.at.close()
	b.at.top = b.place.outer
	for _, i := range waiting {
		if err := b.close(i, b.place.outer); err != nil {
			return err
		}
	}
	return nil
}

// close gives a directory of the tree below top its mode and time.
func (b *builder) close(i int, top *os.Root) error {
	n := b.plan.items[i].version.Node()
	at, name := &folder{root: top}, "."
	if !n.IsRoot() {
		var err error
		if at, err = b.at.to(n); err != nil {
			return fmt.Errorf("%q: %w", b.path(i), plain(err))
		}
		name = n.Name()
	} else {
		defer func() {
			if at.file != nil {
				at.file.Close()
			}
		}()
	}
	f, err := at.directory(name)
	if err != nil {
		return fmt.Errorf("%q: %w", b.path(i), plain(err))
	}
	if err := errors.Join(b.settle(i, at, name, f), f.Close()); err != nil {
		return fmt.Errorf("%q: %w", b.path(i), plain(err))
	}
	return nil
}
