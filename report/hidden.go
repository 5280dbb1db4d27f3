package report

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/filter"
	"layup/analyze/show"
	"layup/analyze/source/decode"
	"layup/report/arg"
	"layup/report/call"
	"layup/report/item"
	"layup/report/render"
)

const hiddenDetails = `
Every version of a path that a later layer deleted or overwrote, largest first. Whoever has the image
can read them: layup cat --layer N IMAGE PATH. The bytes below the table count each file once,
however many hard links it has. PATTERN is what find takes. An argument that is a file or a directory
here is one more image, with a slash first only if it looks like one: /etc is a path in the image. With
--name, all are images.

With --unseen also content that no layer ever showed: entries that their own layer replaces or ignores,
and what whiteouts carry. layup extract --layer-tar N has the bytes.

SENSITIVE marks what should not be in an image:
`

// hiddenFields are those of versions and what marks them.
var hiddenFields = slices.Concat(item.VersionFields, []render.Field{{Name: "sensitive"}})

// hiddenDetail is the help with the rules that mark files.
func hiddenDetail() string {
	var b strings.Builder
	b.WriteString(hiddenDetails)
	for _, r := range analyze.SensitiveRules {
		fmt.Fprintf(&b, "    %-16s %s\n", r.Name, r.About)
	}
	b.WriteString(`
Below stand the secrets of the config and of the history: build arguments, ARG and ENV whose name or
value looks like one. layup secrets searches the content of all files, also of the visible ones, for keys, tokens and
passwords. Values are masked unless --show-secrets is given; other commands, such as
layers and waste, repeat the history as it stands.
`)
	return b.String()
}

// A hiddenSearch is what the flags of hidden ask for.
type hiddenSearch struct {
	search
	minSize                string
	showSecrets, patterned bool
	base                   call.BaseFlags
}

func newHidden(f *pflag.FlagSet) call.Answer {
	s := &hiddenSearch{search: search{layer: &arg.Number{}, needs: analyze.Needs{Secrets: true}}}
	f.StringArrayVar(&s.names, "name", nil, "base name to find (a `PATTERN`; repeatable); every argument is an image then")
	f.StringVar(&s.types, "type", "", "only these `TYPES`: f,d,l,c,b,p or file,dir,symlink,char,block,fifo")
	f.StringVar(&s.minSize, "min-size", "", "only files of at least this `SIZE`: 840, 4KiB, 10MB")
	f.BoolVar(&s.sensitive, "sensitive", false, "only what looks sensitive")
	f.BoolVar(&s.unseen, "unseen", false, "also content that no layer ever showed")
	f.BoolVar(&s.showSecrets, "show-secrets", false, "show the values of secrets")
	f.BoolVar(&s.needs.Digests, "digests", false, "show the SHA-256 of the files' content")
	s.base.Flags(f, true)
	return s.answer
}

func (s *hiddenSearch) answer(ctx context.Context, c *call.Call) (int, error) {
	images, patterns := divided(c.Args)
	if len(s.names) > 0 {
		images, patterns = c.Args, s.names
	}
	keep, err := s.filter(patterns, time.Now())
	if err != nil {
		return call.Failed, fmt.Errorf("hidden: %w", err)
	}
	if err := s.base.Find(ctx, c, &s.needs); err != nil {
		return call.Failed, err
	}
	s.patterned = len(patterns) > 0
	if s.minSize != "" {
		least, err := arg.ParseSize(s.minSize)
		if err != nil {
			return call.Failed, fmt.Errorf("hidden: --min-size %q: %w", s.minSize, err)
		}
		if least > 0 {
			keep = filter.All(filter.Size(filter.Bound{Sign: '+', N: least - 1}), keep)
		}
	}
	return c.Ask(ctx, images, nil, s.needs, func(_ *call.Call, img *analyze.Image, _ []string) (call.Part, error) {
		hits := img.Hidden(s.unseen, keep)
		p := s.part(img, hits)
		p.Enough = true
		if s.sensitive {
			s.countLive(img, keep, &p)
		}
		if len(hits) == 0 && len(patterns) > 0 {
			p.Missing = []error{nothing(len(img.Errors()) > 0, patterns)}
		}
		return p, nil
	})
}

// divided tells images from patterns: the first argument is an image, and so is every other that is there or looks like
// the name of one. An absolute name may be a path in the image that this machine also has, such as /etc: it is an image
// only if what is there begins like one.
func divided(args []string) (images, patterns []string) {
	for i, arg := range args {
		there := slices.ContainsFunc(call.FilesOf(arg), func(name string) bool {
			_, err := os.Stat(name)
			return err == nil && (name != arg || !filepath.IsAbs(name) || beginsLikeImage(name))
		})
		if i == 0 || there || strings.Contains(arg, ".tar") && !strings.ContainsAny(arg, "*?[{") {
			images = append(images, arg)
		} else {
			patterns = append(patterns, arg)
		}
	}
	return images, patterns
}

// beginsLikeImage reports whether a directory has the documents of an image, or a file the first bytes of an archive.
func beginsLikeImage(name string) bool {
	for _, document := range []string{"index.json", "manifest.json", "repositories"} {
		if _, err := os.Stat(filepath.Join(name, document)); err == nil {
			return true
		}
	}
	info, err := os.Stat(name)
	if err != nil || !info.Mode().IsRegular() { // to open a pipe would wait
		return false
	}
	f, err := os.Open(name)
	if err != nil {
		return false
	}
	defer f.Close() // opened for reading: closing cannot lose anything
	head := make([]byte, decode.HeadSize)
	n, _ := io.ReadFull(f, head) // what is shorter is whole
	return decode.Sniff(head[:n], info.Size()) != ""
}

// hiddenTotals is the document's "totals".
type hiddenTotals struct {
	Hidden int64 `json:"hidden"`         // as in waste
	Listed int64 `json:"listed"`         // the part that the items show, each body once
	Unseen int64 `json:"unseen"`         // the part that no version ever showed
	Live   *int  `json:"live,omitempty"` // with --sensitive: how many visible files match as well
}

// countLive says how many visible files match as well: whoever asks for what is sensitive must not miss them.
func (s *hiddenSearch) countLive(img *analyze.Image, keep filter.Test, p *call.Part) {
	live := 0
	for range img.Find(false, filter.All(filter.Live, keep)) {
		live++
	}
	totals := p.Extra[0].Value.(hiddenTotals)
	totals.Live = &live
	p.Extra[0].Value = totals
	switch live {
	case 0:
		p.Footer += "; no visible file matches"
	case 1:
		p.Footer += "; 1 visible file also matches: layup find --sensitive lists both, layup secrets its keys"
	default:
		p.Footer += fmt.Sprintf("; %d visible files also match: layup find --sensitive lists all, layup secrets their keys",
			live)
	}
}

// part is the answer for one image.
func (s *hiddenSearch) part(img *analyze.Image, hits []analyze.Hit) call.Part {
	var p call.Part
	var totals hiddenTotals
	for i, l := range img.LayerFacts() {
		if img.Counts(i) {
			totals.Hidden += l.HiddenBytes
		}
	}
	unseen := 0
	for h := range img.Unseen() {
		if b, ok := h.Version.Body(); ok {
			totals.Unseen += b.Stored()
			unseen++
		}
	}
	for _, h := range hits {
		if b, ok := h.Version.Body(); ok && !b.Live() && b.Version() == h.Version && img.Counts(b.Layer()) {
			totals.Listed += b.Stored()
		}
	}
	marked := slices.ContainsFunc(hits, func(h analyze.Hit) bool { return analyze.Sensitive(h.Version) != "" })
	secrets := img.Secrets()
	p.Fields, p.Rows, p.Columns = hiddenFields, hiddenRows(img, hits), hiddenColumns(s.needs.Digests, marked)
	p.Extra = []render.Extra{{Name: "totals", Value: totals}}
	p.Lists = []render.List{secretsTable(s.showSecrets).List("secrets", secrets)}
	p.Footer, p.Largest = hiddenFooter(len(hits), totals, unseen, s.unseen), true
	if len(hits) == 0 && s.narrowed() {
		p.Footer = "nothing hidden matches; hidden are " + show.Grouped(totals.Hidden) + " bytes"
	}
	return p
}

// narrowed reports whether less is asked for than all that is hidden.
func (s *hiddenSearch) narrowed() bool {
	return s.types != "" || s.minSize != "" || s.sensitive || s.patterned
}

func hiddenFooter(n int, totals hiddenTotals, unseen int, listed bool) string {
	line := "nothing is hidden"
	if n > 0 {
		line = fmt.Sprintf("%d hidden, %s", n, show.Size(totals.Listed))
	}
	if unseen > 0 && !listed {
		line += fmt.Sprintf("; --unseen lists %s more that no layer ever showed, %s", show.Count(unseen, "entry", "entries"),
			show.Size(totals.Unseen))
	}
	return line
}

func hiddenRows(img *analyze.Image, hits []analyze.Hit) iter.Seq[[]render.Value] {
	return func(yield func([]render.Value) bool) {
		i := 0
		for row := range hitRows(img, slices.Values(hits)) {
			if !yield(append(row, render.Known(analyze.Sensitive(hits[i].Version)))) {
				return
			}
			i++
		}
	}
}

// hiddenColumns are those of versions, with SENSITIVE if any is marked.
func hiddenColumns(digests, marked bool) []render.Column {
	columns := hitColumns(digests)
	columns[1].Tone = nil // each of them is deleted or overwritten
	if marked {
		sensitive := item.Column(hiddenFields, "SENSITIVE", "sensitive")
		sensitive.Tone = render.Alarming
		columns = slices.Insert(columns, len(columns)-1, sensitive)
	}
	return columns
}

func secretsTable(shown bool) render.Table[analyze.Secret] {
	return render.Table[analyze.Secret]{
		render.Cell("LAYER", func(s analyze.Secret) string { return render.Dashed(render.I(int64(s.Layer))) }).Right(),
		render.TextOf("where", func(s analyze.Secret) string { return s.Where }).Column("SECRET IN"),
		render.TextOf("name", func(s analyze.Secret) string { return s.Name }).Column("NAME"),
		render.Of("value", render.Text, func(s analyze.Secret) render.Value {
			if !shown {
				return render.T(show.Masked)
			}
			return render.T(s.Value)
		}).Column("VALUE").Cut(),
		render.IntOf("layer", func(s analyze.Secret) int { return s.Layer }),
		render.IntOf("step", func(s analyze.Secret) int { return s.Step }),
	}
}
