package extract

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

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
