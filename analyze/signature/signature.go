// Package signature compares the signatures and attestations that a source carries with keys and authorities that the
// user trusts. It opens no connection: whether a transparency log knows a signature, and when it was made, stays open.
package signature

import (
	"context"
	"fmt"

	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/document"
)

// A Policy names the signers that count. One key, or the authority, is enough.
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

// Trusted is a signer that a policy accepts.
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
	if len(images) == 0 {
		return []Judged{{Checks: []source.Check{failed(WhatSignature, CodeMissing, "the input holds no image")}}}, nil
	}
	j := newJudge(p, limits, carried)
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
		if out[i] = j.image(ctx, img); ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
	return out, nil
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
	return text + "; not compared with a transparency log or a time stamp"
}
