package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/document"
)

// A layout finds blobs among the members of an OCI layout or a dir:.
type layout struct{ a *Archive }

// Document reads a blob that is JSON.
func (l layout) Document(d document.Descriptor, _, limitName string, limit int64) ([]byte, error) {
	doc, err := readMember(l.a.members, l.a.storage.name(d.Digest), limitName, limit)
	if err != nil || !l.a.opt.Verify {
		return doc, err
	}
	return doc, d.Match(doc)
}

// Layer opens a blob.
func (l layout) Layer(d document.Descriptor) (*source.Blob, error) {
	m, err := l.a.members.open(l.a.storage.name(d.Digest))
	if err != nil {
		return nil, err
	}
	return m.blob(), nil
}

func (l layout) Has(digest string) bool { return l.a.members.has(l.a.storage.name(digest)) }

func (layout) Far() bool { return false }

// Missing says that a blob is not in the layout, and whether that may be because of damage.
func (l layout) Missing(digest string) error {
	return l.a.afterDamage(source.MissingBlob(digest))
}

// readLayout lists what index.json reaches.
func (a *Archive) readLayout(ctx context.Context) error {
	if err := a.opt.Audit.Tolerate(layoutName, a.checkVersion()); err != nil {
		return err
	}
	doc, err := readMember(a.members, indexName, document.LimitManifest, a.opt.Limits.Manifest)
	if err != nil {
		return fmt.Errorf("%s: %w", indexName, err)
	}
	index, _, err := document.Parse(doc, document.OCIIndex, a.opt.Limits.JSONDepth)
	if err == nil {
		err = a.graph.Walk(ctx, index)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", indexName, err)
	}
	a.entries = a.graph.Entries
	if a.members.has(manifestName) {
		err = a.opt.Audit.Tolerate(manifestName, a.reconcile())
	}
	if err == nil && len(a.entries) == 0 {
		err = errors.New(indexName + ": lists no image")
	}
	return err
}

// checkVersion reads the file oci-layout. Without that file, index.json decides.
func (a *Archive) checkVersion() error {
	doc, err := readMember(a.members, layoutName, document.LimitManifest, a.opt.Limits.Manifest)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var layout struct {
		Version string `json:"imageLayoutVersion"`
	}
	if err == nil {
		err = document.Unmarshal(doc, a.opt.Limits.JSONDepth, &layout)
	}
	if err == nil && layout.Version != "1" && !strings.HasPrefix(layout.Version, "1.") {
		err = fmt.Errorf("imageLayoutVersion %s is not supported, only 1", show.Cut(layout.Version))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", layoutName, err)
	}
	return nil
}
