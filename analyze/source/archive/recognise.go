package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"layup/analyze/source"
	"layup/analyze/source/document"
	"layup/tarfs"
)

// recogniseFile decides by its members whether a tar is an image archive or a layer, and reads the list of members.
func (a *Archive) recogniseFile(ctx context.Context) error {
	table, tail, broken := scanOuter(ctx, a.in, a.opt.Limits)
	if table == nil {
		return broken
	}
	a.end, a.tail = table.Size(), tail
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
	return a.below(ctx, table, broken, seen.root)
}

// archive lists the members of a tar that has the documents of an image archive, unless those are files of a layer.
func (a *Archive) archive(seen sight, table *tarfs.Layer, broken error) error {
	index, err := newTarIndex(a.in, table, broken, "")
	dir := err == nil && seen.manifest && !seen.index && !seen.root && isDirForm(index)
	switch says := index.says(seen, &a.opt.Limits); {
	case dir:
	case seen.root && (err != nil || says != anImage), !seen.remains && !seen.layout && says == anotherThing:
		a.kind = Layer
		return nil
	case err != nil:
		return err
	}
	a.members = index
	switch {
	case dir:
		a.kind = Dir
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
	a.members = newDirectory(a.in.Dir, "")
	switch {
	case a.members.has(indexName):
		a.kind = OCI
	case a.members.has(manifestName) && isDirForm(a.members):
		a.kind = Dir
	case a.members.has(manifestName), a.members.has(repositoriesName):
		a.kind = Docker
	case a.members.has(layoutName), a.members.has("blobs"):
		return errors.New("index.json not found; not an OCI layout")
	default:
		if mark, ok := storeIn(a.in.Dir.Root); ok {
			return &source.NoArchiveError{Err: mark.named(a.name)}
		}
		return a.belowDirectory()
	}
	return nil
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
	if t == nil || seen.legacy && seen.repositories {
		return anImage
	}
	name := indexName
	if seen.manifest {
		name = manifestName
	}
	return says(t, name, seen.root, limits)
}

// says reads one of the documents index.json and manifest.json. Strictly, what it lists must be there.
func says(from members, name string, strictly bool, limits *document.Limits) int {
	m, err := from.open(name)
	if err != nil {
		return anotherThing
	}
	doc, err := m.whole(document.LimitManifest, limits.Manifest)
	switch {
	case err != nil || !json.Valid(doc):
		return damaged
	case name == indexName && listsBlobs(doc, from, strictly), name == manifestName && listsConfigs(doc, from, strictly):
		return anImage
	}
	return anotherThing
}

// listsConfigs reports whether a document is docker save's manifest.json. Strictly, the config it names must be there.
func listsConfigs(doc []byte, from members, strictly bool) bool {
	var entries []struct{ Config *string }
	err := json.Unmarshal(doc, &entries)
	return err == nil && len(entries) > 0 && entries[0].Config != nil &&
		(!strictly || from.has(cleaned(*entries[0].Config)))
}

// listsBlobs reports whether a document is an OCI layout's index.json. Strictly, there must be blobs.
func listsBlobs(doc []byte, from members, strictly bool) bool {
	var index struct {
		SchemaVersion int
		Manifests     []struct{ Digest string }
	}
	err := json.Unmarshal(doc, &index)
	return err == nil && index.SchemaVersion == 2 && len(index.Manifests) > 0 &&
		(!strictly || len(from.glob(document.BlobPattern)) > 0)
}

func cleaned(name string) string {
	name, _ = cleanMember(name)
	return name
}
