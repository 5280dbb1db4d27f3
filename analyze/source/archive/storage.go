package archive

import (
	"context"
	"fmt"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/source/document"
)

// A storage says under which names members are kept that digests name.
type storage struct {
	name   func(digest string) string // of a blob, which must have a valid digest
	digest func(name string) string   // of a member; empty if it is not a blob
	glob   string                     // matches all names of blobs, and perhaps others
}

// ociStorage is the folder blobs of an OCI layout.
var ociStorage = storage{document.BlobName, document.BlobDigest, document.BlobPattern}

// instanceEnd ends the name of a manifest that an index names, in skopeo's dir: form.
const instanceEnd = ".manifest.json"

// dirStorage is what skopeo writes as dir: and podman as docker-dir: blobs by the digits of their digests. It has no
// tags, and one manifest or index, which top names. Source: containers/image, directory/directory_transport.go.
func dirStorage(top string, m members) storage {
	blob := func(d string) string {
		if digest.Algorithm(d) == digest.SHA256 {
			return digest.Hex(d)
		}
		return digest.Algorithm(d) + "-" + digest.Hex(d)
	}
	name := func(d string) string {
		if d == top {
			return manifestName
		}
		if instance := blob(d) + instanceEnd; m.has(instance) {
			return instance
		}
		return blob(d)
	}
	of := func(name string) string {
		if name == manifestName {
			return top
		}
		d := strings.Replace(strings.TrimSuffix(name, instanceEnd), "-", ":", 1)
		if digest.IsHex(d) {
			d = digest.FromHex(d)
		}
		if !digest.Valid(d) {
			return ""
		}
		return d
	}
	return storage{name, of, "*"}
}

// blobNames lists the members that digests name.
func (a *Archive) blobNames() []string {
	var list []string
	for _, name := range a.members.glob(a.storage.glob) {
		if a.storage.glob == document.BlobPattern || a.storage.digest(name) != "" {
			list = append(list, name)
		}
	}
	return list
}

// isDirForm reports whether members are what skopeo writes as dir:. The file version says so.
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

// readDir lists what the manifest or the index of a dir: reaches.
func (a *Archive) readDir(ctx context.Context) error {
	doc, err := readMember(a.members, manifestName, document.LimitManifest, a.opt.Limits.Manifest)
	if err != nil {
		return fmt.Errorf("%s: %w", manifestName, err)
	}
	top := document.Descriptor{Digest: digest.Of(doc), Size: int64(len(doc))}
	a.storage = dirStorage(top.Digest, a.members)
	err = a.graph.WalkOne(ctx, top, "")
	a.entries = a.graph.Entries
	return err
}
