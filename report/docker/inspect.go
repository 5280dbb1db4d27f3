// Package docker holds the commands that answer as docker does (inspect, history, serve), and the plugin of the docker
// client.
package docker

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/source"
	"layup/report/arg"
	"layup/report/call"
	"layup/report/render"
)

const inspectDetails = `
Prints what docker image inspect prints after the image is loaded: the same fields in the same order. Without --format
it prints a JSON array with an indent of four; --format json prints one line; a template is run on Docker's document of
each image. A template may mix .ID and .Id, and every field that Docker 20 to 29 had.

What only an engine knows (GraphDriver, Metadata.LastTagTime, Parent) is zero in the document; a template that asks
for it says where it is known. Size counts as Docker does: the files of each layer as unpacked, each inode once. If
layers must be fetched for it, it is left out unless --size is given or the template asks for it.

For a container in a data-root of Docker it prints docker inspect's document as the engine last wrote it; --raw prints
config.v2.json.
`

const inspectStatuses = `  0  answered
  1  no such file or image, or the template failed; the others are printed
  2  could not answer: usage, unreadable, corrupt, unsupported, refused
  3  answered in part, with --keep-going
  64  the template cannot be parsed
  130 and 143 after SIGINT and SIGTERM
`

// badTemplate is Docker's exit status for a template that cannot be parsed.
const badTemplate = 64

// An inspection is what the user asks of the command inspect.
type inspection struct {
	raw, manifest, size bool
	kind                arg.Choice             // image or container; empty for both
	template            *render.DockerTemplate // nil if the answer is JSON
}

// Inspect is the command inspect.
func Inspect() call.Command {
	return call.Command{Name: "inspect", Group: call.Image, Brief: "as docker image inspect",
		Args: "IMAGE...", Min: 1, Max: -1, Docker: true, New: newInspect,
		Details: inspectDetails, Statuses: inspectStatuses,
		About: "print what docker image inspect prints",
		Examples: []string{"layup inspect nginx.tar", "layup inspect -f '{{json .RootFS.Layers}}' nginx.tar",
			"layup inspect --raw nginx.tar | sha256sum"}}
}

func newInspect(f *pflag.FlagSet) call.Answer {
	i := &inspection{kind: arg.Choice{Words: []string{"image", "container"}}}
	f.StringP("format", "f", "", "`FORMAT` of docker inspect: json, which is one line, or a Go template; without it the "+
		"array is indented")
	f.BoolVarP(&i.size, "size", "s", false, "read the layers for Size even if they have to be fetched")
	f.Var(&i.kind, "type", "take images or containers alone, as docker inspect does")
	f.BoolVar(&i.raw, "raw", false, "print the config exactly as it is stored")
	f.BoolVar(&i.manifest, "manifest", false, "print the manifest exactly as it is stored")
	return i.answer
}

func (i *inspection) answer(ctx context.Context, c *call.Call) (int, error) {
	if i.raw || i.manifest {
		return i.stored(ctx, c)
	}
	if c.Format != "" && c.Format != "json" {
		var err error
		if i.template, err = render.ParseDocker(c.Format); err != nil {
			c.Verbatim(err.Error())
			return badTemplate, nil
		}
	}
	images, err := c.Load(ctx, c.Args, needed(i.size || strings.Contains(c.Format, "Size")))
	if err != nil {
		return call.Failed, err
	}
	defer images.Close()
	var parts []string
	errs := make([]error, len(images))
	for n, l := range images {
		var text string
		if errs[n] = l.Err; l.Err == nil {
			text, errs[n] = i.one(l.Image)
		}
		if errs[n] == nil {
			parts = append(parts, text)
		}
	}
	status := dockerStatus(images, errs)
	if err := i.write(ctx, c, parts, status); err != nil {
		return call.Failed, err
	}
	complainAsDocker(c, images, errs)
	return status, nil
}

// one returns the document of an image or a container, or what the template makes of the document.
func (i *inspection) one(img *analyze.Image) (string, error) {
	if i.kind.Word != "" && (i.kind.Word == "container") != (img.Container != nil) {
		return "", errors.New("no such " + i.kind.Word)
	}
	if img.Container != nil {
		return i.container(img)
	}
	d := img.Docker()
	if i.template == nil {
		return string(d.JSON()), nil
	}
	return runTemplate(i.template, d, img.Image)
}

// runTemplate runs a template on a document as docker's client does: on the decoded document by Go's names, and if that
// fails, on the JSON.
func runTemplate(template *render.DockerTemplate, d *analyze.DockerImage, img *source.Image) (string, error) {
	raw, err := newRawImage(d, img)
	if err != nil {
		return "", err
	}
	typed, err := newTypedImage(d, raw)
	if err != nil {
		return "", err
	}
	text, err := template.Execute(typed, false)
	if _, again := errors.AsType[*render.DockerError](err); again {
		if text, err = template.Execute(raw, true); err != nil {
			err = raw.missing(template, err)
		}
	}
	return text + "\n", err
}

// write prints the documents as one array, or a template's results. It prints nothing if nothing could be read.
func (i *inspection) write(ctx context.Context, c *call.Call, parts []string, status int) error {
	if len(parts) == 0 && status == call.Failed {
		return nil
	}
	if i.template != nil {
		return c.Print(ctx, toTerminal(c, cmp.Or(strings.Join(parts, ""), "\n")))
	}
	text := []byte("[" + strings.Join(parts, ",") + "]")
	if c.Terminal().TTY {
		text = render.SafeJSON(text)
	}
	var out bytes.Buffer
	if c.Format == "" && len(parts) > 0 {
		if err := json.Indent(&out, text, "", "    "); err != nil {
			return err
		}
		text = out.Bytes()
	}
	return c.Print(ctx, string(text)+"\n")
}

// stored prints what --raw or --manifest asks for, byte for byte.
func (i *inspection) stored(ctx context.Context, c *call.Call) (int, error) {
	if c.Given("format") || i.raw && i.manifest {
		return call.Failed, call.Usage("--raw and --manifest print what is stored; choose one, without --format",
			"inspect: --raw, --manifest and --format exclude each other")
	}
	images, err := c.Load(ctx, c.Args, analyze.Needs{Layers: analyze.Never})
	if err != nil {
		return call.Failed, err
	}
	defer images.Close()
	if len(images) != 1 {
		return call.Failed, call.Usage("choose it with --image",
			"inspect: --raw and --manifest print those of one image, not of %d", len(images))
	}
	l := images[0]
	if l.Err != nil {
		complainAsDocker(c, images, []error{l.Err})
		return dockerStatus(images, []error{l.Err}), nil
	}
	doc, what := l.Image.Config, "a bare layer has no config"
	if box := l.Image.Container; box != nil {
		doc, what = box.Config, "the store holds no document of the container"
	}
	if i.manifest {
		doc, what = l.Image.Manifest, "it has no manifest of its own; --raw prints the config"
	}
	if doc == nil {
		c.Fail(fmt.Errorf("%s: %s", l.Where(), what))
		return call.Refuted, nil
	}
	if c.Terminal().TTY {
		doc = append(render.SafeJSON(doc), '\n')
	}
	return call.Answered, c.Print(ctx, string(doc))
}
