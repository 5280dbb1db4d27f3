// Package browse is the command browse: an image, or the difference of two, in a terminal.
package browse

import (
	"context"
	"errors"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/pflag"

	"layup/analyze"
	databases "layup/analyze/packages"
	"layup/analyze/show"
	"layup/report/call"
)

const details = `
On the left the layers, with the size of each and what it hides; on the right the tree, with the size of every
directory; below them what is known of the selected path: owner, instruction, history. A layer that is selected
shows the tree as it is after it, with what it added (A), modified (M) and deleted (D). Of two images, it shows
the tree of B and what differs from A.

? lists the keys; those of dive work also. Nothing is written unless e extracts into a new directory.
`

// Browse is the command.
func Browse() call.Command {
	return call.Command{Name: "browse", Group: call.Image, Brief: "look around",
		Args: "IMAGE [B]", Min: 1, Max: 2, Plain: true, New: newBrowse, Details: details,
		About:    "look around in an image, or in what differs in two",
		Refuses:  []call.Refusal{call.OneImage, call.NoTOC},
		Examples: []string{"layup browse shop.tar", "layup browse shop-1.tar shop-2.tar"}}
}

func newBrowse(*pflag.FlagSet) call.Answer {
	return func(ctx context.Context, c *call.Call) (int, error) {
		if !c.Interactive() {
			return call.Failed, call.Usage("layup ls -R "+show.Shell(c.Args[0])+"  lists the files anywhere",
				"browse: needs a terminal for input and output")
		}
		needs := analyze.Needs{Bodies: analyze.SomeBodies, Origin: true, Sieve: databases.Needs(false).Sieve}
		if len(c.Args) == 1 {
			return c.One(ctx, needs, func(img *analyze.Image) (int, error) {
				return call.Answered, run(ctx, c, newBrowser(ctx, img))
			})
		}
		images, err := c.Load(ctx, c.Args, needs)
		if err != nil {
			return call.Failed, err
		}
		defer images.Close()
		if status := images.Refused(c); status != call.Answered {
			return status, nil
		}
		a, b := images[0].Image.After(analyze.Last), images[1].Image.After(analyze.Last)
		difference, err := analyze.Compare(ctx, a, b, 0)
		if err != nil {
			return call.Failed, err
		}
		return call.Answered, run(ctx, c, newDifference(ctx, difference))
	}
}

// run shows the browser until it is left.
func run(ctx context.Context, c *call.Call, b *browser) error {
	in, out := c.Screen()
	_, err := tea.NewProgram(b, tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out),
		tea.WithoutSignalHandler()).Run()
	if ctx.Err() != nil || errors.Is(err, tea.ErrInterrupted) {
		return context.Cause(ctx)
	}
	return err
}
