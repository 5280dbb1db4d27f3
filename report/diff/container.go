package diff

import (
	"context"
	"fmt"
	"slices"

	"layup/analyze"
	"layup/analyze/show"
	"layup/analyze/source"
	"layup/report/call"
)

// What the read-write layer of a container can be compared with.
const (
	againstInit  = "init"
	againstImage = "image"
)

// loadContainer loads a container: what it began with, and what it shows now.
func (d *comparing) loadContainer(ctx context.Context, c *call.Call) (call.Images, [2]analyze.Side, error) {
	var sides [2]analyze.Side
	needs := d.needs
	needs.Bodies = analyze.SomeBodies // contents of the same size are compared
	opt, err := c.Options(c.Args, needs)
	if err != nil {
		return nil, sides, err
	}
	img, err := analyze.Open(ctx, c.Args[0], opt)
	list := call.Images{{Name: c.Args[0], Image: img, Err: err}}
	if err := ready(ctx, list); err != nil || list[0].Err != nil {
		return list, sides, err
	}
	if img.Container == nil {
		list.Close()
		return nil, sides, call.Usage("layup diff IMAGE-A IMAGE-B compares two images; --layers I..J two stages of one",
			"diff: IMAGE-B is missing, and %s is not a container", show.Shell(c.Args[0]))
	}
	sides[0], sides[1] = img.Began(d.against.Word != againstImage), img.After(analyze.Last)
	return list, sides, nil
}

// letters are what docker diff calls changes.
var letters = map[string]string{analyze.Added: "A", analyze.Changed: "C", analyze.Removed: "D"}

// begun says in words what a container is compared with: engines other than Docker write no init layer.
func (a *diffAnswer) begun() string {
	init := func(l *source.Layer) bool { return l.Role == source.RoleInit }
	if a.asked.against.Word == againstImage || !slices.ContainsFunc(a.A.Image.Layers, init) {
		return "its image"
	}
	return "its image and its init layer"
}

// containerSummary counts what the container changed.
func (a *diffAnswer) containerSummary() string {
	return fmt.Sprintf("%d added, %d changed, %d deleted against %s\n", a.stat.Added, a.stat.Changed, a.stat.Removed,
		a.begun())
}
