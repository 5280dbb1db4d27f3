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
	"layup/analyze/source/disk"
	"layup/report/call"
)

// TrustFlags name the signers that are wanted.
type TrustFlags struct {
	keys, roots, attestations []string
	identity, issuer          string
}

// Flags adds the flags to a command.
func (t *TrustFlags) Flags(f *pflag.FlagSet) {
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

// Policy reads the files that the flags name; nil if no flag asks for signatures. Errors begin with the command.
func (t *TrustFlags) Policy(command string) (*signature.Policy, error) {
	if err := t.check(command); err != nil || len(t.keys)+len(t.roots) == 0 {
		return nil, err
	}
	p, err := t.read()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	return p, nil
}

// read reads the keys, the certificates and the types.
func (t *TrustFlags) read() (*signature.Policy, error) {
	p := &signature.Policy{}
	for _, name := range t.keys {
		text, err := readKeys(name)
		if err != nil {
			return nil, fmt.Errorf("--key: %w", err)
		}
		keys, err := signature.ParseKeys(name, text)
		if err != nil {
			return nil, fmt.Errorf("--key: %s: %w", show.Safe(name), err)
		}
		p.Keys = append(p.Keys, keys...)
	}
	if len(t.roots) > 0 {
		var all []byte
		for _, name := range t.roots {
			text, err := readKeys(name)
			if err != nil {
				return nil, fmt.Errorf("--certificate-root: %w", err)
			}
			all = append(append(all, text...), '\n')
		}
		authority, err := signature.NewAuthority(all)
		if err != nil {
			return nil, fmt.Errorf("--certificate-root: %s: %w", show.Safe(strings.Join(t.roots, ", ")), err)
		}
		authority.Name, authority.Identity, authority.Issuer = strings.Join(t.roots, ", "), t.identity, t.issuer
		authority.Now = time.Now()
		p.Authority = authority
	}
	for _, word := range t.attestations {
		predicate, err := signature.PredicateType(word)
		if err != nil {
			return nil, fmt.Errorf("--attestation: %w", err)
		}
		p.Attestations = append(p.Attestations, predicate)
	}
	return p, nil
}

// check reports flags that mean nothing without others.
func (t *TrustFlags) check(command string) error {
	const authority = "--certificate-root FILE --identity URI --issuer URL"
	switch {
	case len(t.roots) > 0 && (t.identity == "" || t.issuer == ""):
		return call.Usage(authority+"  say together which certificate is wanted",
			"%s: --certificate-root without --identity and --issuer: anybody can have a certificate", command)
	case len(t.roots) == 0 && t.identity+t.issuer != "":
		return call.Usage(authority+"  say together which certificate is wanted",
			"%s: --identity and --issuer are of certificates: --certificate-root is missing", command)
	case len(t.keys)+len(t.roots) == 0 && len(t.attestations) > 0:
		return call.Usage("--key FILE names the key that must have signed it",
			"%s: --attestation without --key or --certificate-root: nobody would vouch for it", command)
	}
	return nil
}

// readKeys reads a small file.
func readKeys(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", show.Safe(name), disk.Plain(err))
	}
	defer f.Close() // opened for reading
	text, err := io.ReadAll(io.LimitReader(f, maxKeys+1))
	if err == nil && len(text) > maxKeys {
		err = fmt.Errorf("has more than %d bytes", maxKeys)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", show.Safe(name), disk.Plain(err))
	}
	return text, nil
}

// next is what to do about a failed signature, by the code of its check.
func next(code string) string {
	switch code {
	case signature.CodeMissing:
		return "layup pull --all -o LAYOUT docker://REF  takes signatures along, of all platforms: often the index is signed"
	case signature.CodeExpired:
		return "cosign verify --certificate-identity URI --certificate-oidc-issuer URL REF  asks the transparency log " +
			"when it was signed"
	}
	return ""
}
