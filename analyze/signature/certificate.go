package signature

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"layup/analyze/digest"
	"layup/analyze/show"
)

// An Authority is a set of certificates that the user trusts to name signers, and the signer that is wanted.
type Authority struct {
	Name     string // of the file with the certificates
	Identity string // of the signer: a URI, an email address or a DNS name of the certificate
	Issuer   string // that authenticated the signer: the URL of an OpenID Connect provider
	Now      time.Time

	roots *x509.CertPool
	sums  []string // SHA-256 of each certificate
}

// The bounds of the certificates that come with a signature.
const (
	mostCertificates = 4 // above the signer's own
	maxCertificate   = 64 << 10
)

// NewAuthority reads certificates in PEM form. Each of them is trusted, also one that is not self-signed.
func NewAuthority(text []byte) (*Authority, error) {
	list, err := certificates(string(text))
	if err == nil && len(list) == 0 {
		err = errors.New("holds no certificate in PEM form (BEGIN CERTIFICATE)")
	}
	a := &Authority{roots: x509.NewCertPool()}
	for _, der := range list {
		c, failed := x509.ParseCertificate(der)
		switch {
		case failed != nil:
			return nil, failed
		case !c.IsCA:
			return nil, fmt.Errorf("the certificate of %s is not one of an authority", show.Cut(c.Subject.String()))
		}
		a.roots.AddCert(c)
		a.sums = append(a.sums, digest.Of(der))
	}
	return a, err
}

// certificates returns the DER of the certificates in a PEM text.
func certificates(text string) (list [][]byte, err error) {
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if strings.TrimSpace(string(rest)) != "" {
				return nil, errors.New("is not PEM")
			}
			return list, nil
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("a PEM block %s is not a certificate", show.Cut(block.Type))
		}
		list = append(list, block.Bytes)
	}
}

// A refusal is why a signature does not count.
type refusal struct{ code, message string }

func (r *refusal) Error() string { return r.message }

// signer returns the key of a certificate that names the wanted signer. The certificate must be valid now: nothing here
// proves when a signature was made. Source: RFC 5280; Fulcio, docs/oid-info.md and docs/certificate-specification.md.
func (a *Authority) signer(s *statement) (*Key, error) {
	leaf, pool, err := parsed(s)
	if err != nil {
		return nil, &refusal{CodeCertificate, "its certificate: " + err.Error()}
	}
	if err := a.names(leaf); err != nil {
		return nil, &refusal{CodeCertificate, err.Error()}
	}
	_, err = leaf.Verify(x509.VerifyOptions{Roots: a.roots, Intermediates: pool, CurrentTime: a.Now,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}})
	if err != nil {
		return nil, a.invalid(leaf, pool, err)
	}
	key, err := newKey("", leaf.PublicKey)
	if err != nil {
		return nil, &refusal{CodeCertificate, "its certificate: " + err.Error()}
	}
	return key, nil
}

// parsed reads the certificates of a statement.
func parsed(s *statement) (leaf *x509.Certificate, pool *x509.CertPool, err error) {
	if len(s.chain) > mostCertificates {
		return nil, nil, fmt.Errorf("%d certificates above it: want at most %d", len(s.chain), mostCertificates)
	}
	pool = x509.NewCertPool()
	for i, der := range append([][]byte{s.leaf}, s.chain...) {
		if len(der) > maxCertificate {
			return nil, nil, fmt.Errorf("has %d bytes: want at most %d", len(der), maxCertificate)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, nil, err
		}
		if key, ok := c.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() > mostRSA {
			return nil, nil, fmt.Errorf("has a key of %d bits: want at most %d", key.N.BitLen(), mostRSA)
		}
		if i == 0 {
			leaf = c
		} else {
			pool.AddCert(c)
		}
	}
	return leaf, pool, nil
}

// The extensions in which Fulcio writes the issuer: as an ASN.1 string, and formerly as its bytes alone.
var (
	issuerString = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 8}
	issuerBytes  = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}
)

// names compares the names in a certificate with the wanted ones.
func (a *Authority) names(c *x509.Certificate) error {
	var names []string
	for _, u := range c.URIs {
		names = append(names, u.String())
	}
	names = append(append(names, c.EmailAddresses...), c.DNSNames...)
	if !slices.Contains(names, a.Identity) {
		return fmt.Errorf("its certificate is of %s, not of %s", show.Cut(strings.Join(names, ", ")), show.Cut(a.Identity))
	}
	issuer, err := issuerOf(c)
	if err != nil {
		return err
	}
	if issuer != a.Issuer {
		return fmt.Errorf("%s authenticated the signer, not %s", show.Cut(issuer), show.Cut(a.Issuer))
	}
	return nil
}

// issuerOf returns the issuer that the extensions of a certificate name. Two that differ are an error.
func issuerOf(c *x509.Certificate) (string, error) {
	var found []string
	for _, e := range c.Extensions {
		switch {
		case e.Id.Equal(issuerBytes):
			found = append(found, string(e.Value))
		case e.Id.Equal(issuerString):
			var text string
			if rest, err := asn1.Unmarshal(e.Value, &text); err != nil || len(rest) > 0 {
				return "", errors.New("its certificate names the issuer in a form that is not a string of ASN.1")
			}
			found = append(found, text)
		}
	}
	if found = slices.Compact(found); len(found) != 1 || found[0] == "" {
		return "", errors.New("its certificate does not name one issuer: extension 1.3.6.1.4.1.57264.1.8 or 1.1")
	}
	return found[0], nil
}

// invalid says why a certificate is not valid. If only its time is over, or not yet come, it says that.
func (a *Authority) invalid(c *x509.Certificate, pool *x509.CertPool, why error) error {
	then := x509.VerifyOptions{Roots: a.roots, Intermediates: pool, CurrentTime: c.NotBefore,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}}
	if _, err := c.Verify(then); err != nil || a.Now.After(c.NotBefore) && a.Now.Before(c.NotAfter) {
		return &refusal{CodeCertificate, "its certificate: " + strings.TrimPrefix(why.Error(), "x509: ")}
	}
	const format = "its certificate was valid from %s to %s: nothing here proves that it was signed then"
	return &refusal{CodeExpired, fmt.Sprintf(format, c.NotBefore.UTC().Format(time.RFC3339),
		c.NotAfter.UTC().Format(time.RFC3339))}
}
