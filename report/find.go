package report

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/filter"
	"layup/analyze/show"
	"layup/analyze/source/kinds"
	"layup/report/arg"
	"layup/report/call"
	"layup/report/catalogue"
	"layup/report/item"
	"layup/report/packages"
	"layup/report/render"
	"layup/tarfs"
)

const findDetails = `
Without PATTERN every version of every path is listed. A pattern without / is matched against base names, one with /
against whole paths, where ** crosses directories; * also matches a leading dot, {a,b} is one of the two, [a-z] a
class, and \ takes the next character as it is. With --regex, patterns are regular expressions (RE2) searched in the
path and in the base name; ^ and $ anchor to either. Each condition narrows the search; of several patterns one must
match. Versions are live (visible in the whole image), overwritten (the layer that hid it put something at the same
path) or deleted. STORED AT, with -l, is the file itself in an engine's store. With --unseen also content that no
layer ever showed is searched: entries that their own layer replaces or ignores, and what whiteouts carry. Flags can be
written with one dash, as find does: -name X, -type f.
With --name, every argument is an image; of several, one with a match is enough.

--in-archives also finds the files in archives (zip, jar, war, whl, tar, gzip, xz, zstd, bzip2), one level deep:
/a.jar!/b. Patterns are matched against its path in the archive; layer and status are those of the archive. What an
archive does not say, such as owners in a zip, is not shown; times in a zip are taken for UTC. Archives above 1 GiB are
not opened. If a part of an archive cannot be read, a warning names it, and the exit status is 3.

--sha256-file takes a list of digests, one a line, alone or as sha256sum and sha256sum --tag write them; lines that
begin with # do not count. The names of the list are LISTED AS.

With -C, every argument is a PATTERN, and all images of a catalogue (layup help index) are searched: each row is what
find says of that image. Images that could not be read are named, and the exit status is 3 then. What a catalogue does
not hold cannot be asked: --unseen, --sensitive, --package; digests if it was made without --digests.

--format bodyfile writes the versions for mactime of The Sleuth Kit:
    layup find -f bodyfile --all docker-root: | mactime -d -z UTC
What an image does not know is 0 there (MD5, inode, every time but mtime). The name ends with the layer and what
became of the version: /etc/passwd (layer 2, overwritten by 4). A byte of a path is %XX there if it is not printable
UTF-8 or one of % | ( >.
`

// A search is what the flags of find ask for.
type search struct {
	names                     []string
	regex, fold, live, hidden bool
	unseen                    bool
	layer                     *arg.Number
	types, size, perm         string
	uid, gid, newer, since    string
	digest, list              string
	catalogue                 *string
	zero, long, sensitive     bool
	archives                  bool
	inside                    filter.Test // of files in archives
	sort                      *arg.Choice
	needs                     analyze.Needs
	digests                   *filter.List // of list; nil without it
	packaged                  *packages.Filter
}

func newFind(f *pflag.FlagSet) call.Answer {
	s := &search{catalogue: catalogue.Flag(f)}
	f.StringArrayVar(&s.names, "name", nil, "base name to find (a `PATTERN`; repeatable); every argument is an image then")
	f.BoolVar(&s.regex, "regex", false, "patterns are regular expressions")
	f.BoolVarP(&s.fold, "ignore-case", "i", false, "upper and lower case are the same")
	f.BoolVar(&s.live, "live", false, "only what is visible in the whole image")
	f.BoolVar(&s.hidden, "hidden", false, "only what a later layer hides")
	f.BoolVar(&s.unseen, "unseen", false, "also content that no layer ever showed")
	s.layer = arg.Count(f, "layer", "only what layer `N` wrote")
	f.StringVar(&s.types, "type", "", "only these `TYPES`: f,d,l,c,b,p or file,dir,symlink,char,block,fifo")
	f.StringVar(&s.size, "size", "", "only files of this `SIZE`: +10MB is more, -4KiB less, 840 exactly; k, M, G, T and "+
		"KiB, MiB… are powers of 1024, kB, MB… of 1000")
	f.StringVar(&s.perm, "perm", "", "only this `MODE`, octal or u+s: 644 exactly, -222 all of these bits, /6000 "+
		"any of them")
	f.StringVar(&s.uid, "uid", "", "only this owner `N` (+N more, -N less)")
	f.StringVar(&s.gid, "gid", "", "only this group `N` (+N more, -N less)")
	f.StringVar(&s.newer, "newer", "", "only what was modified after `TIME`: RFC 3339, a date, or a duration before "+
		"now (36h, 7d)")
	f.StringVar(&s.since, "since", "", "only what was modified at `TIME` or after")
	f.StringVar(&s.digest, "sha256", "", "only files with this content: `HEX` digits, at least the first 8")
	f.StringVar(&s.list, "sha256-file", "", "only files with content of a digest in `FILE`")
	f.BoolVar(&s.sensitive, "sensitive", false, "only what looks sensitive, live or hidden (as in hidden)")
	f.BoolVar(&s.archives, "in-archives", false, "also the files in archives")
	s.packaged = packages.NewFilter(f)
	s.sort = chooseOrder(f)
	f.BoolVarP(&s.long, "long", "l", false, "also show the time, and the file in an engine's store")
	f.BoolVarP(&s.zero, "print0", "0", false, "print the raw bytes of each path, ended by NUL, and nothing else")
	f.BoolVar(&s.needs.Digests, "digests", false, "show the SHA-256 of the files' content")
	return s.answer
}

func (s *search) answer(ctx context.Context, c *call.Call) (int, error) {
	images, patterns := c.Args, s.names
	switch {
	case *s.catalogue != "":
		images, patterns = nil, slices.Concat(c.Args, s.names)
	case len(s.names) == 0:
		images, patterns = c.Args[:1], c.Args[1:]
	}
	switch {
	case s.live && s.hidden:
		return call.Failed, call.Usage("without both, versions of either kind are listed",
			"find: --live and --hidden exclude each other")
	case s.zero && c.Format != "table":
		return call.Failed, call.Usage("", "find: -0 prints raw paths; --format does not apply")
	}
	now := time.Now()
	keep, err := s.filter(patterns, now)
	if err != nil {
		return call.Failed, fmt.Errorf("find: %w", err)
	}
	if s.archives {
		if err := s.open(patterns, now); err != nil {
			return call.Failed, err
		}
	}
	if err := s.packaged.Check(); err != nil {
		return call.Failed, err
	}
	if s.digests != nil {
		s.needs.Digests = true
	}
	s.needs.Secrets = s.sensitive
	if *s.catalogue != "" {
		return s.inCatalogue(ctx, c, keep, patterns)
	}
	if len(images) == 1 && !s.archives && !c.Given("image") && !s.packaged.Given() && kinds.IsWholeStore(images[0]) {
		return s.everywhere(ctx, c, images[0], keep, patterns)
	}
	ask := func(_ *call.Call, img *analyze.Image, _ []string) (call.Part, error) {
		if err := call.CheckLayer(img, "layer", s.layer.Or(0)); s.layer.Given && err != nil {
			return call.Part{}, err
		}
		packaged, odd, err := s.packaged.Test(ctx, img)
		if err != nil {
			return call.Part{}, err
		}
		if s.archives {
			return s.opened(ctx, img, keep, patterns)
		}
		p := s.part(img, filter.All(keep, packaged), patterns)
		p.Odd = odd
		return p, nil
	}
	status, err := c.Ask(ctx, images, nil, s.needed(), ask)
	if status == call.Failed && err == nil && len(images) > 1 {
		c.Hint("with --name every argument is an image; a directory to search is part of a pattern: '/etc/**/*.conf'")
	}
	return status, err
}

// needed returns what the search needs: --sha256 needs digests, but does not show them.
func (s *search) needed() analyze.Needs {
	needs := s.needs
	needs.Digests = needs.Digests || s.digest != ""
	s.packaged.Needs(&needs)
	return needs
}

// part is the answer for one image.
func (s *search) part(img *analyze.Image, keep filter.Test, patterns []string) call.Part {
	return s.found(img, plain(img.Find(s.unseen, keep)), patterns)
}

// found is the answer for one image in which something was found, or nothing.
func (s *search) found(img *analyze.Image, list iter.Seq[match], patterns []string) call.Part {
	list = s.sorted(list)
	var p call.Part
	p.Fields, p.Rows, p.Columns = findFields, s.rows(img, list), s.columns(findFields, img.Engine != nil)
	p.Enough = true
	if s.zero {
		p.Text = func(w io.Writer, _ render.Terminal) error { return writeRaw(w, list, match.path) }
	}
	for range list {
		return p
	}
	p.Missing = []error{nothing(len(img.Errors()) > 0, patterns)}
	return p
}

// nothing says that a search found nothing.
func nothing(partly bool, patterns []string) error {
	what := "nothing matches"
	if len(patterns) > 0 {
		safe := make([]string, len(patterns))
		for i, p := range patterns {
			safe[i] = show.Shell(p)
		}
		what += " " + strings.Join(safe, " ")
	}
	if partly {
		what += " in what could be read"
	}
	return errors.New(what)
}

func hitPath(h analyze.Hit) string { return h.Version.Node().Path() }

// writeRaw writes each path once, however many versions were found at it.
func writeRaw[T any](w io.Writer, hits iter.Seq[T], path func(T) string) error {
	last := ""
	for h := range hits {
		p := path(h)
		if p == last {
			continue
		}
		if _, err := io.WriteString(w, p+"\x00"); err != nil {
			return err
		}
		last = p
	}
	return nil
}

// hitRows are the rows of versions, item.VersionFields each.
func hitRows(img *analyze.Image, hits iter.Seq[analyze.Hit]) iter.Seq[[]render.Value] {
	snap := img.Tree().At(analyze.Last)
	return func(yield func([]render.Value) bool) {
		var row []render.Value
		for h := range hits {
			row = item.AppendStatus(item.Append(row[:0], h.Version, snap), h)
			if !yield(row) {
				return
			}
		}
	}
}

func hitColumns(digests bool) []render.Column {
	f := item.VersionFields
	status := statusColumn(f)
	status.Tone = render.ToneOf
	columns := []render.Column{item.Column(f, "LAYER", "layer", render.Dashed), status,
		item.Spare(item.ModeColumn(f)), item.Spare(item.IDsColumn(f)), item.Column(f, "SIZE", "size", render.Sized)}
	if digests {
		columns = append(columns, item.DigestColumn(f))
	}
	return append(columns, item.PathColumn(f))
}

// statusColumn shows whether a version is visible, and if not which layer hid it.
func statusColumn(f []render.Field) render.Column {
	status, by, how := item.At(f, "status"), item.At(f, "hiddenBy"), item.At(f, "how")
	return render.Column{Title: "STATUS", Cell: func(row []render.Value) string {
		if row[status].String() == analyze.Unseen.String() {
			return row[status].String() + because(row[how].String())
		}
		if row[by].Absent() {
			return row[status].String()
		}
		return row[status].String() + " by " + row[by].String() + because(row[how].String())
	}}
}

// because says how a version was hidden, unless its status says it.
func because(how string) string {
	switch how {
	case tarfs.ByWhiteout.String(), tarfs.Replaced.String():
		return ""
	case tarfs.ReplacedByOtherType.String():
		return " (other type)" // the whole word would take its room from every path
	}
	return " (" + how + ")"
}
