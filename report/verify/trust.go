package verify

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"layup/analyze/show"
	"layup/analyze/signature"
	"layup/report/call"
)

// trustFlags say whose signatures are wanted.
type trustFlags struct {
	keys, roots, attestations []string
	identity, issuer          string
}

func (t *trustFlags) flags(f *pflag.FlagSet) {
	f.StringArrayVar(&t.keys, "key", nil, "fail unless the key in this `FILE` (PEM) signed the image; of several, one")
	f.StringArrayVar(&t.roots, "certificate-root", nil, "or a key did for which the authority in this `FILE` (PEM) "+
		"issued a certificate")
	f.StringVar(&t.identity, "identity", "", "the signer that the certificate must name: a `URI` or an email address")
	f.StringVar(&t.issuer, "issuer", "", "the `URL` of the provider that must have authenticated the signer")
	f.StringArrayVar(&t.attestations, "attestation", nil, "want a signed attestation of this `TYPE` instead of a "+
		"signature: "+strings.Join(signature.ShortTypes(), ", ")+", or a URI; each of several")
}

// maxKeys is how many bytes a file of keys or certificates may have.
const maxKeys = 1 << 20

// policy reads the files that the flags name; nil if no flag asks for signatures.
func (t *trustFlags) policy() (*signature.Policy, error) {
	if err := t.check(); err != nil || len(t.keys)+len(t.roots) == 0 {
		return nil, err
	}
	p := &signature.Policy{}
	for _, name := range t.keys {
		text, err := readKeys(name)
		if err != nil {
			return nil, fmt.Errorf("verify: --key: %w", err)
		}
		keys, err := signature.ParseKeys(name, text)
		if err != nil {
			return nil, fmt.Errorf("verify: --key: %s: %w", show.Safe(name), err)
		}
		p.Keys = append(p.Keys, keys...)
	}
	if len(t.roots) > 0 {
		var all []byte
		for _, name := range t.roots {
			text, err := readKeys(name)
			if err != nil {
				return nil, fmt.Errorf("verify: --certificate-root: %w", err)
			}
			all = append(append(all, text...), '\n')
		}
		authority, err := signature.NewAuthority(all)
		if err != nil {
			return nil, fmt.Errorf("verify: --certificate-root: %s: %w", show.Safe(strings.Join(t.roots, ", ")), err)
		}
		authority.Identity, authority.Issuer, authority.Now = t.identity, t.issuer, time.Now()
		p.Authority = authority
	}
	for _, word := range t.attestations {
		predicate, err := signature.PredicateType(word)
		if err != nil {
			return nil, fmt.Errorf("verify: --attestation: %w", err)
		}
		p.Attestations = append(p.Attestations, predicate)
	}
	return p, nil
}

// check reports flags that mean nothing without others.
func (t *trustFlags) check() error {
	const authority = "--certificate-root FILE --identity URI --issuer URL"
	switch {
	case len(t.roots) > 0 && (t.identity == "" || t.issuer == ""):
		return call.Usage(authority+"  say together whose certificate is wanted",
			"verify: --certificate-root without --identity and --issuer: anybody can have a certificate")
	case len(t.roots) == 0 && t.identity+t.issuer != "":
		return call.Usage(authority+"  say together whose certificate is wanted",
			"verify: --identity and --issuer are of certificates: --certificate-root is missing")
	case len(t.keys)+len(t.roots) == 0 && len(t.attestations) > 0:
		return call.Usage("--key FILE names the key that must have signed it", "verify: --attestation without --key or "+
			"--certificate-root: nobody would vouch for it")
	}
	return nil
}

// readKeys reads a small file.
func readKeys(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // opened for reading
	text, err := io.ReadAll(io.LimitReader(f, maxKeys+1))
	if err == nil && len(text) > maxKeys {
		err = fmt.Errorf("%s: has more than %d bytes", show.Safe(name), maxKeys)
	}
	return text, err
}

// next is what to do about a failed signature, by the code of its check.
func next(code string) string {
	switch code {
	case signature.CodeMissing:
		return "layup pull --all -o LAYOUT docker://REF  takes signatures and attestations along"
	case signature.CodeExpired:
		return "cosign verify --certificate-identity URI --certificate-oidc-issuer URL REF  asks the transparency log " +
			"when it was signed"
	}
	return ""
}
