package source

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
)

// Checks returns what a pass over the layer proved: of the blob as stored, and of the tar inside. Failed is the pass's error.
func (l *Layer) Checks(found Scanned, failed error) []Check {
	blob, tar := NewCheck("layer"), NewCheck("diffID")
	blob.Layer, tar.Layer = l.Index, l.Index
	blob.Digest, blob.Expected, blob.Found = l.Digest, l.Digest, found.FoundDigest
	tar.Digest, tar.Expected, tar.Found = l.DiffID, l.DiffID, found.FoundDiffID
	if l.Content != nil {
		blob.Size = l.Content.Stored()
	}
	if l.outer() {
		blob.Size = l.Size
	}
	if found.FoundDiffID != "" {
		tar.Size = found.Unpacked
	}
	l.judgeBlob(&blob, failed)
	judgeTar(&tar, blob, failed)
	if l.Assembled() && !l.Kept.Recorded() && l.Digest != "" && failed == nil {
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
		entries := NewCheck("entries")
		entries.Layer = l.Index
		entries.Fail(CodeUnreadable, failed.Error())
		list = append(list, entries)
	}
	return list
}

// Unread reports whether there may be a blob that Scan does not read, such as an encrypted one.
func (l *Layer) Unread() bool { return l.Err != nil && !errors.Is(l.Err, fs.ErrNotExist) }

// judgeBlob compares the stored bytes with their descriptor.
func (l *Layer) judgeBlob(c *Check, failed error) {
	switch {
	case errors.Is(l.Err, fs.ErrNotExist):
		c.Fail(CodeMissing, l.Err.Error())
	case l.Err != nil:
		c.Fail(CodeUnreadable, l.Err.Error())
	case l.Digest == "" || l.outer():
		c.Digest, c.Expected = "", ""
		c.Found = cmp.Or(c.Found, l.Digest)
		c.Code, c.Message = CodeUnnamed, "nothing names its digest: it could not be verified"
		if l.Role == RoleInit || l.Role == RoleContainer {
			c.Message = "of the container itself: nothing names its digest"
		}
	case c.Found == "":
		c.Fail(CodeUnreadable, told(failed, "not proven: it could not be read whole"))
	case c.Found != l.Digest:
		c.Fail(CodeDigest, told(failed, "content does not match its digest"))
	case c.Size >= 0 && c.Size != l.Size:
		c.Fail(CodeSize, told(failed, "the size is not that of its descriptor"))
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
		c.Fail(DiffIDMismatch.Name, told(failed, fmt.Sprintf("content does not match its diffID: want %s, got %s", c.Expected, c.Found)))
	case blob.Verdict == Failed:
		c.Fail(CodeUnreadable, "not proven: the layer could not be read whole")
	default:
		c.Fail(CodeUnreadable, told(failed, "not proven: the layer was not read whole"))
	}
}

// told is what an error says, or else a text: a check fails without an error, too.
func told(err error, text string) string {
	if err != nil {
		return err.Error()
	}
	return text
}

// outer reports whether the layer's digest is that of a compressed input.
func (l *Layer) outer() bool {
	b, ok := l.Content.(*Blob)
	return ok && b.Outer != ""
}
