package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"layup/analyze/digest"
	"layup/analyze/source/disk"
	"layup/analyze/source/document"
)

// hashBuffer is how much of a blob is read at once.
const hashBuffer = 256 << 10

// blobCheck verifies the blob of a descriptor, once for each digest. Its errors are interruptions.
func (a *Archive) blobCheck(ctx context.Context, what string, d document.Descriptor) (Check, error) {
	check, known := a.audit.blobs[d.Digest]
	if !known {
		check = newCheck(what)
		check.Digest, check.Expected = d.Digest, d.Digest
		m, err := a.blob(what, d)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			check.fail(CodeMissing, a.afterDamage(missingBlob{}).Error())
		case err != nil:
			check.fail(CodeUnreadable, err.Error())
		default:
			a.hash(ctx, m, &check)
		}
		a.audit.blobs[d.Digest] = check
	}
	check.What = what
	if check.Size >= 0 && check.Size != d.Size {
		check.fail(CodeSize, d.MatchSize(check.Size).Error())
	}
	return check, ctx.Err()
}

// blob opens what a descriptor names; what is not there may stand in the descriptor itself.
func (a *Archive) blob(what string, d document.Descriptor) (*stored, error) {
	if err := digest.Check(d.Digest); err != nil {
		return nil, err
	}
	if a.shelf.far() && what != "layer" { // documents have another address there than layers
		doc, err := a.shelf.document(d, what, document.LimitManifest, max(a.opt.Limits.Manifest, a.opt.Limits.Config))
		return &stored{data: embedded(doc)}, err
	}
	found, check, err := a.shelf.layer(d)
	switch {
	case errors.Is(err, fs.ErrNotExist) && d.Data != nil:
		return &stored{data: embedded(d.Data)}, nil
	case err != nil:
		return nil, err
	}
	if at, ok := found.(io.ReaderAt); ok {
		return &stored{data: io.NewSectionReader(at, 0, found.Size()), check: check}, nil
	}
	return &stored{stream: found.(streamed), check: check}, nil
}

// hash reads a member to its end and compares its digest, where one is expected.
func (a *Archive) hash(ctx context.Context, m *stored, check *Check) {
	check.Size = m.size()
	found, err := a.digestOf(ctx, m, digest.Algorithm(check.Expected))
	switch {
	case err != nil:
		check.fail(CodeUnreadable, err.Error())
	case check.Expected == "":
		check.Found, check.Code, check.Message = found, CodeUnnamed, "nothing names its digest"
	case check.Expected != found:
		check.Found = found
		check.fail(CodeDigest, fmt.Sprintf("content does not match its digest: want %s, got %s", check.Expected, found))
	default:
		check.Found, check.Verdict = found, Passed
	}
}

func (a *Archive) digestOf(ctx context.Context, m *stored, algorithm string) (string, error) {
	if err := document.Over(document.LimitLayerBytes, m.size(), a.opt.Limits.LayerBytes); err != nil {
		return "", err
	}
	sum, err := digest.NewSums(algorithm)
	if err != nil {
		return "", err
	}
	r, err := m.reader(ctx)
	if err != nil {
		return "", disk.Plain(err)
	}
	in := &meter{ctx: ctx, src: r, limits: &a.opt.Limits, digests: sum}
	_, err = io.CopyBuffer(io.Discard, struct{ io.Reader }{in}, make([]byte, hashBuffer))
	if err = errors.Join(err, r.Close()); err != nil {
		return "", disk.Plain(err)
	}
	if m.check != nil {
		if err := m.check(); err != nil {
			return "", err
		}
	}
	return sum.Sum(algorithm), nil
}

// namedDigest returns the digest in a config's file name, or nothing.
func namedDigest(name string) string {
	if clean, ok := cleanMember(name); ok && document.BlobDigest(clean) != "" {
		return document.BlobDigest(clean)
	}
	if named := hexName.FindStringSubmatch(path.Base(name)); named != nil {
		return digest.FromHex(named[1])
	}
	return ""
}
