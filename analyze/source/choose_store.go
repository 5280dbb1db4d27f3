package source

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source/store"
	"layup/tarfs"
)

// chooseStored leaves the images and containers of an engine's store that the name and the selection mean. Images that only others were
// built on are meant by their ID alone.
func (a *Archive) chooseStored(sel Selection) ([]*candidate, error) {
	var images, containers, others []*candidate
	for _, c := range a.images {
		switch {
		case c.kind == kindContainer:
			containers = append(containers, c)
		case c.intermediate:
			others = append(others, c)
		case c.kind == kindImage:
			images = append(images, c)
		}
	}
	if sel.Image != "" { // --image never means a container
		return a.byStoredName(images, others, sel.Image)
	}
	name, want := a.ref, ""
	for _, kind := range []string{kindImage, kindContainer} {
		if rest, ok := strings.CutPrefix(name, kind+"="); ok {
			name, want = rest, kind
		}
	}
	if name == "" {
		list := append(images, containers...)
		if len(list) == 0 {
			return nil, errors.New("the store holds no image and no container")
		}
		return list, nil
	}
	image, err := a.byStoredName(images, others, name)
	if want == kindImage {
		return image, err
	}
	container, none := a.byName(containers, name)
	switch {
	case none != nil && want == kindContainer:
		return nil, a.noContainer(containers, name)
	case none != nil && err != nil && !strings.HasPrefix(name, "@"):
		message := "there is no image and no container " + strconv.Quote(name)
		return nil, &ChoiceError{Message: message, Choices: a.storeChoices(append(images, containers...)), None: true}
	case none != nil:
		return image, err
	case err == nil && want == "":
		prefix := a.Kind + ":" + a.engine.path + ":"
		return nil, &Hinted{
			Err:  fmt.Errorf("both an image and a container are called %s", show.Cut(name)),
			Hint: "write " + show.Shell(prefix+"image="+name) + " or " + show.Shell(prefix+"container="+name),
		}
	}
	return container, nil
}

// byStoredName finds an image by its name, one of the others too where no image has it.
func (a *Archive) byStoredName(images, others []*candidate, name string) ([]*candidate, error) {
	found, err := a.byName(images, name)
	if err == nil || !digest.IsStart(name) {
		return found, err
	}
	if more, e := a.byName(others, name); e == nil {
		return more, nil
	}
	return nil, err
}

func (a *Archive) noContainer(list []*candidate, name string) error {
	err := fmt.Errorf("there is no container %s", show.Cut(name))
	var names []string
	for _, c := range list {
		names = append(names, c.refs[0])
	}
	if len(names) == 0 {
		return err
	}
	const most = 10
	return &Hinted{Err: err, Hint: "there is " + strings.Join(names[:min(len(names), most)], ", ")}
}

// storeChoices lists the names of images and containers, as the whole argument.
func (a *Archive) storeChoices(list []*candidate) []Choice {
	var choices []Choice
	prefix := a.Kind + ":" + a.engine.path + ":"
	for _, c := range list {
		name, what := "", c.kind+" "+c.named.Shown()
		switch {
		case c.kind == kindContainer:
			name, what = c.refs[0], "container, "+c.container.State
			if c.container.Image != "" {
				what += ", of " + show.Cut(c.container.Image)
			}
		case len(c.refs) > 0:
			name = c.refs[0]
		default:
			name = digest.Short(c.aliases[len(c.aliases)-1])
		}
		choices = append(choices, Choice{Flag: show.Shell(prefix + name), What: strings.TrimSpace(what)})
	}
	return choices
}

// severalStored asks to choose an image or a container.
func (a *Archive) severalStored(list []*candidate) error {
	images := 0
	for _, c := range list {
		if c.kind == kindImage {
			images++
		}
	}
	message := fmt.Sprintf("holds %s and %s: name one", counted(images, "image"), counted(len(list)-images, "container"))
	return &ChoiceError{Message: message, Choices: a.storeChoices(list)}
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// listStored describes an image or a container of an engine's store.
func (a *Archive) listStored(ctx context.Context, c *candidate) (Listed, error) {
	item := Listed{Kind: c.kind, Number: c.number, Platform: c.named.String(), Size: -1, Container: c.container}
	if n := len(c.aliases); n > 0 {
		item.Digest = c.aliases[n-1]
	}
	img, err := a.load(c)
	if err == nil {
		item.Size, err = c.measure(ctx, img)
	}
	if err != nil {
		return item, fmt.Errorf("%s %s: %w", c.kind, digest.Short(item.Digest), err)
	}
	if n := len(img.Layers); n > 0 {
		item.Directory = img.Layers[n-1].Directory
	}
	if c.container != nil {
		item.Created = c.container.Created
	} else if created := img.ConfigFile.Created.Time; !created.IsZero() {
		item.Created = created.UTC().Format(time.RFC3339Nano)
	}
	return item, nil
}

// measure adds up the bytes of an image's files layer by layer, or those of a container's own layer, as the engine does.
func (c *candidate) measure(ctx context.Context, img *Image) (int64, error) {
	var size int64
	for _, l := range img.Layers {
		if l.Role == RoleImage && c.container == nil {
			size += l.Size
		}
		if l.Role == RoleContainer {
			n, err := l.filesSize(ctx)
			if err != nil {
				return 0, err
			}
			size += n
		}
	}
	return size, nil
}

// filesSize returns the bytes of what lies in a layer's directory: of files, each once, and of the targets of links. Source: moby,
// pkg/directory.
func (l *Layer) filesSize(ctx context.Context) (int64, error) {
	if l.tar.Copied {
		return l.changedSize(ctx)
	}
	var size int64
	seen := map[store.Inode]bool{}
	for e, err := range l.tar.Files.Walk(ctx, l.Directory) {
		switch {
		case err != nil:
			return 0, privileged(err)
		case e.Inode != store.Inode{} && seen[e.Inode]:
			continue
		case e.Type == tarfs.File:
			size += e.Size
		case e.Type == tarfs.Symlink:
			size += int64(len(e.Link))
		}
		if e.Inode != (store.Inode{}) {
			seen[e.Inode] = true
		}
	}
	return size, nil
}

// changedSize is filesSize of a layer whose directory holds a copy of all that lies below: what was changed counts. Source: moby,
// pkg/archive, ChangesSize.
func (l *Layer) changedSize(ctx context.Context) (int64, error) {
	scan, err := l.Scan(ctx, ScanOptions{})
	if err != nil {
		return 0, err
	}
	var size int64
	for e := range scan.Table.Raw() {
		switch e.Type {
		case tarfs.TarFile:
			size += e.Size
		case tarfs.TarSymlink:
			size += int64(len(e.Link))
		}
	}
	return size, nil
}
