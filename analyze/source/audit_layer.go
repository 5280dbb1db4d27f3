package source

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"layup/analyze/digest"
	"layup/analyze/source/store"
	"layup/tarfs"
)

// Checks returns what a pass over the layer proved: of the blob as stored, and of the tar inside. Failed is the pass's error.
func (l *Layer) Checks(found Scanned, failed error) []Check {
	blob, tar := newCheck("layer"), newCheck("diffID")
	blob.Layer, tar.Layer = l.Index, l.Index
	blob.Digest, blob.Expected, blob.Found = l.Digest, l.Digest, found.FoundDigest
	tar.Digest, tar.Expected, tar.Found = l.DiffID, l.DiffID, found.FoundDiffID
	if l.blob != nil {
		blob.Size = l.blob.Size()
		if l.outer != "" {
			blob.Size = l.Size
		}
	}
	if found.FoundDiffID != "" {
		tar.Size = found.Unpacked
	}
	l.judgeBlob(&blob, failed)
	judgeTar(&tar, blob, failed)
	if l.unrecorded() && l.Digest != "" && failed == nil {
		blob.Verdict, blob.Code, blob.Message = Unproven, CodeMissing, "the blob is gone; its files were read where they are unpacked"
		tar.Verdict, tar.Code, tar.Message = Unproven, CodeMissing, "nothing records how its files were, so nothing proves them"
	}
	list := []Check{blob, tar}
	switch {
	case l.Digest == "" && l.DiffID == "":
		blob.Found = cmp.Or(blob.Found, tar.Found)
		list = []Check{blob}
	case l.Digest == "" && blob.Verdict == Unproven: // the tar inside is proven, and the blob with it
		tar.What = "layer"
		list = []Check{tar}
	}
	if failed != nil && !anyFailed(list) { // the bytes are those that are named, but no engine can read them
		entries := newCheck("entries")
		entries.Layer = l.Index
		entries.fail(CodeUnreadable, failed.Error())
		list = append(list, entries)
	}
	return list
}

// Unread reports whether there may be a blob that Scan does not read, such as an encrypted one.
func (l *Layer) Unread() bool { return l.err != nil && !errors.Is(l.err, fs.ErrNotExist) }

// judgeBlob compares the stored bytes with their descriptor.
func (l *Layer) judgeBlob(c *Check, failed error) {
	switch {
	case errors.Is(l.err, fs.ErrNotExist):
		c.fail(CodeMissing, l.err.Error())
	case l.err != nil:
		c.fail(CodeUnreadable, l.err.Error())
	case l.Digest == "" || l.outer != "":
		c.Digest, c.Expected = "", ""
		c.Found = cmp.Or(c.Found, l.Digest)
		c.Code, c.Message = CodeUnnamed, "nothing names its digest: it could not be verified"
		if l.Role == RoleInit || l.Role == RoleContainer {
			c.Message = "of the container itself: nothing names its digest"
		}
	case c.Found == "":
		c.fail(CodeUnreadable, told(failed, "not proven: it could not be read whole"))
	case c.Found != l.Digest:
		c.fail(CodeDigest, told(failed, "content does not match its digest"))
	case c.Size >= 0 && c.Size != l.Size:
		c.fail(CodeSize, told(failed, "the size is not that of its descriptor"))
	default:
		c.Verdict = Passed
	}
}

// judgeTar compares the content with the config.
func judgeTar(c *Check, blob Check, failed error) {
	switch {
	case c.Expected == "":
		c.Code, c.Message = CodeUnnamed, "nothing names the digest of the tar inside"
	case c.Found == c.Expected:
		c.Verdict = Passed // what failed, if anything did, is the blob
	case c.Found != "":
		c.fail(DiffIDMismatch.Name, told(failed, fmt.Sprintf("content does not match its diffID: want %s, got %s", c.Expected, c.Found)))
	case blob.Verdict == Failed:
		c.fail(CodeUnreadable, "not proven: the layer could not be read whole")
	default:
		c.fail(CodeUnreadable, told(failed, "not proven: the layer was not read whole"))
	}
}

// told is what an error says, or else a text: a check fails without an error, too.
func told(err error, text string) string {
	if err != nil {
		return err.Error()
	}
	return text
}

// unrecorded reports whether the layer is files in a directory and nothing else: the tar that its diffID is of cannot be had again.
func (l *Layer) unrecorded() bool { return l.tar != nil && l.tar.Dialect == tarfs.Overlay }

// Rebuild puts the tar of an engine's layer together with all content and notes its digest. Listing such a layer reads no content. The checks
// name what in its directory is not as the engine stored it.
func (l *Layer) Rebuild(ctx context.Context, found *Scanned) ([]Check, error) {
	if l.unpacked != nil {
		return l.changed(ctx, found.Table, l.unpacked.differ, l.strayedContents)
	}
	if l.tar == nil || l.DiffID == "" || l.unrecorded() {
		return nil, nil
	}
	checks, err := l.changed(ctx, found.Table, l.differ, func(ctx context.Context) ([]store.Difference, error) { return l.tar.Contents(ctx, l.Directory) })
	if err != nil {
		return checks, privileged(err)
	}
	sum, err := digest.NewSums(digest.Algorithm(l.DiffID))
	if err != nil {
		return checks, err
	}
	r := l.tar.Open(ctx)
	blob := &meter{ctx: ctx, src: r, limits: l.limits, digests: sum}
	_, err = io.CopyBuffer(io.Discard, struct{ io.Reader }{blob}, make([]byte, hashBuffer))
	if err = errors.Join(err, r.Close()); err != nil {
		return checks, privileged(err)
	}
	found.FoundDiffID, found.Unpacked = sum.Sum(digest.Algorithm(l.DiffID)), blob.count
	return checks, nil
}

// changed lists what is not as the engine stored it, in path order.
func (l *Layer) changed(ctx context.Context, table *tarfs.Layer, differ differ, read func(context.Context) ([]store.Difference, error)) ([]Check, error) {
	if differ == nil {
		return nil, nil
	}
	list, err := differ(ctx, table)
	if err != nil {
		return nil, err
	}
	contents, err := read(ctx)
	if err != nil {
		return nil, err
	}
	named := map[string]bool{}
	for _, d := range list {
		named[d.Code+d.Path] = true
	}
	for _, d := range contents {
		if !named[d.Code+d.Path] {
			list = append(list, d)
		}
	}
	slices.SortStableFunc(list, func(a, b store.Difference) int { return cmp.Compare(a.Path, b.Path) })
	var checks []Check
	for _, d := range list {
		c := newCheck("entry")
		c.Layer, c.Path = l.Index, d.Path
		if c.Code, c.Message = d.Code, d.What; !d.Time {
			c.Verdict = Failed
		}
		checks = append(checks, c)
	}
	return checks, nil
}
