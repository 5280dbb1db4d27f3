package source

import (
	"context"
	"crypto/sha256"
	"io"

	"layup/analyze/digest"
	"layup/analyze/source/decode"
	"layup/analyze/source/disk"
	"layup/analyze/source/document"
	"layup/tarfs"
)

// Documents verifies what stands above the images: the file as a whole, its documents, and nested indexes.
func (a *Archive) Documents(ctx context.Context) ([]Check, error) {
	var list []Check
	if a.in != nil && a.in.data != nil {
		list = append(list, a.fileCheck(ctx))
	}
	for _, name := range []string{layoutName, indexName, manifestName, repositoriesName} {
		if a.store != nil && a.store.has(name) {
			list = append(list, a.documentCheck(ctx, name))
		}
	}
	seen := map[string]bool{}
	for _, d := range a.indexes {
		if seen[d.Digest] {
			continue
		}
		seen[d.Digest] = true
		check, err := a.blobCheck(ctx, document.IndexKind, d)
		if err != nil {
			return nil, err
		}
		list = append(list, check)
	}
	return list, ctx.Err()
}

// documentCheck says whether a document at the top of the archive holds together; nothing names its digest.
func (a *Archive) documentCheck(ctx context.Context, name string) Check {
	check := newCheck(name)
	check.Name = name
	m, err := a.store.open(name)
	if err != nil {
		check.fail(CodeUnreadable, err.Error())
		return check
	}
	a.hash(ctx, m, &check)
	if check.Verdict == Unproven {
		check.Verdict, check.Code, check.Message = Passed, "", "well-formed; nothing names its digest"
		if doc, err := m.whole(document.LimitManifest, a.opt.Limits.Manifest); err != nil {
			check.fail(CodeUnreadable, err.Error())
		} else if err := document.CheckJSON(doc, a.opt.Limits.JSONDepth); err != nil {
			check.fail(CodeStructure, err.Error())
		}
	}
	for _, f := range a.audit.flaws {
		if f.document == name {
			check.fail(CodeStructure, f.err.Error())
		}
	}
	return check
}

// fileCheck hashes the whole input, so that a record can be told to belong to it, and looks at what stands around the members.
func (a *Archive) fileCheck(ctx context.Context) Check {
	check := newCheck("file")
	check.Name, check.Size, check.Verdict = a.Name, a.in.data.Size(), Passed
	check.Message = "its digest is for the record: nothing names it"
	if a.in.compression != "" {
		check.Found, check.Size = a.in.digest, a.in.stored
	} else if sum, tail, err := a.wholeFile(ctx); err != nil {
		check.fail(CodeUnreadable, err.Error())
	} else if check.Found = sum; tail {
		check.Code, check.Message = tarfs.DataAfterEnd.Name, tarfs.DataAfterEnd.Message
	}
	if a.in.tail {
		check.Code, check.Message = CompressedTailDamaged.Name, CompressedTailDamaged.Message
	}
	if a.store != nil && a.store.damage() != nil {
		check.fail(CodeDamaged, a.store.damage().Error())
	}
	return check
}

// wholeFile returns the digest of the input, and whether more than zeros follow the end mark of an image archive.
func (a *Archive) wholeFile(ctx context.Context) (found string, tail bool, err error) {
	size := a.in.data.Size()
	if err := document.Over(document.LimitImageBytes, size, a.opt.Limits.ImageBytes); err != nil {
		return "", false, err
	}
	sum, tail := sha256.New(), a.tailed
	r := &blobReader{ctx: ctx, src: io.NewSectionReader(a.in.data, 0, size), size: size}
	buf := make([]byte, hashBuffer)
	for {
		n, err := r.Read(buf)
		sum.Write(buf[:n])
		if behind := r.read - max(a.end, r.read-int64(n)); a.store != nil && behind > 0 && !decode.IsZero(buf[n-int(behind):n]) {
			tail = true
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", false, disk.Plain(err)
		}
	}
	if a.in.check != nil {
		err = a.in.check()
	}
	return digest.Sum(digest.SHA256, sum), tail, err
}
