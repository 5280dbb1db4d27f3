package source

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"layup/tarfs"
)

// A Verdict says how one comparison ended.
type Verdict int

// The verdicts of a check.
const (
	Unproven Verdict = iota // there is nothing to compare with, or by design the content is not here
	Passed
	Failed
)

// A Check is one line of the record of a verification: what was compared, and how it ended.
type Check struct {
	// What was compared: file, link, oci-layout, index.json, manifest.json, index, manifest, config, layer, diffID,
	// diffIDs, history, order, entry, blob, signature or attestation.
	What     string
	Digest   string // of the blob; empty if nothing names it
	Name     string // of the member or file, if no digest names it; of an artifact's file
	Layer    int    // from 0; tarfs.NoLayer if it is not about a layer
	Path     string // of an entry, exact bytes
	Expected string // digest or number
	Found    string // digest or number; empty if it was not read to its end
	Size     int64  // bytes found; -1 if unknown
	Verdict  Verdict
	Code     string // of a failure or a note; empty if all is well
	Message  string // what that means, for a person
}

// The codes of checks; warnings also have codes. docs/warnings.md says what each means.
const (
	CodeDigest       = "digest-mismatch"
	CodeSize         = "size-mismatch"
	CodeMissing      = "blob-missing"
	CodeUnreadable   = "unreadable"
	CodeStructure    = "structure"
	CodeUnreferenced = "blob-unreferenced"
	CodeUnnamed      = "digest-not-named"
	CodeElsewhere    = "not-in-file"
	CodeDamaged      = "archive-damaged"
)

// NewCheck returns a check without a verdict.
func NewCheck(what string) Check {
	return Check{What: what, Layer: tarfs.NoLayer, Size: -1}
}

func (c Check) failed() bool { return c.Verdict == Failed }

// Fail marks the check as failed. The message of a further failure is appended.
func (c *Check) Fail(code, message string) {
	if c.Verdict == Failed {
		c.Message += "; " + message
		return
	}
	c.Verdict, c.Code, c.Message = Failed, code, message
}

// Unreferenced notes that nothing refers to a blob, unless it failed.
func (c *Check) Unreferenced() {
	if c.Verdict != Failed {
		c.Code, c.Message = CodeUnreferenced, "nothing refers to it"
	}
}

// Checks returns what a pass over the layer proved about the stored blob and the tar inside. Failed is the error of the
// pass.
func (l *Layer) Checks(found Scanned, failed error) []Check {
	blob, tar := NewCheck("layer"), NewCheck("diffID")
	blob.Layer, tar.Layer = l.Index, l.Index
	blob.Digest, blob.Expected, blob.Found = l.Digest, l.Digest, found.FoundDigest
	blob.Name = l.Title
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
		blob.Verdict, blob.Code = Unproven, CodeMissing
		blob.Message = "the blob is gone; its files were read where they are unpacked"
		tar.Verdict, tar.Code = Unproven, CodeMissing
		tar.Message = "nothing records how its files were, so nothing proves them"
	}
	list := []Check{blob, tar}
	switch {
	case l.Artifact:
		list = []Check{blob}
	case l.Digest == "" && l.DiffID == "":
		blob.Found = cmp.Or(blob.Found, tar.Found)
		list = []Check{blob}
	case l.Digest == "" && blob.Verdict == Unproven: // the tar inside is proven, and the blob with it
		tar.What = "layer"
		list = []Check{tar}
	}
	if failed != nil && !slices.ContainsFunc(list, Check.failed) { // the bytes are right, but no engine can read them
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
		c.Verdict = Passed // if anything failed, it is the blob
	case c.Found != "":
		message := fmt.Sprintf("content does not match its diffID: want %s, got %s", c.Expected, c.Found)
		c.Fail(DiffIDMismatch.Name, told(failed, message))
	case blob.Verdict == Failed:
		c.Fail(CodeUnreadable, "not proven: the layer could not be read whole")
	default:
		c.Fail(CodeUnreadable, told(failed, "not proven: the layer was not read whole"))
	}
}

// told returns what an error says, or the text if there is no error.
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
