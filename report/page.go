package report

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"layup/analyze"
	databases "layup/analyze/packages"
	"layup/analyze/show"
	"layup/analyze/signature"
	"layup/report/call"
	"layup/report/diff"
	"layup/report/packages"
	"layup/report/render"
	"layup/report/render/html"
	"layup/report/secrets"
	"layup/report/verify"
)

const pageDetails = `
Writes one page for a browser, to be attached to an audit or sent by mail. It needs no network and asks for none: the
record of verify, the layers with the lines of their Dockerfile if those are known, maps of the sizes, every path of
every layer with its history and package, what is hidden or wasted, sensitive and setuid files, packages, secrets of
the history, the configuration and the warnings are in the file. The page can be searched, used with the keyboard
alone, and printed. Nothing of the image is markup.

The same image and the same command line give the same bytes: the page holds no date but those of the image. It names
the version of layup and the command line, without -o. Passwords in it are masked, and so are secrets of the history
and of the configuration unless --show-secrets is given. --no-verify leaves the record out.

--digests reads more than a listing does: the page then also holds the SHA-256 of every file in its history, duplicates,
what of hidden is metadata only, and in the record the digest of the input as a whole and its other blobs.

--secrets reads the content of all layers once more, and searches it as the command secrets does.

--own leaves out what the layers of the base image hold: the page's sums, maps and findings are of the image's own
layers. The tree of files and the history of a path stay whole.

With two images the page is their difference, as diff says it: layers shared, added and removed, sizes by layer and by
directory, a map of what grew or shrank, the configuration, and the paths that were added, changed or removed with
their history in both images. It holds the records and the findings of both, and says which findings one of them has
alone.

--key and the flags beside it put into the record whether the image is signed, as those of verify do; the exit status
does not depend on it.

-o replaces a page that layup made. It replaces another file only with --force.
`

// A pageRequest is what the flags of report ask for.
type pageRequest struct {
	showSecrets, digests, force bool
	secrets                     bool        // those of files
	choice                      diff.Choice // of two images
	base                        call.BaseFlags
	trust                       verify.TrustFlags
}

func newPage(f *pflag.FlagSet) call.Answer {
	r := &pageRequest{}
	f.BoolVar(&r.digests, "digests", false, "also hash what listing does not: each file, so that duplicates and "+
		"what only changed in metadata are known, and the input as a whole")
	f.BoolVar(&r.secrets, "secrets", false, "also search all files for keys, tokens and passwords")
	f.BoolVar(&r.showSecrets, "show-secrets", false, "show the values of secrets")
	f.BoolVar(&r.force, "force", false, "replace a file that is not a page of layup")
	r.choice.Flags(f)
	r.base.Flags(f, true)
	r.trust.Flags(f)
	return r.answer
}

func (r *pageRequest) answer(ctx context.Context, c *call.Call) (int, error) {
	if err := r.checkTarget(c); err != nil {
		return call.Failed, err
	}
	if len(c.Args) == 2 {
		return r.compare(ctx, c)
	}
	needs := r.needs()
	if err := r.base.Find(ctx, c, &needs); err != nil {
		return call.Failed, err
	}
	opt, err := c.Options(c.Args, needs)
	if err == nil {
		opt.Trust, err = r.policy(c, opt)
	}
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
	sections, tables, err := r.side(ctx, img, record, "")
	if err != nil {
		return call.Failed, err
	}
	sections = append(sections, html.Section{Name: "history", Section: stepsTable.Section(img.Steps())},
		html.Section{Name: "config", Section: configSection(img)})
	return r.write(ctx, c, list, html.Page{Sections: append(sections, aboutPage(c, img)), Tables: tables})
}

// policy names the signers that the record of the page asks for; nil for none.
func (r *pageRequest) policy(c *call.Call, opt analyze.Options) (*signature.Policy, error) {
	p, err := r.trust.Policy(c.Command.Name)
	if err == nil && p != nil && !opt.Source.Verify {
		err = call.Usage("", "report: --no-verify leaves out the record, in which signatures are")
	}
	return p, err
}

// write writes the page about images.
func (r *pageRequest) write(ctx context.Context, c *call.Call, list call.Images, page html.Page) (int, error) {
	var known []analyze.Secret
	var titles []string
	for _, l := range list {
		known = append(known, l.Image.Secrets()...)
		titles = append(titles, analyze.Title(l.Image.Image))
	}
	page.Title = "layup report: " + strings.Join(titles, " and ")
	if !r.showSecrets {
		mask := analyze.Mask(known)
		for i := range page.Sections {
			maskSection(&page.Sections[i].Section, mask)
		}
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

// needs is what a page needs of an image.
func (r *pageRequest) needs() analyze.Needs {
	return analyze.Needs{Digests: r.digests, Dense: true, Secrets: true, Origin: true, Sieve: databases.Needs(false).Sieve}
}

// side is what the page says of an image, under names that end so.
func (r *pageRequest) side(ctx context.Context, img *analyze.Image, record *analyze.Verification,
	end string) ([]html.Section, []*html.Table, error) {
	set, err := databases.Read(ctx, img)
	if err != nil {
		return nil, nil, err
	}
	sections := []html.Section{
		{Name: "layers" + end, Section: pageLayers.Section(layersOf(img))},
		{Name: "waste" + end, Section: wasteSection(img, r.digests)},
		{Name: "secrets" + end, Section: secretsTable(r.showSecrets).Section(img.Secrets())},
		{Name: "packages" + end, Section: packages.All(img, set)},
	}
	if record != nil {
		sections = append(sections, html.Section{Name: "record" + end, Section: verify.Section(record)})
	}
	found := render.Section{Extra: []render.Extra{{Name: "searched", Value: false}}}
	if r.secrets {
		if found, err = secrets.Everywhere(ctx, img, r.showSecrets); err != nil {
			return nil, nil, err
		}
	}
	sections = append(sections, html.Section{Name: "found" + end, Section: found})
	return sections, []*html.Table{filesOf(img, "files"+end, r.digests, set), unseenOf(img, "unseen"+end)}, nil
}

// compare writes the page about the difference of two images.
func (r *pageRequest) compare(ctx context.Context, c *call.Call) (int, error) {
	if c.Args[0] == "-" && c.Args[1] == "-" {
		return call.Failed, call.Usage("write one of them to a file", "report: standard input cannot be both images")
	}
	var records [2]*analyze.Verification
	if r.base.Given() {
		return call.Failed, call.Usage("", "report: --own and --base-of are for one image")
	}
	opt, err := c.Options(c.Args, r.needs())
	if err != nil {
		return call.Failed, err
	}
	trust, err := r.policy(c, opt)
	if err != nil {
		return call.Failed, err
	}
	list, sides, err := r.choice.Load(ctx, c, r.needs(),
		func(names [2]string, opt [2]analyze.Options) (images [2]*analyze.Image, errs [2]error) {
			opt[0].Trust, opt[1].Trust = trust, trust
			images, records, errs = analyze.OpenRecordedPair(ctx, names, opt, r.digests)
			return images, errs
		})
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
	facts := diff.Facts(list, compared)
	if err := plainExtras(facts.Extra); err != nil {
		return call.Failed, err
	}
	page := html.Page{Sections: []html.Section{aboutPages(c, list), {Name: "difference", Section: facts}},
		Tables: []*html.Table{differencesOf(compared)}}
	for i, l := range list {
		sections, tables, err := r.side(ctx, l.Image, records[i], [...]string{"-a", "-b"}[i])
		if err != nil {
			return call.Failed, err
		}
		page.Sections, page.Tables = append(page.Sections, sections...), append(page.Tables, tables...)
	}
	return r.write(ctx, c, list, page)
}
