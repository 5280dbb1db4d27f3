package extract

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"layup/analyze/temporary"
	"layup/tarfs"
)

// Into builds the plan in a directory that is new or empty. The tree has a temporary name until it is complete and
// verified; on failure Into removes it. First it makes all directories, closed to other users, then files, then other
// types and hard links. Finally the directories get their modes and times.
func (p *Plan) Into(ctx context.Context, dir string, opt Options) (Result, error) {
	items, versions, err := p.files()
	if err != nil {
		return Result{}, err
	}
	place, err := temporary.NewDir(dir)
	if err != nil {
		return Result{}, &PlaceError{err}
	}
	b := &builder{
		plan: p, opt: opt, place: place, at: climber{plan: p, ahead: singly, chain: []folder{{root: place.Root}}},
		items: items, versions: versions, gone: map[tarfs.Node]bool{}, made: map[int32]int{},
		euid: uint32(os.Geteuid()), egid: uint32(os.Getegid()), buf: make([]byte, bufferSize),
	}
	err = b.build(ctx)
	b.at.close()
	if err != nil {
		if left := place.Discard(); left != nil {
			err = fmt.Errorf("%w; %w", err, left)
		}
	}
	return b.result, errors.Join(err, place.Close())
}

// bufferSize is how many bytes are copied at once.
const bufferSize = 256 << 10

// A builder makes what a plan names.
type builder struct {
	plan       *Plan
	opt        Options
	place      *temporary.Dir
	at         climber
	items      []int // of the regular files
	versions   []tarfs.Version
	euid, egid uint32
	buf        []byte
	result     Result
	gone       map[tarfs.Node]bool // left out
	names      map[int32][]int     // by first name: the other names of the file
	made       map[int32]int       // by first name that could not be made: the name made instead
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

// path returns the path of an item in the image, for messages.
func (b *builder) path(i int) string { return b.plan.items[i].version.Node().Path() }

// entry calls f with the open directory of an item and its name there. It returns false without an error if the item
// was left out: the target cannot hold it, and the options say to keep going.
func (b *builder) entry(i int, f func(at *folder, name string) error) (bool, error) {
	n := b.plan.items[i].version.Node()
	if b.gone[n.Parent()] || b.gone[n] {
		b.gone[n] = true
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
		b.gone[n] = true
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

// directory makes a directory that only its owner may enter.
func (b *builder) directory(i int) (err error) {
	v := b.plan.items[i].version
	if v.Type() != tarfs.Dir {
		return nil
	}
	made := v.Node().IsRoot()
	if !made {
		made, err = b.entry(i, func(at *folder, name string) error { return making(at.root.Mkdir(name, 0o700)) })
	}
	if made {
		b.result.Count[tarfs.Dir]++
	}
	return err
}

// finish gives the directories their modes and times, the deepest first, and moves the tree to its place. If the tree
// moves into an existing directory, its top directories wait until after the move: the owner cannot move a directory
// that is closed to them.
func (b *builder) finish(ctx context.Context) error {
	b.at.ahead = upwards
	var waiting []int
	for i := range slices.Backward(b.plan.items) {
		v := b.plan.items[i].version
		if v.Type() != tarfs.Dir || b.gone[v.Node()] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if b.place.Moves() && b.plan.depth(v.Node()) <= 1 {
			waiting = append(waiting, i)
			continue
		}
		if err := b.close(i); err != nil {
			return err
		}
	}
	if len(b.plan.items) == 0 || !b.plan.items[0].version.Node().IsRoot() {
		if err := b.place.Open(); err != nil {
			return err
		}
	}
	if err := b.place.Commit(); err != nil {
		return err
	}
	b.at.close()
	b.at.chain[0].root = b.place.Outer()
	for _, i := range waiting {
		if err := b.close(i); err != nil {
			return err
		}
	}
	return nil
}

// close gives a directory its mode and time.
func (b *builder) close(i int) error {
	n := b.plan.items[i].version.Node()
	at, err := b.at.to(n)
	if err != nil {
		return fmt.Errorf("%q: %w", b.path(i), plain(err))
	}
	name := n.Name()
	if n.IsRoot() {
		name = "."
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
