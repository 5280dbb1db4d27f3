package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source/advice"
	"layup/analyze/source/document"
)

// A Selection chooses among several images and platforms.
type Selection struct {
	Inside     string // the part of the source's name after its path; like Image
	Containers bool   // Inside may also mean a container
	Image      string // a reference, a digest or the beginning of one, or @N
	Platform   string // os/arch[/variant]
	All        bool   // keep all of them
	Loose      bool   // with All, also the directories and volumes that no image uses
	ImagesOnly bool   // artifacts are not there
	OnlyBoxes  bool   // with All, only containers, and records that cannot be read
}

// Choose returns the one image that the selection leaves, or all of them with All. An *advice.ChoiceError lists what
// there is to choose from. Note tells the user which platform was chosen for them, or is empty. With All, an image that
// cannot be read has an Err.
func Choose(ctx context.Context, s Source, sel Selection) (images []*Image, note string, err error) {
	left, note, err := pick(ctx, s, sel)
	if err != nil {
		return nil, "", err
	}
	layers := 0
	for _, e := range left {
		img, err := s.Load(ctx, e)
		if ctx.Err() != nil {
			return nil, "", ctx.Err()
		}
		if layers += len(img.Layers); layers > mostLayers {
			return nil, "", tooMany(len(left))
		}
		if err != nil {
			err = whichOf(s, e, err)
			if !sel.All {
				return nil, "", err
			}
			img.Layers, img.Err = nil, err // the others can be read
		}
		img.Reference = e.Reference(cmp.Or(sel.Image, sel.Inside))
		images = append(images, img)
	}
	return images, note, nil
}

// mostLayers is how many layers several images may have together. Thousands of entries may share one manifest.
const mostLayers = 250_000

func tooMany(images int) error {
	return &advice.Hinted{Err: fmt.Errorf("%d images with more than %d layers together", images, mostLayers),
		Hint: "--image chooses one of them"}
}

// pick returns the entries that the selection leaves, without loading them.
func pick(ctx context.Context, s Source, sel Selection) ([]*Entry, string, error) {
	left, err := called(ctx, s, sel)
	if err != nil {
		return nil, "", err
	}
	if sel.Platform != "" {
		if left, err = byPlatform(left, sel.Platform); err != nil {
			return nil, "", err
		}
	}
	if sel.OnlyBoxes {
		other := func(e *Entry) bool { return e.Kind != KindContainer && e.Kind != KindRecord }
		if left = slices.DeleteFunc(left, other); len(left) == 0 {
			return nil, "", Absent("the store holds no container")
		}
	}
	if sel.All {
		left, note := allHere(left)
		if aside, ok := s.(interface{ Aside() string }); ok {
			note = cmp.Or(note, aside.Aside())
		}
		return left, note, nil
	}
	return single(s, left)
}

// A holding is what a source holds by kind. Only an ID chooses an intermediate image. An artifact needs its name, if
// there is an image or a container.
type holding struct{ images, containers, artifacts, intermediate, records []*Entry }

// holdingOf tells them apart. It leaves out artifacts if imagesOnly is true.
func holdingOf(s Source, imagesOnly bool) (h holding, err error) {
	for _, e := range s.Entries() {
		switch {
		case e.Kind == KindContainer:
			h.containers = append(h.containers, e)
		case e.Intermediate:
			h.intermediate = append(h.intermediate, e)
		case e.Kind == KindImage:
			h.images = append(h.images, e)
		case e.Kind == KindRecord:
			h.records = append(h.records, e)
		case e.opens() && !imagesOnly:
			h.artifacts = append(h.artifacts, e)
		case e.opens():
			err = cmp.Or(err, e.Manifest.NotImage())
		case err == nil:
			err = e.Err
		}
	}
	switch {
	case len(h.images)+len(h.containers)+len(h.artifacts) > 0:
		return h, nil
	case len(h.records) > 0:
		return h, h.records[0].Err
	case len(s.Entries()) == len(h.intermediate):
		return h, errors.New("the store holds no image and no container")
	}
	return h, cmp.Or(err, errors.New("holds attestations only, no image"))
}

// called keeps the entries that the source's name and the selection name.
func called(ctx context.Context, s Source, sel Selection) ([]*Entry, error) {
	h, err := holdingOf(s, sel.ImagesOnly)
	loose, more := s.(Loose)
	whole := sel.Inside == "" && sel.Image == ""
	if more && (isLoose(sel.Inside) || whole && sel.All && sel.Loose) {
		list, failed := loose.Loose(ctx)
		switch {
		case failed != nil || !whole:
			return looseCalled(list, sel.Inside, failed)
		case len(list) > 0:
			return slices.Concat(h.images, h.containers, h.artifacts, h.records, list), nil
		}
	}
	switch {
	case err != nil:
		return nil, err
	case whole && sel.All:
		return slices.Concat(h.images, h.containers, h.artifacts, h.records), nil
	case whole && len(h.images)+len(h.containers) == 0:
		return h.artifacts, nil
	case whole:
		return append(h.images, h.containers...), nil
	case sel.Inside == "" || sel.Image != "" && sel.Containers:
		return h.imagesCalled(s, sel.Image) // --image never means a container
	}
	left, err := h.insideCalled(s, sel.Inside, sel.Containers)
	if err != nil {
		return nil, h.explain(err)
	}
	if sel.Image == "" {
		return left, nil
	}
	return byName(s, left, sel.Image)
}

// explain adds to an error about a name the record that may have held the name.
func (h *holding) explain(err error) error {
	if len(h.records) > 0 {
		return fmt.Errorf("%w (%w)", err, h.records[0].Err)
	}
	return err
}

// isLoose reports whether a name chooses a directory or a volume.
func isLoose(name string) bool {
	kind, _, named := strings.Cut(name, "=")
	return named && (kind == KindDirectory || kind == KindVolume)
}

// looseCalled finds a directory or a volume by its kind and name, unless there is an error already.
func looseCalled(list []*Entry, name string, err error) ([]*Entry, error) {
	found := kept(list, func(e *Entry) bool { return e.Kind+"="+e.References[0] == name })
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("there is no %s that no image uses", show.Safe(strings.Replace(name, "=", " ", 1)))
	}
	return found, err
}

// insideCalled finds an image or a container by its name. A name of both kinds needs image= or container= before it.
func (h *holding) insideCalled(s Source, name string, containers bool) ([]*Entry, error) {
	if !containers {
		return h.imagesCalled(s, name)
	}
	want := ""
	for _, kind := range []string{KindImage, KindContainer} {
		if rest, ok := strings.CutPrefix(name, kind+"="); ok {
			name, want = rest, kind
		}
	}
	image, err := h.imagesCalled(s, name)
	if want == KindImage {
		return image, err
	}
	container, none := byName(s, h.containers, name)
	switch {
	case none != nil && want == KindContainer:
		return nil, noContainer(h.containers, name)
	case none != nil && err != nil && !strings.HasPrefix(name, "@"):
		message := fmt.Sprintf("there is no image and no container %q", name)
		choices := imageChoices(s, append(h.images, h.containers...))
		return nil, &advice.ChoiceError{Message: message, Choices: choices, None: true}
	case none != nil:
		return image, err
	case err == nil && want == "":
		return nil, &advice.Hinted{
			Err:  fmt.Errorf("both an image and a container are called %s", show.Cut(name)),
			Hint: "write " + image[0].Choice + " or " + container[0].Choice,
		}
	}
	return container, nil
}

// imagesCalled finds images by a name, else artifacts, else intermediate images. A statement about an image is never
// opened.
func (h *holding) imagesCalled(s Source, name string) ([]*Entry, error) {
	found, err := byName(s, h.images, name)
	if err == nil {
		return found, nil
	}
	if found, none := byName(s, h.artifacts, name); none == nil {
		return found, nil
	}
	if digest.IsStart(name) {
		if found, none := byName(s, h.intermediate, name); none == nil {
			return found, nil
		}
	}
	about := kept(s.Entries(), func(e *Entry) bool { return e.Kind == KindAttestation })
	if found, none := byName(s, about, name); none == nil && len(found) > 0 && !strings.HasPrefix(name, "@") {
		const message = "%s is a statement about an image: it is listed and verified, but never unpacked"
		return nil, fmt.Errorf(message, show.Cut(name))
	}
	if len(h.images) == 0 {
		return byName(s, h.artifacts, name)
	}
	return nil, err
}

func noContainer(list []*Entry, name string) error {
	err := fmt.Errorf("there is no container %s", show.Cut(name))
	var names []string
	for _, e := range list {
		names = append(names, show.Safe(e.References[0]))
	}
	if len(names) == 0 {
		return err
	}
	const most = 10
	return &advice.Hinted{Err: err, Hint: "there is " + strings.Join(names[:min(len(names), most)], ", ")}
}

// whichOf names the image of an error if there are several.
func whichOf(s Source, e *Entry, err error) error {
	h, _ := holdingOf(s, false)
	if len(h.images)+len(h.containers)+len(h.artifacts) < 2 || e.Kind == KindRecord {
		return err
	}
	if e.Absent && e.Kind == KindImage {
		err = fmt.Errorf("named by the index, but not in this file: %w", err)
	}
	return fmt.Errorf("%s %s: %w", e.Kind, e.describe(), err)
}

// kept returns the entries for which a test holds.
func kept(list []*Entry, fits func(*Entry) bool) []*Entry {
	return slices.DeleteFunc(slices.Clone(list), func(e *Entry) bool { return !fits(e) })
}

// fitting keeps what runs on a platform. If want has no variant, any variant fits unless one fits exactly.
func fitting(list []*Entry, want document.Platform) []*Entry {
	for _, exact := range []bool{true, false} {
		found := kept(list, func(e *Entry) bool { return want.Fits(e.platform(), exact) })
		if len(found) > 0 {
			return found
		}
	}
	return nil
}

// byPlatform keeps what runs on the platform of that name.
func byPlatform(list []*Entry, name string) ([]*Entry, error) {
	want, err := document.ParsePlatform(name)
	if err != nil {
		return nil, err
	}
	if found := fitting(list, want); len(found) > 0 {
		return found, nil
	}
	message := fmt.Sprintf("there is no image for platform %q", name)
	return nil, &advice.ChoiceError{Message: message, Choices: platformChoices(list), None: true}
}

// allHere leaves out what an index names and the input does not have, and containers with layers in another store. Note
// says so. If nothing is left, it keeps all: loading them gives the errors.
func allHere(list []*Entry) ([]*Entry, string) {
	here := kept(list, (*Entry).here)
	if len(here) == 0 || len(here) == len(list) {
		return list, ""
	}
	what := "not in this file, left out: "
	var gone []string
	for _, e := range kept(list, func(e *Entry) bool { return !e.here() }) {
		if e.Kind == KindContainer {
			what, gone = "without a snapshot in this store, left out: ", append(gone, e.Kind+" "+e.label())
		} else {
			gone = append(gone, e.describe())
		}
	}
	return here, what + strings.Join(gone, ", ")
}

// single leaves one image. It chooses the platform if there are several.
func single(s Source, list []*Entry) ([]*Entry, string, error) {
	if slices.ContainsFunc(list, func(e *Entry) bool { return e.Group != list[0].Group }) {
		return nil, "", several(s, list)
	}
	if len(list) == 1 {
		return list, "", nil
	}
	here := kept(list, (*Entry).here)
	switch len(here) {
	case 0:
		const message = "none of the platforms that the index names is in this file"
		return nil, "", &advice.ChoiceError{Message: message, Choices: platformChoices(list), None: true}
	case 1:
		return here, chosen(here[0], list, "the only one in this file"), nil
	}
	if onePlatform(here) {
		return nil, "", alike(here)
	}
	for _, want := range document.Machine() {
		switch found := fitting(here, want); len(found) {
		case 0:
		case 1:
			return found, chosen(found[0], list, "this machine's"), nil
		default:
			return nil, "", alike(found)
		}
	}
	const message = "holds %d platforms, none of them this machine's (%s): choose one"
	return nil, "", &advice.ChoiceError{Message: fmt.Sprintf(message, len(here), document.Machine()[0]),
		Choices: platformChoices(list)}
}

// onePlatform reports whether all entries run on one platform.
func onePlatform(list []*Entry) bool {
	first := list[0].platform().Normal().String()
	return !slices.ContainsFunc(list, func(e *Entry) bool { return e.platform().Normal().String() != first })
}

// chosen is the note about a platform that nobody asked for.
func chosen(e *Entry, list []*Entry, why string) string {
	return fmt.Sprintf("platform %s of %d (%s; --platform chooses another)", e.platform().Shown(), len(list), why)
}

// byName keeps what a name chooses: @N, a reference, a digest or the beginning of one. An exact
// reference counts before one with the registry or the tag filled in.
func byName(s Source, list []*Entry, name string) ([]*Entry, error) {
	ways, cause := waysOf(name), fmt.Sprintf("there is no image %q", name)
	if number, ok := strings.CutPrefix(name, "@"); ok {
		n, err := strconv.Atoi(number)
		ways = []func(*Entry) bool{func(e *Entry) bool { return err == nil && e.Number == n }}
		cause = fmt.Sprintf("there is no image %s: they are numbered from @0", show.Safe(name))
	}
	for _, fits := range ways {
		if found := kept(list, fits); len(found) > 0 {
			return found, nil
		}
	}
	return nil, &advice.ChoiceError{Message: cause, Choices: imageChoices(s, list), None: true}
}

// waysOf returns the tests by which a name may choose an entry, the most exact first.
func waysOf(name string) []func(e *Entry) bool {
	ways := []func(e *Entry) bool{
		func(e *Entry) bool { return slices.Contains(e.References, name) },
		func(e *Entry) bool { return slices.Contains(e.Aliases, name) || e.Descriptor.Digest == name },
		func(e *Entry) bool { return digest.Valid(name) && e.imageID() == name },
		func(e *Entry) bool {
			return slices.ContainsFunc(e.References, func(ref string) bool { return sameName(ref, name) })
		},
		func(e *Entry) bool {
			return slices.ContainsFunc(e.References, func(ref string) bool { return endsIn(ref, name) })
		},
	}
	if !digest.IsStart(name) {
		return ways
	}
	begins := func(id string) bool { return strings.HasPrefix(digest.Hex(id), digest.Hex(name)) }
	return append(ways, func(e *Entry) bool {
		return begins(e.Descriptor.Digest) || begins(e.imageID()) || begins(e.ID) || slices.ContainsFunc(e.Aliases, begins)
	})
}
