package report

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/digest"
	"layup/analyze/extract"
	"layup/analyze/show"
	"layup/analyze/temporary"
	"layup/report/call"
	"layup/report/render"
)

const unpackDetails = `
--overlay2 makes what Docker's overlay2 driver has of an image: for each layer a directory ID with diff
(what the layer wrote; what it deletes is a character device 0:0, a directory that hides its former
content has the attribute trusted.overlay.opaque), link (its short name), lower (the layers below, newest
first) and committed; l/ holds the short names. The engine takes IDs by chance, here they are the
chainIDs. Markers that hide nothing are left out. DIR must be new or empty, and shows up when it is whole;
it needs root.

The last line of the answer mounts the whole, with upper as the layer that a container writes to; unmount
with umount DIR/merged. A mount takes about 4,000 bytes of options: 130 layers.
`

func newUnpack(f *pflag.FlagSet) call.Answer {
	overlay := f.Bool("overlay2", false, "as the overlay2 driver of Docker keeps layers")
	return func(ctx context.Context, c *call.Call) (int, error) {
		image, dir := c.Args[0], c.Args[1]
		switch {
		case !*overlay:
			return call.Failed, call.Usage("layup unpack --overlay2 "+show.Shell(image)+" "+show.Shell(dir)+
				"; layup extract -C DIR takes the merged tree out", "unpack: as what? --overlay2 is missing")
		}
		if err := cmp.Or(c.CheckOutside("", dir), targetError("", dir, temporary.CheckDir(dir))); err != nil {
			return call.Failed, fmt.Errorf("unpack: %w", err)
		}
		return c.One(ctx, analyze.Needs{Bodies: analyze.SomeBodies}, func(img *analyze.Image) (int, error) {
			if len(img.Layers) == 0 {
				return call.Failed, call.Named(img, errors.New("has no layers"))
			}
			done := c.Undoing() // what was begun is removed before the program ends
			layers, err := extract.Overlay(ctx, img, dir)
			done()
			if err != nil {
				return call.Failed, call.Named(img, err)
			}
			status := call.Answered
			for _, l := range layers {
				status = call.Worst(status, leftOut(c, l.Result))
			}
			return status, c.Write(ctx, func(w io.Writer, t render.Terminal) error {
				for i, l := range layers {
					id := l.ID
					if t.Width > 0 && !t.Whole {
						id = digest.Short(digest.FromHex(id))
					}
					line := fmt.Sprintf("layer %d  %s  l/%s  %s", i, id, l.Link, show.Safe(img.Instruction(i).Short()))
					if _, err := fmt.Fprintln(w, t.Fit(line)); err != nil {
						return err
					}
				}
				_, err := fmt.Fprintf(w, "cd %s && mount -t overlay overlay -o lowerdir=%s,upperdir=upper,workdir=work merged\n",
					show.Shell(dir), extract.Lower(layers))
				return err
			})
		})
	}
}
