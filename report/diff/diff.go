// Package diff is the command diff: two images, two stages of one, or a container and its image.
package diff

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/show"
	"layup/report/arg"
	"layup/report/call"
	"layup/report/render"
)

const details = `
Two images from any sources, A and B: which layers they share, what of the configuration differs, and which
paths were added, removed or changed from A to B, with the layer that owns each in A and in B. WHAT changed is
content, mode, owner, mtime, link (a symlink's target), xattrs, type, device, or hardlinks (which paths are names
of one file); of an added or removed path it is the type.

Images are equal where their layers (by diffID), their configuration and their paths are. Image IDs, references,
digests of stored blobs and dates are shown where they differ, and never a difference by themselves. A directory
that no layer lists has no time of its own to compare. Content is compared by SHA-256, except of files of different
sizes and for those that lie in the same layer on both sides. With --no-verify, layers of the same diffID are
taken for the same.

Below the layers stands by how much the image grew, in what it stores and in what is live, and below that which
directories at the top did. A layer that the same instruction made again is one row, "rebuilt". Paths that
changed only in time are counted; --times lists them. --semantic is --ignore mtime,layers,order.

--ignore takes the words above and dir-mtime (the time of directories only), layers, order (of the same layers, and
of the same environment variables), config for all of the configuration, or a part of it: user, env, entrypoint,
cmd, workdir, labels, ports, volumes, stopsignal, healthcheck, shell, onbuild, platform.

--layers I..J compares what one image shows after layer I with what it shows after layer J; only paths count then.
-1 is the empty tree, ..J begins with it, and I.. ends with the last layer.

With one argument, a container of an engine's store, what it shows is compared with its image and its init layer, as
docker diff does: a directory is listed if its mode, owner or capability differs, or something in it. A file of the
same size and time with another content is also listed. --against image also counts what the engine wrote into the
init layer. With --all and the name of a store alone, all its containers are compared so: what each of them changed.

--content writes what differs in text files as diff -u does, for patch -p1, in place of the table; a file counts as
text that holds no NUL byte.
`

// A comparing is what the flags of diff ask for.
type comparing struct {
	stages        string
	ignore        *arg.Words
	stat, byLayer bool
	semantic      bool // whatever a build makes anew each time is ignored
	times         bool // list paths that changed only in time
	content       bool
	needs         analyze.Needs
	newFile       bool
	most          string
	limit         int64 // most, in bytes
	Choice
	aspects   analyze.Aspect
	against   *arg.Choice
	container bool // the one argument is a container
}

// Diff is the command diff.
func Diff() call.Command {
	return call.Command{Name: "diff", Group: call.Space, Brief: "what differs in two",
		Args: "IMAGE-A [IMAGE-B]", Min: 1, Max: 2, New: newDiff, Details: details,
		Refuses: []call.Refusal{call.NoTOC},
		About:   "compare two images, or two stages of one", No: "they differ",
		Examples: []string{"layup diff shop-1.2.tar shop-1.3.tar", "layup diff --ignore mtime,layers --stat a.tar oci:b",
			"layup diff --content old.tar new.tar > new.patch", "layup diff --layers 0..2 shop.tar",
			"layup diff --all docker-root:/mnt/var/lib/docker"}}
}

func newDiff(f *pflag.FlagSet) call.Answer {
	d := &comparing{}
	f.StringVar(&d.stages, "layers", "", "compare stages `I..J` of one image: what it shows after layer I with what it "+
		"shows after layer J")
	d.ignore = arg.ChooseSome(f, "ignore", analyze.AspectNames(),
		"do not count differences in `WHAT`: words divided by commas; repeatable")
	d.against = arg.Choose(f, "against", []string{againstInit, againstImage},
		"compare a container with its image and `init` layer, or with its image alone")
	f.BoolVar(&d.semantic, "semantic", false, "leave out what each build makes anew: times, layers, order")
	f.BoolVar(&d.times, "times", false, "also list the paths that changed only in time")
	f.BoolVar(&d.stat, "stat", false, "only count what differs")
	f.BoolVar(&d.byLayer, "by-layer", false, "list the paths layer by layer: those that a layer of B owns or deleted, "+
		"then what else was removed, by its owner in A")
	f.BoolVar(&d.content, "content", false, "write what differs in text files as diff -u does")
	f.BoolVarP(&d.newFile, "new-file", "N", false, "with --content, compare an added or removed file with an empty one")
	f.StringVar(&d.most, "content-max", "1MiB", "with --content, compare files up to this `SIZE` line by line "+
		"(default 1MiB)")
	f.BoolVar(&d.needs.Digests, "digests", false, "show the SHA-256 of the files' content")
	d.Choice.Flags(f)
	return d.answer
}

func (d *comparing) answer(ctx context.Context, c *call.Call) (int, error) {
	if err := d.check(c); err != nil {
		return call.Failed, err
	}
	if c.Given("all") {
		return d.everyContainer(ctx, c)
	}
	list, sides, err := d.load(ctx, c)
	if err != nil {
		return call.Failed, err
	}
	defer list.Close()
	if status := Unfit(c, list); status != call.Answered {
		return status, nil
	}
	a, err := d.compare(ctx, c, list, sides)
	if err != nil {
		return call.Failed, err
	}
	defer a.closeContents()
	if err := a.readContents(ctx); err != nil {
		return call.Failed, err
	}
	if !a.stages() {
		a.growth = a.Growth()
	}
	doc := render.Doc{Command: c.Command.Name, Sections: []render.Section{a.section(ctx)}}
	if err := c.WriteDoc(ctx, doc); err != nil {
		return call.Failed, err
	}
	if a.broken != nil {
		return call.Failed, a.broken
	}
	list.Complain(c)
	a.tell()
	return a.status(), nil
}

// compare compares two sides.
func (d *comparing) compare(ctx context.Context, c *call.Call, list call.Images, sides [2]analyze.Side) (*diffAnswer,
	error) {
	compare := analyze.Compare
	if d.container {
		compare = analyze.CompareContainer
	}
	compared, err := compare(ctx, sides[0], sides[1], d.aspects)
	if err != nil {
		return nil, err
	}
	return &diffAnswer{Comparison: compared, asked: d, call: c, list: list, stat: compared.Stat()}, nil
}

// check refuses what the command line cannot mean before an image is read for it.
func (d *comparing) check(c *call.Call) error {
	if d.semantic {
		d.aspects = analyze.MTime | analyze.DirMTime | analyze.LayerStack | analyze.Order
	}
	for _, word := range d.ignore.Given {
		aspect, _ := analyze.AspectNamed(word) // the flag took no other word
		d.aspects |= aspect
	}
	var err error
	switch d.limit, err = arg.ParseSize(d.most); {
	case err != nil:
		return fmt.Errorf("diff: --content-max %q: %w", d.most, err)
	case d.content && d.stat:
		return call.Usage("--stat counts paths, --content shows what changed in them",
			"diff: --stat and --content exclude each other")
	case d.newFile && !d.content:
		return call.Usage("layup diff --content -N IMAGE-A IMAGE-B", "diff: --new-file does nothing without --content")
	case d.content && d.aspects&analyze.Content != 0:
		return call.Usage("", "diff: --content and --ignore content exclude each other")
	}
	if d.container = d.stages == "" && len(c.Args) == 1; d.container && !c.Given("all") {
		return nil
	}
	if c.Given("all") {
		return d.checkAll(c)
	}
	if d.stages == "" {
		if c.Args[0] == "-" && c.Args[1] == "-" {
			return call.Usage("write one of them to a file", "diff: standard input cannot be both images")
		}
		return nil
	}
	if len(c.Args) > 1 {
		return call.Usage("layup diff "+show.Shell(c.Args[0])+" "+show.Shell(c.Args[1])+"  compares two images",
			"diff: --layers compares layers of one image")
	}
	for i, side := range []string{"a", "b"} {
		if d.Image[i] != "" || d.Platform[i] != "" {
			return call.Usage("--image and --platform choose the image",
				"diff: --image-%s and --platform-%s do not apply to --layers", side, side)
		}
	}
	return nil
}

// A diffAnswer is the answer of diff.
type diffAnswer struct {
	*analyze.Comparison
	asked *comparing
	call  *call.Call
	list  call.Images // one image if its layers are compared
	stat  *analyze.DiffStat

	growth analyze.Growth // of two images

	contents [2]*analyze.Contents // with --content
	broken   error                // why one of them could not be read
}

// equal reports whether nothing that counts differs.
func (a *diffAnswer) equal() bool {
	return a.SameLayers() && len(a.Config) == 0 && a.stat.Paths() == 0
}

func (a *diffAnswer) status() int {
	status := call.Answered
	if !a.equal() {
		status = call.Refuted
	}
	for _, l := range a.list {
		if len(l.Image.Errors()) > 0 {
			status = call.Worst(status, call.Partly)
		}
	}
	return status
}

// tell says on the standard error what the answer does not show.
func (a *diffAnswer) tell() {
	var beside []string
	for _, f := range a.facts() {
		beside = append(beside, f.name)
	}
	note := ""
	switch format := a.call.Format; {
	case format == "json", (format == "table" || format == "markdown") && !a.equal():
	case a.equal() && len(beside) > 0:
		note = "no difference except in " + strings.Join(beside, ", ")
	case a.equal():
		note = "no difference"
	case !a.SameLayers() && len(a.Config) > 0:
		note = "layers and configuration also differ; -f json and -f table show how"
	case !a.SameLayers():
		note = "layers also differ; -f json and -f table show how"
	case len(a.Config) > 0:
		note = "the configuration also differs; -f json and -f table show how"
	}
	if note != "" {
		a.call.Note("note: " + note)
	}
}

// summary counts what differs: layers, configuration and paths.
func (a *diffAnswer) summary() string {
	if a.asked.container {
		return a.containerSummary()
	}
	var parts []string
	if !a.stages() && !a.ignores(analyze.LayerStack) {
		parts = append(parts, a.layersSummary())
	}
	if a.onlyTimes() {
		return strings.Join(append(parts, "configuration and sizes: equal", fmt.Sprintf("paths: %d changed only in time: "+
			"--times lists them, --semantic ignores them", a.stat.Times)), "\n")
	}
	if !a.stages() {
		g := a.growth
		parts = append(parts, fmt.Sprintf("size: %s bytes stored (%s), %s live (%s)", show.Grouped(g.Stored[1]),
			grown(g.Stored), show.Grouped(g.Live[1]), grown(g.Live)))
	}
	if !a.stages() && a.asked.aspects&analyze.Config != analyze.Config {
		parts = append(parts, fmt.Sprintf("configuration: %d changed", len(a.Config)))
	}
	paths := fmt.Sprintf("paths: %d added, %d removed, %d changed", a.stat.Added, a.stat.Removed, a.stat.Changed)
	switch {
	case a.stat.Times == 0:
	case a.folded():
		paths += fmt.Sprintf(", %d of them only in time: --times lists these, --ignore mtime leaves them out", a.stat.Times)
	default:
		paths += fmt.Sprintf(", %d of them only in time: --ignore mtime leaves these out", a.stat.Times)
	}
	return strings.Join(append(parts, paths), "\n")
}

// layersSummary counts the layers by what became of them.
func (a *diffAnswer) layersSummary() string {
	count := map[string]int{}
	for _, l := range a.Layers {
		count[l.Status]++
	}
	layers := fmt.Sprintf("layers: %d shared", count[analyze.Shared])
	for _, status := range []string{analyze.Rebuilt, analyze.Added, analyze.Removed, analyze.Moved, analyze.Unknown} {
		if count[status] > 0 {
			layers += fmt.Sprintf(", %d %s", count[status], status)
		}
	}
	return layers
}

// folded reports whether paths that changed only in time are one line together.
func (a *diffAnswer) folded() bool {
	return !a.asked.times && !a.asked.container && !a.asked.stat && !a.asked.content
}

// onlyTimes reports whether two images differ only in times, and in layers that were built again for that.
func (a *diffAnswer) onlyTimes() bool {
	rebuilt := func(m analyze.LayerMatch) bool { return m.Status == analyze.Shared || m.Status == analyze.Rebuilt }
	return !a.stages() && a.folded() && a.stat.Times > 0 && a.stat.Times == a.stat.Paths() && len(a.Config) == 0 &&
		!slices.ContainsFunc(a.Layers, func(m analyze.LayerMatch) bool { return !rebuilt(m) }) &&
		a.growth.Stored[0] == a.growth.Stored[1] && a.growth.Live[0] == a.growth.Live[1]
}

func (a *diffAnswer) stages() bool { return len(a.list) == 1 }
