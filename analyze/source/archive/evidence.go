package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"path"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/source"
	"layup/analyze/source/decode"
	"layup/analyze/source/document"
	"layup/tarfs"
)

// A sight is what the members of a tar say about it.
//
// A tar is an image archive, whole or damaged, if its members prove it: a document that lists images, or a name that
// only image archives have. Then nothing beside them, like a directory etc, makes it a root file system, and no error
// in them does: docker load and podman load look for an image and at nothing else. These prove it:
//   - manifest.json is a list of objects with Config, or a list that cannot be read to its end;
//   - index.json is an object that lists manifests by digest, or is too large to be read;
//   - oci-layout has an imageLayoutVersion;
//   - blobs/ALGORITHM/HEX, HEX.json, HEX.tar, HEX.tar.gz, HEX/layer.tar, HEX/json or sha256:HEX, of 64 digits, at the
//     top.
//
// A root file system may have a web application's manifest.json or index.json, any other file below blobs, and a
// layer.tar in any other directory.
type sight struct {
	manifest, index, layout, repositories bool
	says                                  verdict // the documents
	proof                                 bool    // names that only image archives have
	legacy                                bool    // ID/layer.tar
	v1                                    bool    // ID/json
	later                                 bool    // names that docker save has since 1.10
	blobs                                 bool    // directories of blobs or repositories, and no blob: the tar was cut
	root                                  bool    // directories that root file systems have
	empty                                 bool    // nothing but the top directory
}

// A verdict is what a document at the top of a tar turns out to be. Of several the greatest counts.
type verdict int

const (
	anotherThing verdict = iota // a web application's manifest.json, a link to nothing, a directory
	damaged                     // not JSON
	anImage                     // it lists images
)

// listed reports whether there is a document that lists images, or should.
func (s sight) listed() bool { return s.manifest || s.index || s.layout || s.named() }

// named reports whether it is docker save before 1.10, with names. An archive with the names of later versions is not
// such a one: it lost its manifest.json.
func (s sight) named() bool {
	return s.repositories && s.legacy && !s.manifest && !s.index && !s.layout && !s.later
}

// proven reports whether the tar is an image archive, whatever else it holds.
func (s sight) proven() bool { return s.proof || s.says == anImage }

// likely reports whether a tar without directories of a root file system is an image archive.
func (s sight) likely() bool {
	return s.proven() || !s.root && (s.layout || s.legacy || s.blobs || s.says == damaged)
}

// unnamed reports whether it looks like docker save by ID before 1.10, which names no image.
func (s sight) unnamed() bool {
	return s.legacy && s.v1 && !s.later && !s.manifest && !s.index && !s.layout && !s.repositories
}

// rootNames are the directories by which a root file system is known: Linux's and a Windows layer's.
var rootNames = map[string]bool{
	"bin": true, "boot": true, "dev": true, "etc": true, "home": true, "lib": true, "lib64": true, "media": true,
	"mnt": true, "opt": true, "proc": true, "root": true, "run": true, "sbin": true, "srv": true, "sys": true,
	"tmp": true, "usr": true, "var": true,
	"Files": true, "Hives": true, "UtilityVM": true,
}

// survey looks at the names of all members, and reads the documents among them.
func survey(data io.ReaderAt, table *tarfs.Layer) sight {
	var s sight
	r, empty := documentReader{data: data}, true
	s.empty = true
	for e := range table.Raw() {
		name, ok := cleanMember(e.Name)
		if !ok {
			continue
		}
		top, rest, nested := strings.Cut(name, "/")
		if nested {
			r.nested(name)
		} else {
			s.document(name)
			s.says = max(s.says, r.read(name, e))
		}
		s.root = s.root || rootNames[top] && (nested || e.Type != tarfs.File)
		s.legacy = s.legacy || nested && rest == "layer.tar"
		s.v1 = s.v1 || nested && rest == "json"
		proof := proves(name)
		s.later = s.later || proof && (!nested || top == "blobs")
		s.proof = s.proof || proof
		blobs := e.Type == tarfs.Dir && (name == "blobs" || name == "blobs/sha256" || digest.IsHex(name)) ||
			e.Type == tarfs.File && name == repositoriesName
		s.blobs = s.blobs || blobs
		s.empty = s.empty && name == "."
		empty = empty && (blobs || name == ".")
	}
	cut := !table.EndMark() && table.Len() > 0
	s.blobs = s.blobs && (empty || cut) || empty && cut
	s.says = max(s.says, r.throughLinks(table))
	return s
}

// document notes the name of a document.
func (s *sight) document(name string) {
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
}

// proves reports whether only archives of docker, podman, skopeo, kaniko and crane, and OCI layouts, hold such a name.
func proves(name string) bool {
	top, rest, nested := strings.Cut(name, "/")
	if nested {
		v1 := rest == "VERSION" || rest == "json" || rest == "layer.tar"
		return v1 && digest.IsHex(top) || top == "blobs" && document.BlobDigest(name) != ""
	}
	return inName(name, ".json", ".tar", ".tar.gz") != "" || strings.HasPrefix(name, "sha256:") && inName(name, "") != ""
}

// A documentReader reads the documents at the top of a tar, every copy: readers differ in which one they take.
type documentReader struct {
	data  io.ReaderAt
	links bool            // links may lead to a document
	above map[string]bool // directories of nested files with the name of a document; one of them may be a link
}

// documents are the names that say what a tar is.
var documents = map[string]bool{manifestName: true, indexName: true, layoutName: true}

// mostAbove bounds the directories that are remembered. A root file system has some thousand manifest.json.
const mostAbove = 1 << 16

// nested notes the directories above a file with the name of a document.
func (r *documentReader) nested(name string) {
	if !documents[path.Base(name)] {
		return
	}
	for dir := path.Dir(name); dir != "." && !r.above[dir]; dir = path.Dir(dir) {
		if r.above == nil {
			r.above = map[string]bool{}
		}
		r.links = r.links || len(r.above) >= mostAbove
		if r.links {
			return
		}
		r.above[dir] = true
	}
}

// read says what a member at the top is.
func (r *documentReader) read(name string, e tarfs.TarEntry) verdict {
	switch {
	case !documents[name]:
		return anotherThing
	case e.Type == tarfs.Symlink, e.Type == tarfs.Hardlink:
		r.links = true
		return anotherThing
	case e.Type != tarfs.File:
		return anotherThing
	case e.Sparse:
		return anImage // no tool stores documents that way
	}
	return r.at(name, e.Offset, e.Size)
}

// throughLinks says what an engine that unpacks the tar would see at the top if links lead there.
func (r *documentReader) throughLinks(table *tarfs.Layer) (says verdict) {
	for e := range table.Raw() {
		if r.links || r.above == nil {
			break
		}
		name, _ := cleanMember(e.Name)
		r.links = e.Type == tarfs.Symlink && r.above[name]
	}
	if !r.links {
		return anotherThing
	}
	tree, _ := tarfs.Merge([]*tarfs.Layer{table}, tarfs.Runtime)
	for name := range documents {
		v, err := tree.Top().Resolve(name, true)
		if err != nil || v.Type() != tarfs.File {
			continue
		}
		if extents := v.Extents(); len(extents) == 1 {
			says = max(says, r.at(name, extents[0].TarOffset, extents[0].Size))
		} else if len(extents) > 1 {
			says = anImage
		}
	}
	return says
}

// mostDocument is how much of a document is read to tell what it is.
const mostDocument = 4 << 20

// at reads a document.
func (r *documentReader) at(name string, offset, size int64) verdict {
	doc := make([]byte, min(size, mostDocument))
	n, err := r.data.ReadAt(doc, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return damaged
	}
	return says(name, doc[:n], int64(n) < size)
}

// says tells what a document is by its beginning. Cut is whether there is more, too much to be read. Like engines, it
// takes the first value, and keys by any case.
func says(name string, doc []byte, cut bool) verdict {
	text := bytes.TrimLeft(doc, " \t\r\n\uFEFF")
	first := json.NewDecoder(bytes.NewReader(text))
	var found bool
	var err error
	switch begin := text[:min(1, len(text))]; {
	case name == manifestName && string(begin) == "[":
		found, err = listsConfigs(first)
		found = found || err != nil
	case name == indexName && string(begin) == "{":
		found, err = listsBlobs(first)
		found = found || cut
	case name == layoutName:
		var layout struct{ ImageLayoutVersion json.RawMessage }
		err = first.Decode(&layout)
		found = layout.ImageLayoutVersion != nil
	}
	switch {
	case found, cut && len(text) == 0:
		return anImage
	case err != nil || !json.Valid(doc):
		return damaged
	}
	return anotherThing
}

// listsConfigs reports whether a document is docker save's manifest.json. The error says that it is not JSON.
func listsConfigs(doc *json.Decoder) (bool, error) {
	var entries []struct{ Config json.RawMessage }
	err := syntax(doc.Decode(&entries))
	for _, e := range entries {
		if document.Present(e.Config) {
			return true, err
		}
	}
	return false, err
}

// listsBlobs reports whether a document is an OCI layout's index.json. The error says that it is not JSON.
func listsBlobs(doc *json.Decoder) (bool, error) {
	var index struct{ Manifests []struct{ Digest string } }
	err := syntax(doc.Decode(&index))
	for _, m := range index.Manifests {
		if digest.Valid(m.Digest) {
			return true, err
		}
	}
	return false, err
}

// syntax leaves out errors about values of another type than wanted.
func syntax(err error) error {
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return nil
	}
	return err
}

// mostPieces is how many pieces of a tar are looked for after its end mark.
const mostPieces = 1 << 12

// remainsAfter reports whether an image archive goes on after the end mark of a tar. The end mark is then that of a
// layer, and the beginning of the archive is lost. Engines do not read that far: only damage leads there.
func remainsAfter(ctx context.Context, data *io.SectionReader, from int64, limits *document.Limits) bool {
	block := make([]byte, 256<<10)
	for pieces := 0; from < data.Size() && pieces < mostPieces && ctx.Err() == nil; {
		n, _ := data.ReadAt(block, from)
		at := nextHeader(block[:n])
		from += int64(at)
		if at == n {
			continue
		}
		pieces++
		rest := io.NewSectionReader(data, from, data.Size()-from)
		r := &outerReader{HeaderReader: source.NewHeaderReader(ctx, rest, rest.Size())}
		table, err := tarfs.Scan(r, tarfs.ScanOptions{Limits: limits.Limits})
		if table != nil && survey(rest, table).proven() {
			return true
		}
		if from += max(r.at, decode.HeadSize); err == nil && r.tail > 0 {
			from = max(from, r.tail)
		}
	}
	return false
}

// nextHeader returns the offset of the first header of a tar in whole blocks; their length if there is none.
func nextHeader(blocks []byte) int {
	for i := 0; i+decode.HeadSize <= len(blocks); i += decode.HeadSize {
		if block := blocks[i : i+decode.HeadSize]; !decode.IsZero(block) && tarfs.IsHeader(block) {
			return i
		}
	}
	return len(blocks)
}
