package source

import "layup/tarfs"

// A Verdict says how one comparison ended.
type Verdict int

// The verdicts of a check.
const (
	Unproven Verdict = iota // there is nothing to compare with, or what would be compared is not here by design
	Passed
	Failed
)

// A Check is one line of the record of a verification: what was compared, and how it ended.
type Check struct {
	What     string // file, oci-layout, index.json, manifest.json, index, manifest, config, layer, diffID, diffIDs, history, order, entry, blob, attestation, artifact
	Digest   string // of the blob; empty where none names it
	Name     string // the member or file where no digest names it, else empty
	Layer    int    // from 0; tarfs.NoLayer where it is about none
	Path     string // exact bytes, of an entry
	Expected string // digest or number
	Found    string // likewise; empty where it was not read to its end
	Size     int64  // bytes found; -1 unknown
	Verdict  Verdict
	Code     string // of a failure or an oddity; empty where all is well
	Message  string // what that means, for a person
}

// The codes of checks, beside those of warnings. What each means stands in docs/warnings.md.
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

// Fail makes the check a failed one. Of two failures the message has both.
func (c *Check) Fail(code, message string) {
	if c.Verdict == Failed {
		c.Message += "; " + message
		return
	}
	c.Verdict, c.Code, c.Message = Failed, code, message
}
