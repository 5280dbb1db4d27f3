package source

import (
	"cmp"
	"context"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strconv"

	"layup/analyze/digest"
	"layup/analyze/source/disk"
	"layup/analyze/source/document"
)

// An Audit collects what the verification of a source finds.
type Audit struct {
	Brief bool // what no image needs is not read: the input as a whole is not hashed
	flaws []flaw
	blobs map[string]Check // already read, by digest
}

// A flaw is an error in a document that still leads to images.
type flaw struct {
	document string
	err      error
}

// NewAudit returns an empty Audit.
func NewAudit() *Audit { return &Audit{blobs: map[string]Check{}} }

// Tolerate records an error and returns nil. Without an audit it returns the error.
func (a *Audit) Tolerate(document string, err error) error {
	if a == nil || err == nil {
		return err
	}
	a.flaws = append(a.flaws, flaw{document, err})
	return nil
}

// Flaws adds the tolerated errors of a document to its check.
func (a *Audit) Flaws(document string, check *Check) {
	for _, f := range a.flaws {
		if f.document == document {
			check.Fail(CodeStructure, f.err.Error())
		}
	}
}

// A Subject is one image to verify, as far as it could be loaded, with the checks so far.
type Subject struct {
	Image  *Image // never nil; without a readable manifest it has no layers
	Checks []Check
}

// Subjects returns the images that the selection leaves, for a source that was opened with an Audit. Choose explains
// note.
func Subjects(ctx context.Context, s Source, sel Selection, a *Audit) (subjects []Subject, note string, err error) {
	if sel.Inside == "" && sel.Image == "" && statesOnly(s.Entries()) {
		return nil, "", nil
	}
	chosen, note, err := pick(ctx, s, sel)
	if err != nil {
		return nil, "", err
	}
	layers := 0
	for _, e := range chosen {
		one, err := a.subject(ctx, s, e)
		if err != nil {
			return nil, "", err
		}
		if layers += len(one.Image.Layers); layers > mostLayers {
			return nil, "", tooMany(len(chosen))
		}
		one.Image.Reference = e.Reference(cmp.Or(sel.Image, sel.Inside))
		subjects = append(subjects, one)
	}
	return subjects, note, nil
}

// statesOnly reports whether a source holds statements about images, and nothing to choose. Others verifies them.
func statesOnly(list []*Entry) bool {
	other := func(e *Entry) bool { return e.Kind != KindAttestation }
	return len(list) > 0 && !slices.ContainsFunc(list, other)
}

// subject loads an image and verifies its documents. It fails only if ctx ends.
func (a *Audit) subject(ctx context.Context, s Source, e *Entry) (Subject, error) {
	img, wrong := s.Load(ctx, e)
	if ctx.Err() != nil {
		return Subject{}, ctx.Err()
	}
	checks, err := e.Form.Checks(ctx, e, img)
	if wrong != nil && !slices.ContainsFunc(checks, Check.failed) {
		check := NewCheck("image")
		check.Fail(CodeStructure, wrong.Error())
		checks = append(checks, check)
	}
	if len(img.Config) > 0 && err == nil {
		checks = append(checks, countChecks(img)...)
	}
	return Subject{img, checks}, err
}

// Held returns how many images and containers the source holds. Each platform counts.
func Held(s Source) int {
	n := 0
	for _, e := range s.Entries() {
		if (e.Kind == KindImage || e.Kind == KindContainer) && !e.Absent && !e.Intermediate {
			n++
		}
	}
	return n
}

// countChecks compares the numbers that a manifest, a config and a history must agree on.
func countChecks(img *Image) []Check {
	layers, named := len(img.Layers)-img.ownLayers(), len(img.ConfigFile.RootFS.DiffIDs)
	diffIDs := NewCheck("diffIDs")
	diffIDs.Expected, diffIDs.Found = strconv.Itoa(layers), strconv.Itoa(named)
	switch {
	case img.ID == "":
		diffIDs.Code, diffIDs.Message = CodeUnnamed, "no config names the digests of the layers"
	case layers != named:
		diffIDs.Fail(CodeStructure, document.CountLayers(layers, make([]string, named)).Error())
	default:
		diffIDs.Verdict, diffIDs.Message = Passed, "as many as there are layers"
	}
	history := NewCheck("history")
	history.Expected, history.Found = strconv.Itoa(layers), strconv.Itoa(len(document.LayerHistory(img.ConfigFile)))
	history.Verdict, history.Message = Passed, "as many entries as there are layers"
	for _, w := range historyWarnings(img.ConfigFile, layers) {
		history.Code, history.Message = w.Code.Name, w.Code.Message
	}
	return []Check{diffIDs, history}
}

// hashBuffer is how many bytes of a blob are read at once.
const hashBuffer = 256 << 10

// Blob verifies the blob of a descriptor, once for each digest. The error of open is fs.ErrNotExist if there is no
// blob. Blob fails only if ctx ends.
func (a *Audit) Blob(ctx context.Context, what string, d document.Descriptor, o *Options,
	open func() (*Blob, error)) (Check, error) {
	check, known := a.blobs[d.Digest]
	if !known {
		check = NewCheck(what)
		check.Digest, check.Expected = d.Digest, d.Digest
		err := digest.Check(d.Digest)
		var b *Blob
		if err == nil {
			b, err = open()
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
			check.Fail(CodeMissing, err.Error())
		case err != nil:
			check.Fail(CodeUnreadable, err.Error())
		default:
			b.Hash(ctx, o, &check)
		}
		a.blobs[d.Digest] = check
	}
	check.What = what
	if check.Size >= 0 && check.Size != d.Size {
		check.Fail(CodeSize, d.MatchSize(check.Size).Error())
	}
	return check, ctx.Err()
}

// Note keeps the check of a blob that was verified by its name.
func (a *Audit) Note(check Check) {
	if check.Digest != "" {
		a.blobs[check.Digest] = check
	}
}

// Read reports whether the blob of a digest was verified.
func (a *Audit) Read(digest string) bool {
	_, read := a.blobs[digest]
	return read
}

// Hash reads a blob to its end and compares its digest, if one is expected.
func (b *Blob) Hash(ctx context.Context, o *Options, check *Check) {
	check.Size = b.Bytes.Size()
	found, err := b.digest(ctx, o, digest.Algorithm(check.Expected))
	switch {
	case err != nil:
		check.Fail(CodeUnreadable, err.Error())
	case check.Expected == "":
		check.Found, check.Code, check.Message = found, CodeUnnamed, "nothing names its digest"
	case check.Expected != found:
		check.Found = found
		check.Fail(CodeDigest, digest.Compare(check.Expected, found).Error())
	default:
		check.Found, check.Verdict = found, Passed
	}
}

func (b *Blob) digest(ctx context.Context, o *Options, algorithm string) (string, error) {
	if err := document.Over(document.LimitLayerBytes, b.Bytes.Size(), o.Limits.LayerBytes); err != nil {
		return "", err
	}
	r, err := b.open(ctx)
	if err != nil {
		return "", disk.Plain(err)
	}
	found, _, err := TarDigest(ctx, r, algorithm, &o.Limits)
	if err = errors.Join(err, r.Close()); err != nil {
		return "", disk.Plain(err)
	}
	if b.Check != nil {
		err = b.Check()
	}
	return found, err
}

// open returns the stored bytes from the beginning.
func (b *Blob) open(ctx context.Context) (io.ReadCloser, error) {
	if far, ok := b.Bytes.(Streamed); ok {
		return far.Open(ctx)
	}
	size := b.Bytes.Size()
	section := io.NewSectionReader(b.Bytes.(io.ReaderAt), 0, size)
	return io.NopCloser(&blobReader{ctx: ctx, src: section, size: size}), nil
}

// TarDigest reads a tar, or another blob, to its end. It returns its digest and its length in bytes.
func TarDigest(ctx context.Context, tar io.Reader, algorithm string, limits *document.Limits) (string, int64, error) {
	sum, err := digest.NewSums(algorithm)
	if err != nil {
		return "", 0, err
	}
	in := &meter{ctx: ctx, src: tar, limits: limits, digests: sum}
	if _, err := io.CopyBuffer(io.Discard, struct{ io.Reader }{in}, make([]byte, hashBuffer)); err != nil {
		return "", 0, err
	}
	return sum.Sum(algorithm), in.count, nil
}

// Unnamed returns the check of a config that nothing names.
func Unnamed(name string, size int64) Check {
	check := NewCheck("config")
	check.Name, check.Size = name, size
	check.Code, check.Message = CodeUnnamed, "nothing names its digest"
	return check
}
