// Package kept is the command cache: what is kept of verified layers for the next question.
package kept

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"layup/analyze/cache"
	"layup/analyze/digest"
	"layup/report/arg"
	"layup/report/call"
	"layup/report/render"
)

const details = `
After a whole layer was verified, layup keeps its table of files, of gzip also places from which it can be inflated, and
of registries the manifests and configs. The next question about the same bytes reads no layer again: a registry is
asked for the manifest alone, and cat fetches a part of a layer. Such an answer says "verified": "cached". verify,
report and pull always read everything, and the stores of engines are not cached. A layer of more than 1,048,576
entries is not kept, and an archive that is compressed as a whole is decompressed each time.

A file is the same while its device, inode, size, times of change and ends are what they were when it was verified, at
least two seconds after its last change.

  ls       list the objects, those used last first
  verify   compare every checksum; exit status 1 if an object is damaged: it is not believed, and costs only time.
           Those of another version of layup are also named: not damaged
  prune    remove what was not used for the longest time, until --to SIZE is left (0 removes everything)

LAYUP_CACHE_DIR names the directory (default: layup in $XDG_CACHE_HOME or ~/.cache), LAYUP_CACHE_SIZE bounds it (1GiB),
LAYUP_CACHE_LEAST is the size from which a layer in a file is kept (256KiB). LAYUP_CACHE=off and --no-cache read and
write nothing.
`

// Cache is the command cache.
func Cache() call.Command {
	return call.Command{Name: "cache", Group: call.Trust, Brief: "what was verified before",
		Args: "ls|verify|prune", Min: 1, Max: 1, New: newCache, Details: details,
		About: "list, check and remove what is kept of verified layers", No: "an object is damaged (verify)",
		Examples: []string{"layup cache ls", "layup cache verify", "layup cache prune --to 100MB"}}
}

var objects = render.Table[cache.Object]{
	render.TextOf("kind", func(o cache.Object) string { return o.Kind }).Column("KIND"),
	render.IntOf("size", func(o cache.Object) int { return int(o.Size) }),
	render.Cell("SIZE", func(o cache.Object) string { return render.Sized(render.I(o.Size)) }).Right(),
	render.TextOf("used", func(o cache.Object) string { return stamp(o.Used) }).Column("USED"),
	render.TextOf("made", func(o cache.Object) string { return stamp(o.Made) }).Column("MADE"),
	render.TextOf("name", func(o cache.Object) string { return o.Name }),
	render.TextOf("about", func(o cache.Object) string { return o.About }),
	render.TextOf("error", func(o cache.Object) string {
		if o.Err == nil {
			return ""
		}
		return o.Err.Error()
	}),
	render.Cell("OF", about),
}

// about is what a table says of an object: why it is not believed, or what it is of.
func about(o cache.Object) string {
	what, name, _ := strings.Cut(o.About, " ")
	switch {
	case o.Err == nil:
		return what + " " + digest.Short(name)
	case o.About != "" && o.Err == cache.ErrOther:
		return what + " " + digest.Short(name) + " " + o.Err.Error()
	}
	return o.Name + " " + o.Err.Error()
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func newCache(f *pflag.FlagSet) call.Answer {
	to := f.String("to", "", "with prune, leave at most this `SIZE` (default: LAYUP_CACHE_SIZE)")
	return func(ctx context.Context, c *call.Call) (int, error) {
		opened, err := call.OpenCache()
		if err != nil {
			return call.Failed, fmt.Errorf("cache: %w", err)
		}
		switch word := c.Args[0]; {
		case *to != "" && word != "prune":
			return call.Failed, call.Usage("usage: layup cache prune --to SIZE", "cache %s: --to is for prune", word)
		case word == "ls", word == "verify":
			return list(ctx, c, opened, word == "verify")
		case word == "prune":
			return prune(ctx, c, opened, *to)
		}
		return call.Failed, call.Usage("usage: layup cache ls|verify|prune", "cache: unknown word %q", c.Args[0])
	}
}

// list lists all objects, or those alone that are not believed.
func list(ctx context.Context, c *call.Call, opened *cache.Cache, verify bool) (int, error) {
	all, err := opened.Objects()
	if err != nil {
		return call.Failed, fmt.Errorf("cache: %s: %w", opened.Dir(), err)
	}
	damaged, shown, bytes := 0, all[:0:0], int64(0)
	for _, o := range all {
		bytes += o.Size
		if verify && o.Err == nil {
			continue
		}
		shown = append(shown, o)
		if o.Err != nil && o.Err != cache.ErrOther {
			damaged++
		}
	}
	section := objects.Section(shown)
	section.Footer = fmt.Sprintf("%s in %s: %s", objectsOf(len(all)), opened.Dir(), render.Sized(render.I(bytes)))
	status := call.Answered
	if verify {
		section.Footer = fmt.Sprintf("%d of %s in %s damaged", damaged, objectsOf(len(all)), opened.Dir())
		if other := len(shown) - damaged; other > 0 {
			section.Footer += fmt.Sprintf(", %d of another version of layup", other)
		}
		if damaged > 0 {
			status = call.Refuted
		}
	}
	return status, c.WriteDoc(ctx, render.Doc{Command: c.Command.Name, Sections: []render.Section{section}})
}

func objectsOf(n int) string {
	if n == 1 {
		return "1 object"
	}
	return fmt.Sprintf("%d objects", n)
}

func prune(ctx context.Context, c *call.Call, opened *cache.Cache, to string) (int, error) {
	most := opened.Limit()
	if to != "" {
		n, err := arg.ParseSize(to)
		if err != nil {
			return call.Failed, call.Usage("", "cache: --to %s: %w", to, err)
		}
		most = n
	}
	files, bytes, err := opened.Prune(most)
	c.Note(fmt.Sprintf("removed %s from %s: %s", objectsOf(files), opened.Dir(), render.Sized(render.I(bytes))))
	if err != nil {
		return call.Failed, errors.Join(fmt.Errorf("cache: %s: %w", opened.Dir(), err), ctx.Err())
	}
	return call.Answered, nil
}
