package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/advice"
	"layup/analyze/source/decode"
	"layup/analyze/source/disk"
	"layup/analyze/source/document"
	"layup/analyze/source/input"
	"layup/tarfs"
)

// An inner is an image archive inside of an input that is not one itself.
type inner struct {
	at     string  // directory or file, without a slash at the end
	what   string  // with its article
	layout members // of an OCI layout; nil for others
}

const (
	aLayout  = "an OCI layout"
	aSave    = "a docker save archive"
	aDirForm = "a directory of skopeo (dir:)"
	anImages = "an image archive"
)

// mostInner is how many places are searched for archives inside of an input.
const mostInner = 16

// innerOf says what the documents of a directory list; nil if it lists no image.
func innerOf(at string, m members, limits *document.Limits) *inner {
	switch {
	case m.has(indexName) && lists(m, indexName, limits) && len(m.glob(document.BlobPattern)) > 0:
		return &inner{at, aLayout, m}
	case !m.has(manifestName):
		return nil
	case isDirForm(m):
		return &inner{at, aDirForm, nil}
	case lists(m, manifestName, limits):
		return &inner{at, aSave, nil}
	}
	return nil
}

// lists reports whether a document lists images.
func lists(from members, name string, limits *document.Limits) bool {
	doc, err := readMember(from, name, document.LimitManifest, limits.Manifest)
	return err == nil && says(name, doc, false) == anImage
}

// below looks for image archives in a tar that is not one itself: where all its files are, and one level down. It reads
// an OCI layout, if there is only one. Of others it says which command reads them.
func (a *Archive) below(ctx context.Context, table *tarfs.Layer, broken error, root bool) error {
	dirs, files := places(table, root)
	var found []*inner
	for _, dir := range dirs {
		index, err := newTarIndex(a.in, table, broken, dir)
		if err != nil {
			continue
		}
		if i := innerOf(dir, index, &a.opt.Limits); i != nil {
			found = append(found, i)
		}
	}
	layouts := slices.DeleteFunc(slices.Clone(found), func(i *inner) bool { return i.layout == nil })
	switch {
	case len(layouts) == 1:
		a.kind, a.members = OCIArchive, layouts[0].layout
		a.tell(layouts[0])
		return nil
	case len(found) > 0:
		return a.holds(found, "tar xf "+a.file()+" && layup images ")
	}
	for _, e := range files {
		if what := a.innerTar(ctx, e, len(files) == 1); what != "" {
			i := &inner{at: cleaned(e.Name), what: what}
			return &advice.Hinted{Err: i.error(),
				Hint: "tar xOf " + a.file() + " " + show.Shell(e.Name) + " | layup images -"}
		}
	}
	a.kind = Layer // whoever reads the layer finds its damage
	return nil
}

// file is the input as a word of a command.
func (a *Archive) file() string {
	if a.name == "-" {
		return "FILE"
	}
	return show.Shell(a.name)
}

// tell notes where the images are.
func (a *Archive) tell(i *inner) {
	if a.opt.Note != nil {
		a.opt.Note(fmt.Sprintf("%s: holds %s at %s/, which is read", show.Safe(a.name), i.what, show.Safe(i.at)))
	}
}

func (i *inner) error() error {
	return fmt.Errorf("is not an image, but holds %s: %s", i.what, show.Safe(i.at))
}

// holds names archives inside of an input, and the command that reads the first of them.
func (a *Archive) holds(found []*inner, command string) error {
	err := found[0].error()
	for _, i := range found[1:] {
		err = fmt.Errorf("%w, %s: %s", err, i.what, show.Safe(i.at))
	}
	return &advice.Hinted{Err: err, Hint: command + show.Shell(found[0].at)}
}

// places returns the directories of a tar that may hold the documents of an image archive, and the files that may be
// archives. A root file system has none, unless all its files are in one directory.
func places(table *tarfs.Layer, root bool) (dirs []string, files []tarfs.TarEntry) {
	top := commonDir(table, func(t tarfs.Type) bool { return t != tarfs.Dir })
	seen := map[string]bool{}
	for e := range table.Raw() {
		name, ok := cleanMember(e.Name)
		dir, base := path.Split(name)
		rest, within := strings.CutPrefix(dir, top)
		if !ok || !within || e.Type == tarfs.Dir || strings.Count(rest, "/") > 1 || root && (top == "" || rest != "") {
			continue
		}
		dir = strings.TrimSuffix(dir, "/")
		switch {
		case base == indexName || base == manifestName:
			if dir != "" && !seen[dir] && len(dirs) < mostInner {
				seen[dir], dirs = true, append(dirs, dir)
			}
		case rest == "" && e.Type == tarfs.File && len(files) < mostInner:
			files = append(files, e)
		}
	}
	return dirs, files
}

// commonDir returns the directory in which all members of some types are, with a slash at the end; empty for the top.
func commonDir(table *tarfs.Layer, counts func(tarfs.Type) bool) string {
	common, first := "", true
	for e := range table.Raw() {
		name, ok := cleanMember(e.Name)
		if !ok || !counts(e.Type) {
			continue
		}
		if dir, _ := path.Split(name); first {
			common, first = dir, false
		}
		for !strings.HasPrefix(name, common) {
			common = common[:strings.LastIndexByte(strings.TrimSuffix(common, "/"), '/')+1]
		}
	}
	return common
}

// innerTar says what a member is if it is an image archive. It does not decompress: a compressed tar counts if it is
// the only file.
func (a *Archive) innerTar(ctx context.Context, e tarfs.TarEntry, only bool) string {
	if e.Sparse || e.Offset < 0 || e.Size <= 0 || e.Offset+e.Size > a.in.Data.Size() {
		return ""
	}
	data := io.NewSectionReader(a.in.Data, e.Offset, e.Size)
	head := make([]byte, min(decode.HeadSize, e.Size))
	if _, err := data.ReadAt(head, 0); err != nil && err != io.EOF {
		return ""
	}
	switch compression := decode.Sniff(head, e.Size); {
	case compression == "" || decode.IsZero(head):
		return ""
	case compression != decode.None && only:
		return "an archive, compressed with " + compression
	case compression != decode.None:
		return ""
	}
	table, _, err := scanOuter(ctx, &input.Input{Data: data}, a.opt.Limits)
	if err != nil || table == nil {
		return ""
	}
	if seen := survey(data, table); seen.listed() && !seen.root {
		return anImages
	}
	return ""
}

// belowDirectory looks for image archives in the folders of a directory that is not one itself. It reads an OCI layout,
// if there is nothing else.
func (a *Archive) belowDirectory() error {
	root := a.in.Dir.Root
	entries, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return disk.Plain(err)
	}
	var found []*inner
	file := ""
	for _, e := range entries {
		if file == "" && e.Type().IsRegular() && input.IsArchiveName(e.Name()) {
			file = path.Join(root.Name(), e.Name())
		}
		if !e.IsDir() || len(found) >= mostInner {
			continue
		}
		if i := innerOf(e.Name(), newDirectory(a.in.Dir, e.Name()), &a.opt.Limits); i != nil {
			found = append(found, i)
		}
	}
	if len(found) == 1 && found[0].layout != nil && file == "" {
		a.kind, a.members = OCI, found[0].layout
		a.tell(found[0])
		return nil
	}
	for _, i := range found {
		i.at = path.Join(root.Name(), i.at)
	}
	err = errNoImage
	switch {
	case len(found) > 0:
		err = a.holds(found, "layup images ")
	case file != "":
		err = &advice.Hinted{Err: err, Hint: "layup images " + show.Shell(file) + ", or --all for each file in the directory"}
	}
	return &source.NoArchiveError{Err: err}
}

// errNoImage says what a directory would have to hold.
var errNoImage = errors.New("is a directory, but not an OCI layout (no index.json) " +
	"and not an unpacked docker save archive (no manifest.json)")
