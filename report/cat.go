package report

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/report/arg"
	"layup/report/call"
	"layup/report/render"
	"layup/tarfs"
)

const catDetails = `
The bytes are written as they are, also to a terminal. Symlinks are followed inside the image. With
--layer N it is the version that layer N itself carries, though a later layer deleted or overwrote it:
"layup find" and "layup log" say which layers carry one. The content is checked again before its first
byte is written.
`

// A printing is what the flags of cat ask for.
type printing struct{ layer, upto *arg.Number }

func newCat(f *pflag.FlagSet) call.Answer {
	p := &printing{}
	p.layer = arg.Count(f, "layer", "the version that layer `N` carries, hidden or not")
	p.upto = arg.Count(f, "upto", "the version that is visible after layer `N`")
	return p.answer
}

func (p *printing) answer(ctx context.Context, c *call.Call) (int, error) {
	if p.layer.Given && p.upto.Given {
		return call.Failed, call.Usage("--upto N is the view after layer N; --layer N what layer N carries itself",
			"cat: --layer and --upto exclude each other")
	}
	needs := analyze.Needs{Bodies: analyze.SomeBodies}
	if !p.layer.Given && !p.upto.Given {
		needs.Paths = c.Args[1:]
	}
	return c.One(ctx, needs, func(img *analyze.Image) (int, error) {
		var missing []error
		err := c.Write(ctx, func(w io.Writer, _ render.Terminal) error {
			versions, err := p.files(c, img, &missing)
			if err != nil {
				return err
			}
			return copyContents(ctx, w, img, versions)
		})
		if err != nil {
			return call.Failed, call.Named(img, err)
		}
		for _, err := range missing {
			c.Fail(call.Named(img, err))
		}
		if len(missing) > 0 {
			return call.Refuted, nil
		}
		return call.Answered, nil
	})
}

// files finds the versions asked for, and adds paths that are not there to missing. What is not a file is an error.
func (p *printing) files(c *call.Call, img *analyze.Image, missing *[]error) ([]tarfs.Version, error) {
	var versions []tarfs.Version
	for _, path := range c.Args[1:] {
		v, err := p.file(c, img, path)
		if absent, ok := errors.AsType[*absentError](err); ok {
			*missing = append(*missing, absent.error)
			continue
		}
		if err != nil {
			return nil, err
		}
		if v.Type() != tarfs.File {
			return nil, notAFile(c, img, v)
		}
		versions = append(versions, v)
	}
	return versions, nil
}

// file finds one version. With --layer, symlinks are not followed: they lead through what all layers made.
func (p *printing) file(c *call.Call, img *analyze.Image, path string) (tarfs.Version, error) {
	if p.layer.Given {
		return p.carried(c, img, path)
	}
	if err := call.CheckLayer(img, "upto", p.upto.Or(0)); p.upto.Given && err != nil {
		return tarfs.Version{}, err
	}
	o, err := img.Owner(path, true, p.upto.Or(analyze.Last))
	if err != nil {
		return tarfs.Version{}, &absentError{c.Missing(img, p.upto.Or(analyze.Last), true, err)}
	}
	return o.Version, nil
}

// carried finds the version that the layer of the flag wrote.
func (p *printing) carried(c *call.Call, img *analyze.Image, path string) (tarfs.Version, error) {
	if err := call.CheckLayer(img, "layer", p.layer.N); err != nil {
		return tarfs.Version{}, err
	}
	node, ok := img.Tree().Lookup(path)
	if !ok { // perhaps a directory of the path is a symlink
		if o, err := img.Owner(path, false, p.layer.N); err == nil {
			node, ok = o.Version.Node(), true
		}
	}
	var layers []string
	if ok {
		for v := range node.Versions() {
			if v.Layer() == p.layer.N {
				return v, nil
			}
			if v.Type() == tarfs.File {
				layers = append(layers, fmt.Sprint(v.Layer()))
			}
		}
	}
	err := fmt.Errorf("%q: layer %d carries no version of it", path, p.layer.N)
	if len(layers) > 0 {
		word := "layer "
		if len(layers) > 1 {
			word = "layers "
		}
		err = call.Usage("carried by "+word+strings.Join(layers, ", "), "%w", err)
	}
	return tarfs.Version{}, &absentError{err}
}

// inWords names the types in a message.
var inWords = map[tarfs.Type]string{tarfs.Dir: "directory", tarfs.Symlink: "symlink", tarfs.Char: "character device",
	tarfs.Block: "block device", tarfs.Fifo: "FIFO"}

// notAFile says what a path is instead.
func notAFile(c *call.Call, img *analyze.Image, v tarfs.Version) error {
	path := v.Node().Path()
	err := fmt.Errorf("%q: is a %s, not a regular file", path, inWords[v.Type()])
	switch v.Type() {
	case tarfs.Dir:
		return call.Usage(c.Next(img, "ls", path), "%w", err)
	case tarfs.Symlink:
		return call.Usage(fmt.Sprintf("it points to %q", v.Link()), "%w", err)
	}
	return err
}

// copyContents writes the files one after the other. All are verified before the first byte.
func copyContents(ctx context.Context, w io.Writer, img *analyze.Image, versions []tarfs.Version) error {
	contents, err := img.Contents(ctx, versions)
	if err != nil {
		return err
	}
	for _, v := range versions {
		body, err := contents.Open(ctx, v)
		if err == nil {
			_, err = io.Copy(w, body.Expanded())
			err = errors.Join(err, body.Close())
		}
		if err != nil {
			return errors.Join(fmt.Errorf("%q: %w", v.Node().Path(), err), contents.Close())
		}
	}
	return contents.Close()
}
