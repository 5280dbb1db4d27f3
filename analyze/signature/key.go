package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // SHA-384 and SHA-512, which keys choose
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/show"
)

// A Key is a public key that the user trusts.
type Key struct {
	Name        string // of its file
	Kind        string // ECDSA P-256, RSA 3072, Ed25519
	Fingerprint string // SHA-256 of its SubjectPublicKeyInfo (RFC 5280), as sha256:HEX

	public crypto.PublicKey
	hint   string        // by which bundles of sigstore name it
	hashes []crypto.Hash // that signers use with it, the usual one first; 0 for none
}

// The sizes of RSA keys that are trusted, in bits.
const (
	leastRSA = 2048
	mostRSA  = 16384
)

// ParseKeys reads the public keys of a PEM file. Its blocks have the type PUBLIC KEY (RFC 7468) or RSA PUBLIC KEY.
func ParseKeys(name string, text []byte) (list []*Key, err error) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		var public any
		switch kind := block.Type; {
		case kind == "PUBLIC KEY":
			public, err = x509.ParsePKIXPublicKey(block.Bytes)
		case kind == "RSA PUBLIC KEY":
			public, err = x509.ParsePKCS1PublicKey(block.Bytes)
		case strings.HasSuffix(kind, "PRIVATE KEY"):
			err = errors.New("is a private key: the public key is wanted (cosign public-key --key FILE)")
		case kind == "CERTIFICATE":
			err = errors.New("is a certificate, not a public key: --certificate-root takes those")
		default:
			err = fmt.Errorf("a PEM block %s is not a public key", show.Cut(kind))
		}
		if err != nil {
			return nil, err
		}
		key, err := newKey(name, public)
		if err != nil {
			return nil, err
		}
		list = append(list, key)
	}
	if len(list) == 0 {
		return nil, errors.New("holds no public key in PEM form (BEGIN PUBLIC KEY)")
	}
	return list, nil
}

// newKey describes a public key. Keys that are weak, or of other kinds, are errors.
func newKey(name string, public any) (*Key, error) {
	k := &Key{Name: name, public: public}
	switch p := public.(type) {
	case *ecdsa.PublicKey:
		k.Kind = "ECDSA " + p.Params().Name
		switch p.Curve {
		case elliptic.P256():
			k.hashes = []crypto.Hash{crypto.SHA256}
		case elliptic.P384():
			k.hashes = []crypto.Hash{crypto.SHA384, crypto.SHA256}
		case elliptic.P521():
			k.hashes = []crypto.Hash{crypto.SHA512, crypto.SHA256}
		}
	case *rsa.PublicKey:
		k.Kind = fmt.Sprintf("RSA %d", p.N.BitLen())
		if bits := p.N.BitLen(); bits >= leastRSA && bits <= mostRSA {
			k.hashes = []crypto.Hash{crypto.SHA256, crypto.SHA512}
		}
	case ed25519.PublicKey:
		k.Kind, k.hashes = "Ed25519", []crypto.Hash{0, crypto.SHA512}
	default:
		k.Kind = fmt.Sprintf("%T", public)
	}
	if k.hashes == nil {
		return nil, fmt.Errorf("a key of kind %s is not one that signatures are compared with: "+
			"ECDSA P-256, P-384, P-521, RSA from %d to %d bits, Ed25519", k.Kind, leastRSA, mostRSA)
	}
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(der)
	k.Fingerprint, k.hint = digest.FromHex(hex.EncodeToString(sum[:])), base64.StdEncoding.EncodeToString(sum[:])
	return k, nil
}

// A signedText is a message that may be signed, with its hashes.
type signedText struct {
	text []byte
	sums map[crypto.Hash][]byte
}

// sum hashes the message once for each hash; 0 is the message itself.
func (m *signedText) sum(h crypto.Hash) []byte {
	if h == 0 {
		return m.text
	}
	if m.sums[h] == nil {
		hash := h.New()
		hash.Write(m.text)
		if m.sums == nil {
			m.sums = map[crypto.Hash][]byte{}
		}
		m.sums[h] = hash.Sum(nil)
	}
	return m.sums[h]
}

// made reports whether the key made a signature of a message. ECDSA signatures are ASN.1 (SEC 1), those of RSA PKCS #1
// v1.5, those of Ed25519 pure or pre-hashed (RFC 8032), as cosign makes them.
func (k *Key) made(signature []byte, message *signedText) bool {
	return slices.ContainsFunc(k.hashes, func(h crypto.Hash) bool {
		sum := message.sum(h)
		switch p := k.public.(type) {
		case *ecdsa.PublicKey:
			return ecdsa.VerifyASN1(p, sum, signature)
		case *rsa.PublicKey:
			return rsa.VerifyPKCS1v15(p, h, sum, signature) == nil
		case ed25519.PublicKey:
			return len(signature) == ed25519.SignatureSize &&
				ed25519.VerifyWithOptions(p, sum, signature, &ed25519.Options{Hash: h}) == nil
		}
		return false
	})
}

// String names the key for a person.
func (k *Key) String() string { return fmt.Sprintf("%s (%s)", show.Safe(k.Name), k.Kind) }
