package signature

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/document"
)

// A judge reads each signature of a source once.
type judge struct {
	*Policy
	limits   *document.Limits
	carried  int                           // blobs with signatures
	about    map[string][]*source.Attached // by the digest to which they are attached
	free     []*source.Attached            // attached to nothing
	unsigned map[string][]string           // by digest: types of statements that nobody signed
	read     map[*source.Attached]*reading
	held     int             // bytes of messages that were not compared yet
	known    map[string]bool // digests of the documents of all images
}

// newJudge sorts what a source carries by what it is attached to.
func newJudge(p *Policy, limits *document.Limits, carried []*source.Attached) *judge {
	j := &judge{Policy: p, limits: limits, about: map[string][]*source.Attached{}, unsigned: map[string][]string{},
		read: map[*source.Attached]*reading{}, known: map[string]bool{}}
	for _, a := range carried {
		switch {
		case a.MediaType == inTotoType:
			for _, d := range a.About {
				j.unsigned[d] = append(j.unsigned[d], a.Annotations[predicateAnnotation])
			}
			continue
		case !wanted(a.MediaType):
			continue
		case len(a.About) == 0:
			j.free = append(j.free, a)
		}
		j.carried++
		for _, d := range a.About {
			j.about[d] = append(j.about[d], a)
		}
	}
	return j
}

// A reading is a blob with signatures, or why it cannot be read.
type reading struct {
	*statement
	err    error
	judged bool // the signatures were compared, unless they are of a document
	key    *Key // that made one of them; nil if none did
	why    error
}

func failed(what, code, message string) source.Check {
	c := source.NewCheck(what)
	c.Fail(code, message)
	return c
}

// maxRead is how many bytes with signatures are read for one image, and how many are held for further images.
const maxRead = 64 << 20

// A subject is an image that somebody should have signed.
type subject struct {
	*source.Image
	documents map[string]source.Vouched // by digest
	attached  []*source.Attached
}

// image judges one image.
func (j *judge) image(ctx context.Context, img *source.Image) (out Judged) {
	s := subject{Image: img, documents: map[string]source.Vouched{}}
	seen := map[*source.Attached]bool{}
	for _, v := range img.Vouched() {
		s.documents[v.Digest] = v
		for _, a := range j.about[v.Digest] {
			if !seen[a] {
				seen[a] = true
				s.attached = append(s.attached, a)
			}
		}
	}
	demands := j.Attestations
	if len(demands) == 0 {
		demands = []string{""}
	}
	if len(s.documents) == 0 {
		const message = "no digest of a manifest names this image: signatures are of manifests"
		return Judged{Checks: []source.Check{failed(what(demands[0]), CodeMissing, message)}}
	}
	for _, predicate := range demands {
		checks, signers := j.demand(ctx, s, predicate)
		out.Checks, out.Signers = append(out.Checks, checks...), append(out.Signers, signers...)
	}
	return out
}

// has reports whether a digest is that of a document of the image.
func (s subject) has(digest string) bool {
	_, ok := s.documents[digest]
	return ok
}

// candidates are what is attached to an image, and then what is attached to nothing.
func (j *judge) candidates(s subject) iter.Seq[*source.Attached] {
	return func(yield func(*source.Attached) bool) {
		for _, list := range [][]*source.Attached{s.attached, j.free} {
			for _, a := range list {
				if !yield(a) {
					return
				}
			}
		}
	}
}

func what(predicate string) string {
	if predicate == "" {
		return WhatSignature
	}
	return WhatAttestation
}

// demand wants one good signature of an image, or of an attestation about it. It stops if ctx ends.
func (j *judge) demand(ctx context.Context, s subject, predicate string) (checks []source.Check, signers []Signer) {
	var bytes int64
	for a := range j.candidates(s) {
		if ctx.Err() != nil {
			break
		}
		bytes += a.Size
		if err := j.within(a, bytes); err != nil {
			return append(checks, failed(what(predicate), CodeUnread, err.Error())), signers
		}
		check, signer := j.one(s, a, predicate)
		if check != nil {
			checks = append(checks, *check)
		}
		if signer != nil {
			signers = append(signers, *signer)
		}
	}
	for i := range checks {
		if c := &checks[i]; c.Verdict == source.Failed && len(signers) > 0 { // another one is good
			c.Verdict = source.Unproven
		}
	}
	if len(checks) == 0 {
		checks = append(checks, j.missing(s, predicate))
	}
	return checks, signers
}

// within reports whether a blob may be read: how many were read for all images, and how many bytes for this one.
func (j *judge) within(a *source.Attached, bytes int64) error {
	if bytes > maxRead || bytes < 0 {
		return fmt.Errorf("signatures and attestations of this image have more than %d MiB", maxRead>>20)
	}
	if j.read[a] != nil {
		return nil
	}
	if j.held > maxRead {
		return fmt.Errorf("signatures and attestations that are of no image so far have more than %d MiB", maxRead>>20)
	}
	return document.Over(document.LimitSignatures, len(j.read)+1, j.limits.Signatures)
}

// missing says that nothing signs an image, and what is carried instead.
func (j *judge) missing(s subject, predicate string) source.Check {
	message := "the input carries no signature of this image"
	if predicate != "" {
		message = "the input carries no signed attestation of this image of type " + show.Cut(predicate)
		for d := range s.documents {
			if slices.Contains(j.unsigned[d], predicate) {
				message += "; there is one that nobody signed"
				break
			}
		}
	}
	types := map[string]bool{}
	for a := range j.candidates(s) {
		if r := j.read[a]; r != nil && r.err == nil && slices.ContainsFunc(r.names, s.has) {
			types[r.predicate] = true
		}
	}
	delete(types, "")
	if list := slices.Sorted(maps.Keys(types)); len(list) > 0 {
		message += "; there are attestations of type " + show.CutTo(strings.Join(list, ", "), 200)
	}
	if others := j.carried - len(s.attached) - len(j.free); others > 0 {
		message += fmt.Sprintf("; it carries %d of other digests", others)
	}
	return failed(what(predicate), CodeMissing, message)
}

// predicateAnnotation names the type of a statement. Source: BuildKit, docs/attestations/attestation-storage.md.
const predicateAnnotation = "in-toto.io/predicate-type"

// one compares one blob with the policy. There is no check if the blob is about another image of the source, or of
// another type.
func (j *judge) one(s subject, a *source.Attached, predicate string) (*source.Check, *Signer) {
	r := j.reading(a)
	c := source.NewCheck(what(predicate))
	c.Digest, c.Size = a.Digest, a.Size
	if r.err != nil {
		if predicate != "" && a.MediaType == simpleType {
			return nil, nil
		}
		c.Fail(CodeUnread, r.err.Error())
		return &c, nil
	}
	if r.predicate != predicate {
		return nil, nil
	}
	at := slices.IndexFunc(r.names, s.has)
	if at < 0 {
		if len(a.About) == 0 && slices.ContainsFunc(r.names, func(d string) bool { return j.known[d] }) {
			return nil, nil // of another image here
		}
		c.Expected, c.Found = s.ManifestDescriptor.Digest, r.names[0]
		c.Fail(CodeAbout, "names another image: "+named(r.names))
		return &c, nil
	}
	covered := s.documents[r.names[at]]
	c.Expected, c.Found = covered.Digest, covered.Digest
	key, err := j.signer(s.Image, covered, r)
	if err != nil {
		code := CodeOther
		if refused, ok := errors.AsType[*refusal](err); ok {
			code = refused.code
		}
		c.Fail(code, err.Error())
		return &c, nil
	}
	by := &Signer{Key: key.Name, Kind: key.Kind, Fingerprint: key.Fingerprint, Covers: covered.What,
		Digest: covered.Digest, Blob: a.Digest, Reference: r.identity, Attestation: predicate}
	if key.Name == "" {
		by.Identity, by.Issuer = j.Authority.Identity, j.Authority.Issuer
	}
	c.Verdict, c.Message = source.Passed, by.Line()
	return &c, by
}

// named lists digests for a person.
func named(digests []string) string {
	const most = 3
	if more := len(digests) - most; more > 0 {
		return strings.Join(digests[:most], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(digests, ", ")
}

// reading reads a blob once.
func (j *judge) reading(a *source.Attached) *reading {
	r := j.read[a]
	if r == nil {
		r = new(reading)
		var blob []byte
		if blob, r.err = a.Read(); r.err == nil {
			r.statement, r.err = parse(a.MediaType, a.Annotations, blob, j.limits.JSONDepth)
		}
		if r.err == nil {
			j.held += len(r.message)
		}
		j.read[a] = r
	}
	return r
}

// signer returns who signed a statement: a key, or one of a certificate, which has no name.
func (j *judge) signer(img *source.Image, covered source.Vouched, r *reading) (*Key, error) {
	if r.judged {
		return r.key, r.why
	}
	message := r.message
	if message == nil {
		var err error
		if message, err = img.ReadVouched(covered); err != nil {
			return nil, err
		}
		if err := digest.Match(message, r.names[0]); err != nil {
			return nil, err
		}
	}
	r.judged = true
	r.key, r.why = j.compare(r.statement, &signedText{text: message})
	j.held -= len(r.message)
	r.message = nil // nobody asks again
	return r.key, r.why
}

// compare finds the key that made a signature of the message.
func (j *judge) compare(s *statement, message *signedText) (*Key, error) {
	made := func(k *Key) bool {
		return slices.ContainsFunc(s.signatures, func(one []byte) bool { return k.made(one, message) })
	}
	if i := slices.IndexFunc(j.Keys, made); i >= 0 {
		return j.Keys[i], nil
	}
	if j.Authority == nil || s.leaf == nil {
		return nil, errors.New(j.otherKey(s))
	}
	key, err := j.Authority.signer(s)
	if err == nil && !made(key) {
		err = &refusal{CodeOther, "the key of its certificate did not make it: it was changed after it was signed"}
	}
	return key, err
}

// otherKey says that no trusted key made a signature.
func (j *judge) otherKey(s *statement) string {
	var keys []string
	for _, k := range j.Keys {
		keys = append(keys, k.String())
		if s.hint != "" && s.hint == k.hint {
			return "names " + k.String() + ", which did not make it: it was changed after it was signed"
		}
	}
	switch {
	case len(keys) == 0:
		return "has no certificate: --key FILE names the key with which it was signed"
	case s.leaf != nil:
		return "not signed by " + strings.Join(keys, ", ") + ", but with the key of a certificate: --certificate-root " +
			"FILE names the authority"
	}
	return "not signed by " + strings.Join(keys, ", ") + ": another key made it, or it was changed after it was signed"
}
