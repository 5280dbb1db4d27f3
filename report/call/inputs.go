package call

import (
	"context"
	"iter"

	"layup/analyze"
	"layup/analyze/show"
)

// Inputs yields what open makes of each name. With --all, a name may be a folder: then of each file and layout in it. A
// note says what is skipped.
func Inputs[T any](ctx context.Context, c *Call, names []string,
	open func(name string) (T, error)) iter.Seq[analyze.Found[T]] {
	one := func(name string) iter.Seq2[T, error] {
		return func(yield func(T, error) bool) { yield(open(name)) }
	}
	return func(yield func(analyze.Found[T]) bool) {
		for _, name := range names {
			if !c.all {
				value, err := open(name)
				if !yield(analyze.Found[T]{Name: name, Value: value, Err: err}) {
					return
				}
				continue
			}
			for found := range analyze.Folder(ctx, name, one) {
				if found.Skipped != "" {
					c.noteSkipped(found.Name, found.Skipped)
				} else if !yield(found) {
					return
				}
			}
		}
	}
}

// noteSkipped says why something in a folder is not an input.
func (c *Call) noteSkipped(name, why string) { c.Note("skipped " + show.Shell(name) + ": " + why) }
