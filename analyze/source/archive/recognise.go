package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"layup/analyze/show"
	"layup/analyze/source/advice"
	"layup/analyze/source/disk"
	"layup/analyze/source/document"
	"layup/tarfs"
)

// recogniseFile decides by its members whether a tar is an image archive or a layer, and reads the list of members.
func (a *Archive) recogniseFile(ctx context.Context) error {
	table, broken := scanOuter(ctx, a.in, a.opt.Limits)
	if table == nil {
		return broken
	}
	seen := survey(table)
	switch {
	case seen.image(), seen.unnamed() && broken == nil && table.EndMark():
		return a.archive(seen, table, broken)
	case seen.remains && !seen.root:
		return noManifest(table, broken, a.in.Data.Size())
	case table.Len() == 0 && broken != nil:
		return broken
	}
	if mark, ok := storeTop(table); ok {
		return mark.named(a.name)
	}
	a.kind = Layer // whoever reads the layer finds its damage
	return nil
}

// archive lists the members of a tar that has the documents of an image archive, unless those are files of a layer.
func (a *Archive) archive(seen sight, table *tarfs.Layer, broken error) error {
	index, err := newTarIndex(a.in, table, broken)
	if err == nil && seen.manifest && isDirForm(index) {
		return DirForm("DIR", "unpack the tar into DIR, then ")
	}
	switch says := index.says(seen, &a.opt.Limits); {
	case seen.root && (err != nil || says != anImage), !seen.remains && !seen.layout && says == anotherThing:
		a.kind = Layer
		return nil
	case err != nil:
		return err
	}
	a.members, a.end, a.tailed = index, table.Size(), table.Tail()
	switch {
	case seen.manifest, seen.repositories && !seen.index && !seen.layout, seen.unnamed():
		a.kind = Docker
	case seen.index:
		a.kind = OCIArchive
	default:
		return noManifest(table, broken, a.in.Data.Size())
	}
	return nil
}

// noManifest says that a tar holds parts of an image archive, but not the document that lists its images.
func noManifest(table *tarfs.Layer, broken error, size int64) error {
	if cut, ok := broken.(truncatedMember); ok && (cut.name == manifestName || cut.name == indexName) {
		return fmt.Errorf("%s: %w", cut.name, broken)
	}
	if broken == nil && !table.EndMark() {
		broken = fmt.Errorf("the archive has no end mark and looks truncated at offset %d", size)
	}
	const message = "manifest.json not found; not a docker save archive or OCI layout, " +
		"though it looks like the remains of one"
	if broken != nil {
		return fmt.Errorf("%s: %w", message, broken)
	}
	return errors.New(message)
}

// recogniseDirectory decides by its files what a directory holds.
func (a *Archive) recogniseDirectory() error {
	a.members = &directory{Dir: a.in.Dir, files: map[string]*disk.File{}}
	switch {
	case a.members.has(indexName):
		a.kind = OCI
	case a.members.has(manifestName) && isDirForm(a.members):
		return DirForm(a.in.Dir.Root.Name(), "")
	case a.members.has(manifestName), a.members.has(repositoriesName):
		a.kind = Docker
	case a.members.has(layoutName), a.members.has("blobs"):
		return errors.New("index.json not found; not an OCI layout")
	default:
		return noImage(a.in.Dir.Root, a.name)
	}
	return nil
}

// isDirForm reports whether members are what skopeo writes as dir: and podman as docker-dir. The file version says so.
func isDirForm(store members) bool {
	m, err := store.open("version")
	if err != nil {
		return false
	}
	const begin = "Directory Transport Version: "
	head := make([]byte, len(begin))
	_, err = m.data.ReadAt(head, 0)
	return err == nil && string(head) == begin
}

// A sight is what the names of a tar's members say about it.
type sight struct {
	manifest, index, layout, repositories bool
	legacy                                bool // ID/layer.tar
	v1                                    bool // ID/json
	configs                               bool // HEX.json
	remains                               bool // names that only image archives have
	root                                  bool // directories that root file systems have
}

// image reports whether there is a document that lists images.
func (s sight) image() bool {
	return s.manifest || s.index || s.layout || s.repositories && s.legacy
}

// unnamed reports whether it looks like docker save by ID before 1.10, which names no image. An archive with the
// configs of later versions is not such a one: it lost its manifest.json.
func (s sight) unnamed() bool {
	return s.legacy && s.v1 && !s.configs && !s.manifest && !s.index && !s.layout && !s.repositories
}

// rootNames are the directories by which a root file system is known: Linux's and a Windows layer's.
var rootNames = map[string]bool{
	"bin": true, "boot": true, "dev": true, "etc": true, "home": true, "lib": true, "lib64": true, "media": true,
	"mnt": true, "opt": true, "proc": true, "root": true, "run": true, "sbin": true, "srv": true, "sys": true,
	"tmp": true, "usr": true, "var": true,
	"Files": true, "Hives": true, "UtilityVM": true,
}

func survey(table *tarfs.Layer) sight {
	var s sight
	for e := range table.Raw() {
		name, ok := cleanMember(e.Name)
		if !ok {
			continue
		}
		switch name {
		case manifestName:
			s.manifest = true
		case indexName:
			s.index = true
		case layoutName:
			s.layout = true
		case repositoriesName:
			s.repositories = true
		}
		top, rest, nested := strings.Cut(name, "/")
		s.root = s.root || rootNames[top] && (nested || e.Type != tarfs.File)
		s.legacy = s.legacy || nested && rest == "layer.tar"
		s.v1 = s.v1 || nested && rest == "json"
		s.configs = s.configs || !nested && inName(name, ".json") != ""
		s.remains = s.remains || s.legacy || !nested && remains(name) ||
			strings.HasPrefix(name, "blobs/sha256/") && document.BlobDigest(name) != "" ||
			!table.EndMark() && (name == "blobs" || name == "blobs/sha256")
	}
	return s
}

// remains reports whether archives of docker, podman, skopeo, kaniko and crane hold such a name beside manifest.json.
func remains(name string) bool {
	return inName(name, ".json", ".tar", ".tar.gz") != "" || strings.HasPrefix(name, "sha256:") && inName(name, "") != ""
}

// What a document at the top of a tar turns out to be.
const (
	anImage      = iota // it lists images
	anotherThing        // a web application's manifest.json, a link, a directory
	damaged             // not JSON
)

// says reads the document by which a tar looks like an image archive: a layer may also hold a file of that name.
func (t *tarIndex) says(seen sight, limits *document.Limits) int {
	name, lists := indexName, listsBlobs
	if seen.manifest {
		name, lists = manifestName, listsConfigs
	}
	if t == nil || seen.legacy && seen.repositories {
		return anImage
	}
	m, err := t.open(name)
	if err != nil {
		return anotherThing
	}
	doc, err := m.whole(document.LimitManifest, limits.Manifest)
	switch {
	case err != nil || !json.Valid(doc):
		return damaged
	case lists(doc, t, seen.root):
		return anImage
	}
	return anotherThing
}

// listsConfigs reports whether a document is docker save's manifest.json. Strictly, the config it names must be there.
func listsConfigs(doc []byte, t *tarIndex, strictly bool) bool {
	var entries []struct{ Config *string }
	err := json.Unmarshal(doc, &entries)
	return err == nil && len(entries) > 0 && entries[0].Config != nil && (!strictly || t.has(cleaned(*entries[0].Config)))
}

// listsBlobs reports whether a document is an OCI layout's index.json. Strictly, there must be blobs.
func listsBlobs(doc []byte, t *tarIndex, strictly bool) bool {
	var index struct {
		SchemaVersion int
		Manifests     []struct{ Digest string }
	}
	err := json.Unmarshal(doc, &index)
	return err == nil && index.SchemaVersion == 2 && len(index.Manifests) > 0 &&
		(!strictly || len(t.glob(document.BlobPattern)) > 0)
}

func cleaned(name string) string {
	name, _ = cleanMember(name)
	return name
}

// DirForm refuses skopeo's dir: form, with the command that makes an archive of it; first is what must be done before.
func DirForm(dir, first string) error {
	return &advice.Hinted{
		Err:  errors.New("skopeo's dir: form is not supported"),
		Hint: first + "skopeo copy " + show.Shell("dir:"+dir) + " oci-archive:image.tar, then read image.tar",
	}
}
