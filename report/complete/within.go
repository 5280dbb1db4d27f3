package complete

import (
	"context"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"layup/analyze"
	"layup/analyze/source"
	"layup/analyze/source/kinds"
	"layup/report/call"
	"layup/report/render"
)

// What completion may cost while a person waits for a key to answer.
const (
	usualPatience  = 300 * time.Millisecond
	mostCandidates = 300
)

// patience is how long completion may look into an image. LAYUP_COMPLETION_TIME sets another time, as for slow disks.
func patience() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("LAYUP_COMPLETION_TIME")); err == nil && d > 0 {
		return d
	}
	return usualPatience
}

// usualPlatforms are offered before the image is known.
var usualPlatforms = []string{"linux/amd64", "linux/arm64", "linux/arm/v7", "linux/arm/v6", "linux/386",
	"linux/ppc64le", "linux/riscv64", "linux/s390x", "windows/amd64"}

// inTime returns what a function finds in the time that completion has, or nothing. The function may then go on, as a
// blocking call may not be interruptible, but the program ends.
func inTime[T any](ctx context.Context, find func(ctx context.Context) T) T {
	ctx, cancel := context.WithTimeout(ctx, patience())
	defer cancel()
	found := make(chan T, 1)
	go func() {
		defer func() { _ = recover() }() // a bug of ours must not write over the line being typed
		found <- find(ctx)
	}()
	select {
	case f := <-found:
		return f
	case <-ctx.Done():
		var nothing T
		return nothing
	}
}

// local reports whether a name is that of a local file or directory, which may be read unasked.
func local(name string) bool {
	if name == "-" || kinds.Asks(name) {
		return false
	}
	return slices.ContainsFunc(call.FilesOf(name), func(file string) bool {
		info, err := os.Stat(file)
		return err == nil && (info.IsDir() || info.Mode().IsRegular())
	})
}

// image opens the image of the draft, or returns nil.
func (d *draft) image(ctx context.Context, name string) *analyze.Image {
	opt, err := d.Options()
	if err != nil || !local(name) {
		return nil
	}
	img, err := analyze.Open(ctx, name, opt)
	if err != nil {
		return nil
	}
	return img // the end of the program closes it
}

// paths lists the paths inside the image that begin as typed.
func (d *draft) paths(ctx context.Context, name string) []candidate {
	return inTime(ctx, func(ctx context.Context) []candidate {
		img := d.image(ctx, name)
		if img == nil {
			return nil
		}
		upto := analyze.Last
		for _, flag := range []string{"upto", "layer"} {
			if f := d.Flags.Lookup(flag); f != nil && f.Changed {
				if n, err := strconv.Atoi(f.Value.String()); err == nil {
					upto = n
				}
			}
		}
		dir, begin := d.typed[:strings.LastIndexByte(d.typed, '/')+1], d.typed[strings.LastIndexByte(d.typed, '/')+1:]
		children := img.Names(dir, upto)
		if d.Command.Name == "log" { // deleted files also have a history
			children = img.EveryName(dir)
		}
		return few(ctx, dir, begin, children)
	})
}

// few returns the names that begin as typed, in order. Of too many it returns the first ones and the last, as a shell
// inserts what all of them share.
func few(ctx context.Context, dir, begin string, names iter.Seq[string]) []candidate {
	var list []string
	for name := range names {
		if ctx.Err() != nil {
			return nil
		}
		if strings.HasPrefix(name, begin) {
			list = append(list, dir+name)
		}
	}
	slices.Sort(list)
	if len(list) > mostCandidates {
		list[mostCandidates-1] = list[len(list)-1]
		list = list[:mostCandidates]
	}
	return candidatesOf(list...)
}

// contents lists what one of the draft's sources holds, or nothing if the source is not named yet.
func (d *draft) contents(ctx context.Context, which int) []source.Listed {
	given := d.Flags.Args()
	if len(given) <= which || !local(given[which]) {
		return nil
	}
	return inTime(ctx, func(ctx context.Context) []source.Listed {
		opt, err := d.Options()
		if err != nil {
			return nil
		}
		src, err := kinds.Open(ctx, given[which], opt.Source)
		if err != nil {
			return nil
		}
		listed, err := src.List(ctx)
		if err != nil {
			return nil
		}
		return slices.DeleteFunc(listed, func(l source.Listed) bool { return l.Number < 0 })
	})
}

// references lists the values of --image for one of the sources.
func (d *draft) references(ctx context.Context, which int) []candidate {
	var found []candidate
	for _, l := range d.contents(ctx, which) {
		if l.Reference != "" {
			found = append(found, candidate{l.Reference, l.Platform})
		}
		if len(found) < mostCandidates {
			found = append(found, candidate{"@" + strconv.Itoa(l.Number), strings.TrimSpace(l.Reference + " " + l.Platform)})
		}
	}
	return found[:min(len(found), mostCandidates)]
}

// platforms lists those in the source, or the usual ones if it is not known.
func (d *draft) platforms(ctx context.Context, which int) []candidate {
	var found []string
	for _, l := range d.contents(ctx, which) {
		if l.Platform != "" && !slices.Contains(found, l.Platform) && len(found) < mostCandidates {
			found = append(found, l.Platform)
		}
	}
	if len(found) == 0 {
		found = usualPlatforms
	}
	return candidatesOf(found...)
}

// layers numbers the layers of the image, each with its instruction.
func (d *draft) layers(ctx context.Context) []candidate {
	given := d.Flags.Args()
	if len(given) == 0 {
		return nil
	}
	return inTime(ctx, func(ctx context.Context) []candidate {
		var found []candidate
		if img := d.image(ctx, given[0]); img != nil {
			for i := range img.Layers {
				found = append(found, candidate{strconv.Itoa(i), render.DockerCut(img.Instruction(i).Readable, 60)})
			}
		}
		return found[:min(len(found), mostCandidates)]
	})
}
