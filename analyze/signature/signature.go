// Package signature compares the signatures and attestations that a source carries with keys and authorities that the
// user trusts. It opens no connection: whether a transparency log knows a signature, and when it was made, stays open.
package signature

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/document"
)

// A Policy says whose signatures count. One key, or the authority, is enough.
type Policy struct {
	Keys         []*Key
	Authority    *Authority // nil for none
	Attestations []string   // types of predicates that must be attested; without any, the image itself must be signed
}

// The codes of checks.
const (
	CodeMissing     = "signature-missing"   // nothing signs the image
	CodeOther       = "signature-by-other"  // none of the keys made it, or it was changed
	CodeAbout       = "signature-of-other"  // it signs another image
	CodeCertificate = "certificate-refused" // its certificate is not one of the wanted signer
	CodeExpired     = "certificate-expired" // its certificate is not valid now
	CodeUnread      = source.CodeUnreadable // it is damaged, or of a form that is unknown here
)

// What checks of this package compare.
const (
	WhatSignature   = "signature"
	WhatAttestation = "attestation"
)

// A Signer is who signed an image, as far as that was proved.
type Signer struct {
	Key         string `json:"key,omitempty"`         // the file of the key
	Kind        string `json:"kind"`                  // of the key
	Fingerprint string `json:"fingerprint"`           // SHA-256 of the key's SubjectPublicKeyInfo
	Identity    string `json:"identity,omitempty"`    // that the certificate names
	Issuer      string `json:"issuer,omitempty"`      // that authenticated the identity
	Covers      string `json:"covers"`                // manifest or index
	Digest      string `json:"digest"`                // of that document
	Blob        string `json:"blob"`                  // digest of the blob with the signature
	Reference   string `json:"reference,omitempty"`   // under which cosign signed it; whoever signed chose it
	Attestation string `json:"attestation,omitempty"` // type of the predicate; empty for a signature of the image
}

// Trusted is whose signatures a policy accepts.
type Trusted struct {
	File        string `json:"file"`
	Kind        string `json:"kind"`               // of the key, or certificate
	Fingerprint string `json:"fingerprint"`        // SHA-256 of the SubjectPublicKeyInfo, or of the certificate
	Identity    string `json:"identity,omitempty"` // that a certificate must name
	Issuer      string `json:"issuer,omitempty"`
}

// Trusted returns the keys, and the certificates of the authority; nil for no policy.
func (p *Policy) Trusted() (list []Trusted) {
	if p == nil {
		return nil
	}
	for _, k := range p.Keys {
		list = append(list, Trusted{File: k.Name, Kind: k.Kind, Fingerprint: k.Fingerprint})
	}
	if a := p.Authority; a != nil {
		for _, sum := range a.sums {
			list = append(list, Trusted{a.Name, "certificate", sum, a.Identity, a.Issuer})
		}
	}
	return list
}

// Line names what is trusted, for a person.
func (t Trusted) Line() string {
	text := fmt.Sprintf("%s (%s) %s", show.Safe(t.File), t.Kind, t.Fingerprint)
	if t.Identity != "" {
		text += ", for " + show.Cut(t.Identity) + ", authenticated by " + show.Cut(t.Issuer)
	}
	return text
}

// Judged is what the signatures of one image prove.
type Judged struct {
	Checks  []source.Check
	Signers []Signer
}

// Judge compares what a source carries about each of its images. It fails only if ctx ends.
func (p *Policy) Judge(ctx context.Context, s source.Source, images []*source.Image,
	limits *document.Limits) ([]Judged, error) {
	out := make([]Judged, len(images))
	carried, err := source.AttachedBlobs(ctx, s, images)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var unsigned []*source.Attached
	for _, a := range carried {
		if a.MediaType == inTotoType {
			unsigned = append(unsigned, a)
		}
	}
	carried = slices.DeleteFunc(carried, func(a *source.Attached) bool { return !wanted(a.MediaType) })
	if len(images) == 0 {
		return []Judged{{Checks: []source.Check{failed(WhatSignature, CodeMissing, "the input holds no image")}}}, nil
	}
	j := &judge{Policy: p, limits: limits, carried: carried, unsigned: unsigned, read: map[*source.Attached]*reading{},
		known: map[string]bool{}}
	for _, img := range images {
		for _, v := range img.Vouched() {
			j.known[v.Digest] = true
		}
	}
	for i, img := range images {
		if err != nil {
			out[i].Checks = []source.Check{failed(WhatSignature, CodeUnread, err.Error())}
			continue
		}
		if out[i] = j.image(img); ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return out, nil
}

// A judge reads each signature of a source once.
type judge struct {
	*Policy
	limits   *document.Limits
	carried  []*source.Attached
	unsigned []*source.Attached // statements of in-toto
	read     map[*source.Attached]*reading
	known    map[string]bool // digests of the documents of all images
}

// A reading is a blob with signatures, or why it cannot be read.
type reading struct {
	*statement
	err    error
	size   int64
	judged bool // the signatures were compared, unless they are of a document
	key    *Key // that made one of them; nil if none did
	why    error
}

func failed(what, code, message string) source.Check {
	c := source.NewCheck(what)
	c.Fail(code, message)
	return c
}

// maxRead is how many bytes with signatures are read for one image.
const maxRead = 64 << 20

// A subject is an image that somebody should have signed.
type subject struct {
	*source.Image
	documents map[string]source.Vouched // by digest
	found     []*source.Attached        // what is attached to the image, or to nothing
}

// image judges one image.
func (j *judge) image(img *source.Image) (out Judged) {
	s := subject{Image: img, documents: map[string]source.Vouched{}}
	for _, v := range img.Vouched() {
		s.documents[v.Digest] = v
	}
	demands := j.Attestations
	if len(demands) == 0 {
		demands = []string{""}
	}
	if len(s.documents) == 0 {
		const message = "no digest of a manifest names this image: signatures are of manifests"
		return Judged{Checks: []source.Check{failed(what(demands[0]), CodeMissing, message)}}
	}
	s.found = s.attached(j.carried)
	for _, predicate := range demands {
		checks, signers := j.demand(s, predicate)
		out.Checks, out.Signers = append(out.Checks, checks...), append(out.Signers, signers...)
	}
	return out
}

// has reports whether a digest is that of a document of the image.
func (s subject) has(digest string) bool {
	_, ok := s.documents[digest]
	return ok
}

// attached returns what is attached to the image, or to nothing.
func (s subject) attached(all []*source.Attached) (list []*source.Attached) {
	for _, a := range all {
		if len(a.About) == 0 || slices.ContainsFunc(a.About, s.has) {
			list = append(list, a)
		}
	}
	return list
}

func what(predicate string) string {
	if predicate == "" {
		return WhatSignature
	}
	return WhatAttestation
}

// demand wants one good signature of an image, or of an attestation about it.
func (j *judge) demand(s subject, predicate string) (checks []source.Check, signers []Signer) {
	var bytes int64
	for _, a := range s.found {
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
	return document.Over(document.LimitSignatures, len(j.read)+1, j.limits.Signatures)
}

// missing says that nothing signs an image, and what is carried instead.
func (j *judge) missing(s subject, predicate string) source.Check {
	message := "the input carries no signature of this image"
	if predicate != "" {
		message = "the input carries no signed attestation of this image of type " + show.Cut(predicate)
		of := func(a *source.Attached) bool { return a.Annotations[predicateAnnotation] == predicate }
		if slices.ContainsFunc(s.attached(j.unsigned), of) {
			message += "; there is one that nobody signed"
		}
	}
	types := map[string]bool{}
	for _, a := range s.found {
		if r := j.read[a]; r != nil && r.err == nil && slices.ContainsFunc(r.names, s.has) {
			types[r.predicate] = true
		}
	}
	delete(types, "")
	if list := slices.Sorted(maps.Keys(types)); len(list) > 0 {
		message += "; there are attestations of type " + show.CutTo(strings.Join(list, ", "), 200)
	}
	if others := len(j.carried) - len(s.found); others > 0 {
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

// Line says what a signature proves, and what it does not.
func (s *Signer) Line() string {
	by := fmt.Sprintf("%s (%s)", show.Safe(s.Key), s.Kind)
	if s.Key == "" {
		by = fmt.Sprintf("%s, authenticated by %s", show.Cut(s.Identity), show.Cut(s.Issuer))
	}
	text := "signed by " + by + ": names the " + s.Covers
	if s.Reference != "" {
		text += " as " + show.Cut(s.Reference)
	}
	return text + "; not compared with a transparency log"
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
	r.key, r.why = j.compare(r.statement, message)
	return r.key, r.why
}

// compare finds the key that made a signature of the message.
func (j *judge) compare(s *statement, message []byte) (*Key, error) {
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
