package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"layup/analyze/digest"
)

// A descriptor names a blob: what it is, its digest and size (OCI image specification, descriptor.md).
type descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"-"`
	RawSize      json.RawMessage   `json:"size"`
	URLs         []string          `json:"urls"`
	Data         []byte            `json:"data"`
	Annotations  map[string]string `json:"annotations"`
	Platform     *platform         `json:"platform"`
	ArtifactType string            `json:"artifactType"`
}

// parseDescriptor reads one descriptor. On error the fields that could be read are there, for messages.
func parseDescriptor(raw json.RawMessage) (descriptor, error) {
	var d descriptor
	if len(raw) == 0 || string(raw) == "null" {
		return d, errors.New("null stands where a descriptor belongs")
	}
	if err := typed(json.Unmarshal(raw, &d)); err != nil {
		return d, err
	}
	if err := digest.Check(d.Digest); err != nil {
		return d, err
	}
	size, err := strconv.ParseInt(string(d.RawSize), 10, 64)
	if len(d.RawSize) == 0 {
		return d, errors.New("size: is missing")
	}
	if err != nil || size < 0 {
		return d, fmt.Errorf("size: want a whole number from 0, found %s", written(d.RawSize))
	}
	d.Size = size
	return d, nil
}

// shortened cuts what an image says to what a message bears.
func shortened(s string) string {
	const most = 80
	if len(s) > most {
		return strconv.Quote(s[:most]) + "…"
	}
	return strconv.Quote(s)
}

// written returns a raw value as the document writes it, quoted where it could confuse.
func written(raw json.RawMessage) string {
	if text := string(raw); len(text) <= 80 && display(text) == text {
		return text
	}
	return shortened(string(raw))
}

// blobPattern matches all names that blobName gives.
const blobPattern = "blobs/*/*"

// blobName returns where a layout keeps the blob of a digest, which must have been checked.
func blobName(digest string) string {
	algorithm, hex, _ := strings.Cut(digest, ":")
	return "blobs/" + algorithm + "/" + hex
}

// blobDigest is the reverse of blobName; empty for other names.
func blobDigest(name string) string {
	rest, ok := strings.CutPrefix(name, "blobs/")
	if !ok {
		return ""
	}
	if d := strings.Replace(rest, "/", ":", 1); digest.Valid(d) {
		return d
	}
	return ""
}

// matchSize compares the size of what is stored with the descriptor's.
func (d descriptor) matchSize(size int64) error {
	if size != d.Size {
		return fmt.Errorf("content does not match its descriptor: size: want %d bytes, found %d", d.Size, size)
	}
	return nil
}

// matchData checks the copy of the blob that a descriptor may carry.
func (d descriptor) matchData() error {
	if d.Data == nil {
		return nil
	}
	if int64(len(d.Data)) != d.Size {
		return fmt.Errorf("embedded data: want %d bytes, found %d", d.Size, len(d.Data))
	}
	if err := digest.Match(d.Data, d.Digest); err != nil {
		return fmt.Errorf("embedded data: %w", err)
	}
	return nil
}

// document reads a blob that is JSON: an index, a manifest or a config. What names it in errors.
func (a *Archive) document(d descriptor, what, limitName string, limit int64) ([]byte, error) {
	doc, err := a.shelf.document(d, what, limitName, limit)
	if errors.Is(err, fs.ErrNotExist) && a.store != nil {
		err = a.afterDamage(missingBlob{})
	}
	if a.held += int64(len(doc)); err == nil && a.held > maxDocuments {
		err = errTooManyDocuments
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", what, d.Digest, err)
	}
	return doc, nil
}

// maxDocuments bounds the manifests, indexes and configs that are held in memory, in bytes: each may be large, and an index may name thousands.
const maxDocuments = 64 * mib

var errTooManyDocuments = fmt.Errorf("manifests and configs have more than %d MiB together", maxDocuments/mib)

// A missingBlob says that a blob is named but not there; it is a layout's way of being incomplete.
type missingBlob struct{ digest string }

func (e missingBlob) Error() string {
	if e.digest == "" {
		return "blob not in the layout"
	}
	return "blob " + e.digest + " not in the layout"
}

// Is makes it a case of what does not exist.
func (missingBlob) Is(target error) bool { return target == fs.ErrNotExist }

// match compares a document with the descriptor that names it.
func (d descriptor) match(doc []byte) error {
	if err := d.matchSize(int64(len(doc))); err != nil {
		return err
	}
	if err := digest.Match(doc, d.Digest); err != nil {
		return err
	}
	return d.matchData()
}

// present reports whether a raw value is there and is not null.
func present(raw json.RawMessage) bool {
	return len(raw) > 0 && !bytes.Equal(raw, []byte("null"))
}
