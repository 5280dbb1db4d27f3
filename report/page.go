package report

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/show"
	"layup/report/call"
	"layup/report/diff"
	"layup/report/render"
	"layup/report/render/html"
)

const pageDetails = `
Writes one page for a browser, to be attached to an audit or sent by mail. It needs no network and asks for none: the
record of verify, the layers, maps of the sizes, every path of every layer with its history, what is hidden or wasted,
sensitive and setuid files, secrets of the history, the configuration and the warnings are in the file. The page can
be searched, used with the keyboard alone, and printed. Nothing of the image is markup.

The same image and the same command line give the same bytes: the page holds no date but those of the image. It names
the version of layup and the command line, without -o. Passwords in it are masked, and so are secrets of the history
and of the configuration unless --show-secrets is given. --no-verify leaves the record out.

--digests reads more than a listing does: the page then also holds the SHA-256 of every file in its history, duplicates,
what of hidden is metadata only, and in the record the digest of the input as a whole and its other blobs.

With two images the page is their difference, as diff says it: layers shared, added and removed, sizes by layer and by
directory, the configuration, and the paths that were added, changed or removed with their owners.

-o replaces a page that layup made. It replaces another file only with --force.
`

// A pageRequest is what the flags of report ask for.
type pageRequest struct {
	showSecrets, digests, force bool
	choice                      diff.Choice // of two images
}

func newPage(f *pflag.FlagSet) call.Answer {
	r := &pageRequest{}
	f.BoolVar(&r.digests, "digests", false, "also hash what listing does not: each file, so that duplicates and "+
		"what only changed in metadata are known, and the input as a whole")
	f.BoolVar(&r.showSecrets, "show-secrets", false, "show the values of secrets")
	f.BoolVar(&r.force, "force", false, "replace a file that is not a page of layup")
	r.choice.Flags(f)
	return r.answer
}

func (r *pageRequest) answer(ctx context.Context, c *call.Call) (int, error) {
	if err := r.checkTarget(c); err != nil {
		return call.Failed, err
	}
	if len(c.Args) == 2 {
		return r.compare(ctx, c)
	}
	opt, err := c.Options(c.Args, analyze.Needs{Digests: r.digests, Dense: true, Secrets: true})
	if err != nil {
		return call.Failed, err
	}
	img, record, err := analyze.OpenRecorded(ctx, c.Args[0], opt, r.digests)
	list := call.Images{{Name: c.Args[0], Image: img, Err: err}}
	defer list.Close()
	if ctx.Err() != nil {
		return call.Failed, ctx.Err()
	}
	if status := list.Refused(c); status != call.Answered {
		return status, nil
	}
	page := r.page(c, img, record)
	if err := c.Write(ctx, func(w io.Writer, _ render.Terminal) error { return page.Write(w) }); err != nil {
		return call.Failed, err
	}
	list.Complain(c)
	if len(img.Errors()) > 0 {
		return call.Partly, nil
	}
	return call.Answered, nil
}

// checkTarget refuses a terminal as the place of a page, and a file that is something else.
func (r *pageRequest) checkTarget(c *call.Call) error {
	if c.Output == "" && c.Terminal().TTY {
		return call.Usage(c.Line("output")+" -o report.html", "report: a page is for a browser, not for a terminal")
	}
	if r.force || c.Output == "" || c.Output == "-" {
		return nil
	}
	f, err := os.Open(c.Output)
	if err != nil {
		return nil // whatever is wrong, writing says it
	}
	defer f.Close() // opened for reading: closing cannot lose anything
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return nil
	}
	head := make([]byte, len(html.Mark))
	if _, err := io.ReadFull(f, head); err == nil && bytes.Equal(head, []byte(html.Mark)) {
		return nil
	}
	again := c.Line("output", "force") + " --force -o " + show.Shell(c.Output)
	return call.Usage(again, "-o %s: exists and is not a page of layup", show.Path(c.Output))
}

// page is the page about one image.
func (r *pageRequest) page(c *call.Call, img *analyze.Image, v *analyze.Verification) html.Page {
	secrets := img.Secrets()
	facts := img.LayerFacts()
	layers := make([]layer, len(facts))
	for i, l := range facts {
		layers[i] = layer{l, img.LayersRead()}
	}
	sections := []html.Section{
		{Name: "about", Section: aboutPage(c, img, facts)},
		{Name: "layers", Section: layersTable.Section(layers)},
		{Name: "waste", Section: wasteSection(img, r.digests)},
		{Name: "secrets", Section: secretsTable(r.showSecrets).Section(secrets)},
		{Name: "history", Section: stepsTable.Section(img.Steps())},
		{Name: "config", Section: configSection(img)},
	}
	if v != nil {
		sections = append(sections, html.Section{Name: "record", Section: recordSection(v)})
	}
	r.mask(sections, secrets)
	return html.Page{Title: fmt.Sprintf("layup report: %s", analyze.Title(img.Image)), Sections: sections,
		Tables: []*html.Table{filesOf(img, r.digests), unseenOf(img)}}
}

// mask masks secrets in the sections of a page.
func (r *pageRequest) mask(sections []html.Section, secrets []analyze.Secret) {
	if r.showSecrets {
		return
	}
	mask := analyze.Mask(secrets)
	for i := range sections {
		maskSection(&sections[i].Section, mask)
	}
}

// compare writes the page about the difference of two images.
func (r *pageRequest) compare(ctx context.Context, c *call.Call) (int, error) {
	if c.Args[0] == "-" && c.Args[1] == "-" {
		return call.Failed, call.Usage("write one of them to a file", "report: standard input cannot be both images")
	}
	list, sides, err := r.choice.Load(ctx, c, analyze.Needs{Digests: r.digests}, 0)
	if err != nil {
		return call.Failed, err
	}
	defer list.Close()
	if status := diff.Unfit(c, list); status != call.Answered {
		return status, nil
	}
	compared, err := analyze.Compare(ctx, sides[0], sides[1], 0)
	if err != nil {
		return call.Failed, err
	}
	page, err := r.comparison(c, list, compared)
	if err != nil {
		return call.Failed, err
	}
	if err := c.Write(ctx, func(w io.Writer, _ render.Terminal) error { return page.Write(w) }); err != nil {
		return call.Failed, err
	}
	list.Complain(c)
	for _, l := range list {
		if len(l.Image.Errors()) > 0 {
			return call.Partly, nil
		}
	}
	return call.Answered, nil
}

// comparison is the page about two images.
func (r *pageRequest) comparison(c *call.Call, list call.Images, compared *analyze.Comparison) (html.Page, error) {
	facts := diff.Facts(list, compared)
	var secrets []analyze.Secret
	sizes := map[string]pageSide{}
	title := "layup report:"
	for i, l := range list {
		secrets = append(secrets, l.Image.Secrets()...)
		account := l.Image.Account()
		side := pageSide{Facts: factsOfPage(l.Image, l.Image.LayerFacts()), Stored: account.Stored, Live: account.Live,
			Hidden: account.Hidden}
		for _, one := range account.Layers {
			side.Layers = append(side.Layers, layerBytes{one.Stored, one.Live, one.Hidden})
		}
		sizes[[...]string{"a", "b"}[i]] = side
		title += [...]string{" ", " and "}[i] + analyze.Title(l.Image.Image)
	}
	if err := plainExtras(facts.Extra); err != nil {
		return html.Page{}, err
	}
	about := render.Section{Extra: []render.Extra{{Name: "tool", Value: toolOf("")},
		{Name: "line", Value: c.Line("output", "force")}, {Name: "sides", Value: sizes}}}
	sections := []html.Section{{Name: "about", Section: about}, {Name: "difference", Section: facts}}
	r.mask(sections, secrets)
	return html.Page{Title: title, Sections: sections, Tables: []*html.Table{differencesOf(compared)}}, nil
}
