package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"

	"layup/tarfs"
)

// hashBuffer is how much of a blob is read at once.
const hashBuffer = 256 << 10

// blobCheck verifies the blob of a descriptor, once for each digest. Its errors are interruptions.
func (a *Archive) blobCheck(ctx context.Context, what string, d descriptor) (Check, error) {
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
		check.fail(CodeSize, d.matchSize(check.Size).Error())
	}
	return check, ctx.Err()
}

// blob opens what a descriptor names; what is not there may stand in the descriptor itself.
func (a *Archive) blob(what string, d descriptor) (*stored, error) {
	if err := checkDigest(d.Digest); err != nil {
		return nil, err
	}
	if a.shelf.far() && what != "layer" { // documents have another address there than layers
		doc, err := a.shelf.document(d, what, limitManifest, max(a.opt.Limits.Manifest, a.opt.Limits.Config))
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
	found, err := a.digestOf(ctx, m, algorithm(check.Expected))
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
	if err := over(limitLayerBytes, m.size(), a.opt.Limits.LayerBytes); err != nil {
		return "", err
	}
	sum, err := newDigests(algorithm)
	if err != nil {
		return "", err
	}
	r, err := m.reader(ctx)
	if err != nil {
		return "", plainError(err)
	}
	in := &meter{ctx: ctx, src: r, limits: &a.opt.Limits, digests: sum}
	_, err = io.CopyBuffer(io.Discard, struct{ io.Reader }{in}, make([]byte, hashBuffer))
	if err = errors.Join(err, r.Close()); err != nil {
		return "", plainError(err)
	}
	if m.check != nil {
		if err := m.check(); err != nil {
			return "", err
		}
	}
	return sum.sum(algorithm), nil
}

// namedDigest returns the digest in a config's file name, or nothing.
func namedDigest(name string) string {
	if clean, ok := cleanMember(name); ok && blobDigest(clean) != "" {
		return blobDigest(clean)
	}
	if named := hexName.FindStringSubmatch(path.Base(name)); named != nil {
		return "sha256:" + named[1]
	}
	return ""
}

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
		check, err := a.blobCheck(ctx, docIndex, d)
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
		if doc, err := m.whole(limitManifest, a.opt.Limits.Manifest); err != nil {
			check.fail(CodeUnreadable, err.Error())
		} else if err := checkJSON(doc, a.opt.Limits.JSONDepth); err != nil {
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
		check.Code, check.Message = string(tarfs.DataAfterEnd), tarfs.DataAfterEnd.Message()
	}
	if a.in.tail {
		check.Code, check.Message = string(tarfs.CompressedTailDamaged), tarfs.CompressedTailDamaged.Message()
	}
	if a.store != nil && a.store.damage() != nil {
		check.fail(CodeDamaged, a.store.damage().Error())
	}
	return check
}

// wholeFile returns the digest of the input, and whether more than zeros follow the end mark of an image archive.
func (a *Archive) wholeFile(ctx context.Context) (digest string, tail bool, err error) {
	size := a.in.data.Size()
	if err := over(limitImageBytes, size, a.opt.Limits.ImageBytes); err != nil {
		return "", false, err
	}
	sum, tail := sha256.New(), a.tailed
	r := &blobReader{ctx: ctx, src: io.NewSectionReader(a.in.data, 0, size), size: size}
	buf := make([]byte, hashBuffer)
	for {
		n, err := r.Read(buf)
		sum.Write(buf[:n])
		if behind := r.read - max(a.end, r.read-int64(n)); a.store != nil && behind > 0 && !isZero(buf[n-int(behind):n]) {
			tail = true
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", false, plainError(err)
		}
	}
	if a.in.check != nil {
		err = a.in.check()
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), tail, err
}

// Others verifies all other blobs of the archive: those of images that were not chosen, attestations, and those that nothing refers to. Of a registry or
// an engine's store, which may hold any number, it verifies them only where all were asked for. The blobs named in done have been read.
func (a *Archive) Others(ctx context.Context, done map[string]bool, all bool) ([]Check, error) {
	if a.shelf == nil || a.store == nil && !all {
		return nil, nil
	}
	for _, c := range a.images {
		if c.kind != kindImage && c.manifest.Digest != "" && c.desc == nil && c.err == nil {
			c.err = a.readManifest(c) // it says what belongs to it
		}
	}
	var list []Check
	seen := map[string]bool{}
	for _, ref := range a.references() {
		d := ref.descriptor
		if _, read := a.audit.blobs[d.Digest]; read || done[d.Digest] || seen[d.Digest] {
			continue
		}
		seen[d.Digest] = true
		check, err := a.otherCheck(ctx, ref)
		if err != nil {
			return nil, err
		}
		list = append(list, check)
	}
	if a.store == nil {
		return list, ctx.Err()
	}
	named := a.referenced()
	for _, name := range a.store.glob(blobPattern) {
		digest := blobDigest(name)
		if _, read := a.audit.blobs[digest]; read || done[digest] || seen[digest] {
			continue
		}
		check := a.strayCheck(ctx, name, named[name])
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		list = append(list, check)
	}
	return list, ctx.Err()
}

// otherCheck verifies a blob that no chosen image needs: that it is not here is no failure, for exports of one platform keep the index of all.
func (a *Archive) otherCheck(ctx context.Context, ref reference) (Check, error) {
	if !a.shelf.has(ref.Digest) && ref.Data == nil {
		check := newCheck(ref.what)
		check.Digest, check.Expected = ref.Digest, ref.Digest
		check.Code, check.Message = CodeElsewhere, "of "+ref.of+": named, but not in this file"
		return check, ctx.Err()
	}
	check, err := a.blobCheck(ctx, ref.what, ref.descriptor)
	if check.Verdict == Passed {
		check.Message = "of " + ref.of
	}
	return check, err
}

// strayCheck verifies a blob against its own name.
func (a *Archive) strayCheck(ctx context.Context, name string, named bool) Check {
	check := newCheck("blob")
	check.Digest, check.Expected = blobDigest(name), blobDigest(name)
	if check.Digest == "" {
		check.Name = name
	}
	m, err := a.store.open(name)
	if err != nil {
		check.fail(CodeUnreadable, err.Error())
		return check
	}
	a.hash(ctx, m, &check)
	switch {
	case check.Verdict == Failed:
	case named:
		check.Message = "of an image that was not chosen"
	default:
		check.Code, check.Message = CodeUnreferenced, "nothing refers to it"
	}
	return check
}

// A reference is a blob that a document names.
type reference struct {
	descriptor
	what string
	of   string // what it belongs to, for a person
}

// references returns what indexes and manifests name, each as often as it is named.
func (a *Archive) references() []reference {
	var list []reference
	add := func(d descriptor, what, of string) {
		if checkDigest(d.Digest) == nil {
			list = append(list, reference{d, what, of})
		}
	}
	for _, c := range a.images {
		if c.manifest.Digest == "" {
			continue
		}
		of := c.kind + " " + describe(c)
		if c.kind != kindImage {
			of = c.kind
		}
		add(c.manifest, firstWord(mediaKinds[c.manifest.MediaType], docManifest), of)
		if c.desc == nil {
			continue
		}
		add(c.desc.config, "config", of)
		for i, l := range c.desc.layers {
			if l.err == nil {
				add(l.descriptor, "layer", of+" layer "+strconv.Itoa(i))
			}
		}
	}
	return list
}
