package report

import (
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/report/render"
)

const hiddenDetails = `
Every version of a path that a later layer deleted or overwrote, largest first. Whoever has the image
can read them: layup cat --layer N IMAGE PATH. The bytes below the table count each file once,
however many hard links it has.
`

func newHidden(f *pflag.FlagSet) Answer {
	digests := f.Bool("digests", false, "show the SHA-256 of the files' content")
	return about(digests, func(c *Call, img *analyze.Image, _ []string) (part, error) {
		var p part
		hits := img.Hidden()
		p.Fields, p.Rows, p.Columns = versionFields, hitRows(img, slices.Values(hits)), hitColumns(*digests)
		bytes := int64(0)
		for _, l := range img.LayerFacts() {
			bytes += l.HiddenBytes
		}
		p.Footer = "nothing is hidden"
		if len(hits) > 0 {
			p.Footer = fmt.Sprintf("%d hidden, %s", len(hits), render.Size(bytes))
		}
		return p, nil
	})
}
