package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"

	"layup/analyze/digest"
	"layup/analyze/source"
	"layup/analyze/source/decode"
	"layup/analyze/source/disk"
	"layup/analyze/source/document"
)

// Documents verifies the file as a whole, its documents, and nested indexes.
func (a *Archive) Documents(ctx context.Context) ([]source.Check, error) {
	var list []source.Check
	if a.in.Data != nil {
		if check := a.fileCheck(ctx); check.Found != "" || check.Verdict == source.Failed {
			list = append(list, check)
		}
	}
	for _, name := range []string{layoutName, indexName, manifestName, repositoriesName} {
		if a.members != nil && a.members.has(name) {
			list = append(list, a.documentCheck(ctx, name))
		}
	}
	indexes, err := a.graph.Documents(ctx)
	return append(list, indexes...), err
}

// documentCheck says whether a document at the top of the archive is well-formed and agrees with the others.
func (a *Archive) documentCheck(ctx context.Context, name string) source.Check {
	check := source.NewCheck(name)
	check.Name = name
	m, err := a.members.open(name)
	if err != nil {
		check.Fail(source.CodeUnreadable, err.Error())
		return check
	}
	m.blob().Hash(ctx, a.opt, &check)
	if check.Verdict == source.Unproven {
		check.Verdict, check.Code, check.Message = source.Passed, "", "well-formed; nothing names its digest"
		if doc, err := m.whole(document.LimitManifest, a.opt.Limits.Manifest); err != nil {
			check.Fail(source.CodeUnreadable, err.Error())
		} else if err := document.CheckJSON(doc, a.opt.Limits.JSONDepth); err != nil {
			check.Fail(source.CodeStructure, err.Error())
		}
	}
	a.opt.Audit.Flaws(name, &check)
	return check
}

// fileCheck hashes the whole input, so that the record identifies it, and looks for data after the members.
func (a *Archive) fileCheck(ctx context.Context) source.Check {
	check := source.NewCheck("file")
	check.Name, check.Size, check.Verdict = a.name, a.in.Data.Size(), source.Passed
	check.Message = "its digest is for the record: nothing names it"
	switch {
	case a.in.Compression != "":
		check.Found, check.Size = a.in.Digest, a.in.Stored
	case !a.opt.Audit.Brief:
		sum, err := a.wholeFile(ctx)
		if check.Found = sum; err != nil {
			check.Fail(source.CodeUnreadable, err.Error())
		}
	}
	for _, w := range a.around() {
		check.Code, check.Message = w.Code.Name, w.Text()
	}
	if a.members != nil && a.members.damage() != nil {
		check.Fail(source.CodeDamaged, a.members.damage().Error())
	}
	return check
}

// wholeFile returns the digest of the input, and looks for data after an image archive's end mark.
func (a *Archive) wholeFile(ctx context.Context) (string, error) {
	size := a.in.Data.Size()
	if err := document.Over(document.LimitImageBytes, size, a.opt.Limits.ImageBytes); err != nil {
		return "", err
	}
	sum := sha256.New()
	section, read := io.NewSectionReader(a.in.Data, 0, size), int64(0)
	buf := make([]byte, hashBuffer)
	var err error
	for read < size && err == nil {
		var n int
		n, err = section.Read(buf)
		sum.Write(buf[:n])
		if after := buf[min(int64(n), max(0, a.end-read)):n]; a.tail == 0 && !decode.IsZero(after) {
			a.tail = read + int64(n-len(bytes.TrimLeft(after, "\x00")))
		}
		read += int64(n)
		if err == nil {
			err = ctx.Err()
		}
	}
	if err != nil {
		return "", disk.Plain(source.Shrunk(err))
	}
	if a.in.Check != nil {
		err = a.in.Check()
	}
	return digest.Sum(digest.SHA256, sum), err
}

// hashBuffer is how much of the input is read at once, in bytes.
const hashBuffer = 256 << 10

// Others verifies all other blobs of the archive: those of images that were not chosen, attestations, and those that
// nothing refers to.
func (a *Archive) Others(ctx context.Context, done map[string]bool, _ bool) ([]source.Check, error) {
	if a.members == nil {
		return nil, nil
	}
	list, err := a.graph.Others(ctx, done, true)
	if err != nil {
		return nil, err
	}
	named := a.referenced()
	for _, name := range a.blobNames() {
		if d := a.storage.digest(name); a.opt.Audit.Read(d) || done[d] {
			continue
		}
		check := a.strayCheck(ctx, name, named[name])
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		list = append(list, check)
	}
	return list, nil
}

// strayCheck verifies a blob by its own name.
func (a *Archive) strayCheck(ctx context.Context, name string, named bool) source.Check {
	check := source.NewCheck("blob")
	check.Digest = a.storage.digest(name)
	if check.Expected = check.Digest; check.Digest == "" {
		check.Name = name
	}
	m, err := a.members.open(name)
	if err != nil {
		check.Fail(source.CodeUnreadable, err.Error())
		return check
	}
	m.blob().Hash(ctx, a.opt, &check)
	if !named {
		check.Unreferenced()
	} else if check.Verdict != source.Failed {
		check.Message = "of an image that was not chosen"
	}
	return check
}
