package signature

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/near"
	"layup/analyze/show"
	"layup/analyze/source/document"
)

// The media types of blobs that hold signatures. Source: cosign, specs/SIGNATURE_SPEC.md and specs/BUNDLE_SPEC.md;
// sigstore, protobuf-specs, sigstore_bundle.proto.
const (
	simpleType   = "application/vnd.dev.cosign.simplesigning.v1+json"
	envelopeType = "application/vnd.dsse.envelope.v1+json"
	bundleType   = "application/vnd.dev.sigstore.bundle" // begins the types of all versions
)

// wanted reports whether a blob of a media type holds signatures.
func wanted(mediaType string) bool {
	return mediaType == simpleType || mediaType == envelopeType || strings.HasPrefix(mediaType, bundleType)
}

// The annotations of a layer in which cosign keeps what belongs to a payload.
const (
	signatureAnnotation   = "dev.cosignproject.cosign/signature"
	certificateAnnotation = "dev.sigstore.cosign/certificate"
	chainAnnotation       = "dev.sigstore.cosign/chain"
)

// A statement is what somebody signed, with the signatures. It says nothing before one of them was compared.
type statement struct {
	predicate  string   // type of the predicate of an attestation; empty for a signature of an image
	names      []string // digests of what it is about; at least one
	identity   string   // the reference under which cosign signed an image; may be empty
	message    []byte   // that was signed; nil if it is the document with the digest names[0]
	signatures [][]byte
	leaf       []byte   // DER of the certificate with the key that signed; nil without one
	chain      [][]byte // DER of the certificates above it
	hint       string   // names the key; may be empty
}

// mostSignatures is how many signatures of one envelope are compared. Signers make one.
const mostSignatures = 8

// parse reads a blob of a wanted media type.
func parse(mediaType string, annotations map[string]string, blob []byte, depth int) (*statement, error) {
	switch {
	case mediaType == simpleType:
		return parseSimple(annotations, blob, depth)
	case mediaType == envelopeType:
		s, err := parseEnvelope(blob, depth)
		if err == nil {
			err = s.annotated(annotations)
		}
		return s, err
	}
	return parseBundle(blob, depth)
}

// simpleKeys are the names that parseSimple looks for. Source: containers/image, docs/containers-signature.5.md.
var simpleKeys = []string{"critical", "identity", "docker-reference", "image", "docker-manifest-digest", "type"}

// cosignPayload is the type of the payload of a signature.
const cosignPayload = "cosign container image signature"

// parseSimple reads a payload of cosign. Its signature is in the annotations.
func parseSimple(annotations map[string]string, payload []byte, depth int) (*statement, error) {
	var doc struct {
		Critical struct {
			Identity struct {
				Reference string `json:"docker-reference"`
			} `json:"identity"`
			Image struct {
				Digest string `json:"docker-manifest-digest"`
			} `json:"image"`
			Type string `json:"type"`
		} `json:"critical"`
	}
	if err := document.Unmarshal(payload, depth, &doc, simpleKeys...); err != nil {
		return nil, err
	}
	if doc.Critical.Type != cosignPayload {
		return nil, fmt.Errorf("its payload is of type %s, not %q", show.Cut(doc.Critical.Type), cosignPayload)
	}
	if err := digest.Check(doc.Critical.Image.Digest); err != nil {
		return nil, err
	}
	signature, err := base64.StdEncoding.DecodeString(annotations[signatureAnnotation])
	if err != nil || len(signature) == 0 {
		return nil, errors.New("its annotation " + signatureAnnotation + " holds no signature in base64")
	}
	s := &statement{names: []string{doc.Critical.Image.Digest}, identity: doc.Critical.Identity.Reference,
		message: payload, signatures: [][]byte{signature}}
	return s, s.annotated(annotations)
}

// An envelope is DSSE's. Source: secure-systems-lab, dsse, envelope.md.
type envelope struct {
	Payload    []byte `json:"payload"`
	Type       string `json:"payloadType"`
	Signatures []struct {
		Signature []byte `json:"sig"`
	} `json:"signatures"`
}

var envelopeKeys = []string{"payload", "payloadType", "signatures", "sig"}

// inTotoType is the type of the payload of an attestation.
const inTotoType = "application/vnd.in-toto+json"

func parseEnvelope(blob []byte, depth int) (*statement, error) {
	var e envelope
	if err := document.Unmarshal(blob, depth, &e, envelopeKeys...); err != nil {
		return nil, err
	}
	return e.statement(depth)
}

// statementKeys are the names that an in-toto statement is searched for.
var statementKeys = []string{"_type", "predicateType", "predicate", "name"}

// signPredicate is the type by which cosign says that it signs an image, and nothing more.
const signPredicate = "https://sigstore.dev/cosign/sign/v1"

// statement reads the payload. Source: in-toto, attestation/spec/v1/statement.md.
func (e *envelope) statement(depth int) (*statement, error) {
	if e.Type != inTotoType {
		return nil, fmt.Errorf("its payload is of type %s, not %s", show.Cut(e.Type), inTotoType)
	}
	if n := len(e.Signatures); n == 0 || n > mostSignatures {
		return nil, fmt.Errorf("it has %d signatures: want 1 to %d", n, mostSignatures)
	}
	var doc struct {
		Predicate string `json:"predicateType"`
		Subject   []struct {
			Digest map[string]string `json:"digest"`
		} `json:"subject"`
	}
	if err := document.Unmarshal(e.Payload, depth, &doc, statementKeys...); err != nil {
		return nil, fmt.Errorf("its payload: %w", err)
	}
	s := &statement{predicate: doc.Predicate, message: preAuthentication(e.Type, e.Payload)}
	for _, subject := range doc.Subject {
		for algorithm, hex := range subject.Digest {
			if d := algorithm + ":" + hex; digest.Valid(d) {
				s.names = append(s.names, d)
			}
		}
	}
	slices.Sort(s.names)
	if s.names = slices.Compact(s.names); len(s.names) == 0 {
		return nil, errors.New("its payload names no subject by SHA-256 or SHA-512")
	}
	if s.predicate == "" {
		return nil, errors.New("its payload has no predicateType")
	}
	if s.predicate == signPredicate {
		s.predicate = ""
	}
	for _, one := range e.Signatures {
		s.signatures = append(s.signatures, one.Signature)
	}
	return s, nil
}

// preAuthentication returns what DSSE signs. Source: secure-systems-lab, dsse, protocol.md, PAE.
func preAuthentication(payloadType string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}

// bundleKeys are the names that parseBundle looks for.
var bundleKeys = append([]string{"verificationMaterial", "publicKey", "hint", "certificate", "rawBytes",
	"x509CertificateChain", "certificates", "messageSignature", "messageDigest", "algorithm", "signature",
	"dsseEnvelope"}, envelopeKeys...)

// A bundle is sigstore's, as far as it is needed here.
type bundle struct {
	MediaType string `json:"mediaType"`
	Material  struct {
		PublicKey *struct {
			Hint string `json:"hint"`
		} `json:"publicKey"`
		Certificate *rawCertificate `json:"certificate"`
		Chain       *struct {
			Certificates []rawCertificate `json:"certificates"`
		} `json:"x509CertificateChain"`
	} `json:"verificationMaterial"`
	Message *struct {
		Digest struct {
			Algorithm string `json:"algorithm"`
			Digest    []byte `json:"digest"`
		} `json:"messageDigest"`
		Signature []byte `json:"signature"`
	} `json:"messageSignature"`
	Envelope *envelope `json:"dsseEnvelope"`
}

type rawCertificate struct {
	Raw []byte `json:"rawBytes"`
}

func parseBundle(blob []byte, depth int) (*statement, error) {
	var b bundle
	if err := document.Unmarshal(blob, depth, &b, bundleKeys...); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(b.MediaType, bundleType) {
		return nil, fmt.Errorf("is not a bundle of sigstore: mediaType %s", show.Cut(b.MediaType))
	}
	var s *statement
	switch {
	case (b.Message == nil) == (b.Envelope == nil):
		return nil, errors.New("holds neither a messageSignature nor a dsseEnvelope, or both")
	case b.Envelope != nil:
		var err error
		if s, err = b.Envelope.statement(depth); err != nil {
			return nil, err
		}
	default:
		d := fmt.Sprintf("%s:%x", digest.SHA256, b.Message.Digest.Digest)
		if b.Message.Digest.Algorithm != "SHA2_256" || !digest.Valid(d) {
			return nil, errors.New("its messageDigest is not a SHA2_256")
		}
		s = &statement{names: []string{d}, signatures: [][]byte{b.Message.Signature}}
	}
	if k := b.Material.PublicKey; k != nil {
		s.hint = k.Hint
	}
	if c := b.Material.Certificate; c != nil {
		s.leaf = c.Raw
	}
	if c := b.Material.Chain; c != nil && s.leaf == nil {
		for i, one := range c.Certificates {
			if i == 0 {
				s.leaf = one.Raw
				continue
			}
			s.chain = append(s.chain, one.Raw)
		}
	}
	return s, nil
}

// annotated adds the certificates that the annotations of a layer hold.
func (s *statement) annotated(annotations map[string]string) error {
	leaf, err := certificates(annotations[certificateAnnotation])
	if err != nil {
		return fmt.Errorf("annotation %s: %w", certificateAnnotation, err)
	}
	if len(leaf) > 0 {
		s.leaf = leaf[0]
	}
	s.chain, err = certificates(annotations[chainAnnotation])
	if err != nil {
		err = fmt.Errorf("annotation %s: %w", chainAnnotation, err)
	}
	return err
}

// shortTypes are the words of cosign for types of predicates. Source: cosign, pkg/cosign/attestation and
// specs/COSIGN_PREDICATE_SPEC.md.
var shortTypes = map[string]string{
	"custom":           "https://cosign.sigstore.dev/attestation/v1",
	"cyclonedx":        "https://cyclonedx.org/bom",
	"link":             "https://in-toto.io/Link/v1",
	"openvex":          "https://openvex.dev/ns",
	"slsaprovenance":   "https://slsa.dev/provenance/v0.2",
	"slsaprovenance02": "https://slsa.dev/provenance/v0.2",
	"slsaprovenance1":  "https://slsa.dev/provenance/v1",
	"spdx":             "https://spdx.dev/Document",
	"spdxjson":         "https://spdx.dev/Document",
	"vuln":             "https://cosign.sigstore.dev/attestation/vuln/v1",
}

// ShortTypes returns the words that PredicateType knows, sorted.
func ShortTypes() []string { return slices.Sorted(maps.Keys(shortTypes)) }

// PredicateType returns the type of a predicate by a word of cosign or by its URI.
func PredicateType(word string) (string, error) {
	if uri, ok := shortTypes[word]; ok {
		return uri, nil
	}
	if strings.Contains(word, ":") {
		return word, nil
	}
	err := fmt.Errorf("%q is not a type: want one of %s, or a URI", word, strings.Join(ShortTypes(), ", "))
	if hint := near.Hint(word, ShortTypes()); hint != "" {
		err = fmt.Errorf("%q is not a type: %s", word, hint)
	}
	return "", err
}
