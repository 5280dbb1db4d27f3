package verify_test

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"layup/fixtures"
	"layup/fixtures/direct"
	"layup/fixtures/signed"
	"layup/report/call"
)

// A lab is a layout with one image, keys, and their files.
type lab struct {
	*fixtures.Layout
	t      *testing.T
	digest string // of the image's manifest
	raw    []byte // the manifest
	key    crypto.Signer
	file   string // of the public key
}

func newLab(t *testing.T) *lab {
	t.Helper()
	img, err := fixtures.Parse("small", smallImage)
	if err != nil {
		t.Fatal(err)
	}
	layout, err := fixtures.NewLayout(filepath.Join(t.TempDir(), "layout"), img)
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{Layout: layout, t: t}
	l.digest = l.index()[0]["digest"].(string)
	l.raw, err = os.ReadFile(layout.BlobFile(l.digest))
	l.done(err)
	l.key, l.file = l.newKey("P-256")
	return l
}

func (l *lab) done(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// newKey returns a key and the file of its public half.
func (l *lab) newKey(kind string) (crypto.Signer, string) {
	l.t.Helper()
	key, err := signed.NewKey(kind)
	l.done(err)
	name := filepath.Join(l.t.TempDir(), "key.pub")
	direct.Put(l.t, name, signed.Public(key))
	return key, name
}

// index returns what index.json lists.
func (l *lab) index() []map[string]any {
	l.t.Helper()
	var doc struct{ Manifests []map[string]any }
	text, err := os.ReadFile(filepath.Join(l.Dir, "index.json"))
	l.done(err)
	l.done(json.Unmarshal(text, &doc))
	return doc.Manifests
}

// list makes index.json list these.
func (l *lab) list(manifests ...any) {
	l.t.Helper()
	text, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": manifests})
	l.done(err)
	direct.Put(l.t, filepath.Join(l.Dir, "index.json"), text)
}

// by signs a message.
func (l *lab) by(key crypto.Signer, message []byte) []byte {
	l.t.Helper()
	s, err := signed.Sign(key, crypto.SHA256, message)
	l.done(err)
	return s
}

// simple signs an image in the form of cosign's tags.
func (l *lab) simple(digest string) {
	l.t.Helper()
	payload := signed.Payload(digest, "example.org/shop")
	l.done(signed.Simple(l.Layout, digest, "", payload, l.by(l.key, []byte(payload))))
}

// bundle attaches a bundle with a statement of a predicate.
func (l *lab) bundle(digest, predicate string) {
	l.t.Helper()
	payload := signed.Statement(digest, predicate)
	envelope := signed.Envelope(payload, l.by(l.key, signed.PAE(payload)))
	text := signed.Bundle("dsseEnvelope", envelope, map[string]any{"publicKey": map[string]any{"hint": "x"}})
	l.done(signed.Referrer(l.Layout, digest, signed.BundleType, text))
}

// message attaches a bundle with a signature of a document, under a digest that may be another.
func (l *lab) message(digest, of string, document []byte) {
	l.t.Helper()
	content := map[string]any{"messageDigest": map[string]any{"algorithm": "SHA2_256", "digest": bytesOf(l.t, of)},
		"signature": l.by(l.key, document)}
	text := signed.Bundle("messageSignature", content, map[string]any{"publicKey": map[string]any{"hint": "x"}})
	l.done(signed.Referrer(l.Layout, digest, signed.BundleType, text))
}

func bytesOf(t *testing.T, digest string) []byte {
	t.Helper()
	var b []byte
	if _, err := fmt.Sscanf(strings.TrimPrefix(digest, "sha256:"), "%x", &b); err != nil {
		t.Fatal(err)
	}
	return b
}

// verify runs the command, and demands a status and texts in what it prints.
func (l *lab) verify(status int, want []string, flags ...string) {
	l.t.Helper()
	got := direct.Layup(l.t, append([]string{"verify", l.Dir}, flags...)...)
	if got.Status != status {
		l.t.Errorf("exit %d, want %d\n%s%s", got.Status, status, got.Out, got.Err)
	}
	for _, text := range want {
		if !strings.Contains(got.Out+got.Err, text) {
			l.t.Errorf("it does not say %q:\n%s%s", text, got.Out, got.Err)
		}
	}
}

const (
	otherDigest = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	provenance  = "https://slsa.dev/provenance/v1"
)

func TestSignaturesOfEveryFormPass(t *testing.T) {
	for name, sign := range map[string]func(l *lab){
		"tag":     func(l *lab) { l.simple(l.digest) },
		"bundle":  func(l *lab) { l.bundle(l.digest, signed.SignPredicate) },
		"message": func(l *lab) { l.message(l.digest, l.digest, l.raw) },
		"referrer": func(l *lab) {
			payload := signed.Payload(l.digest, "example.org/shop")
			l.done(signed.Referrer(l.Layout, l.digest, signed.SimpleType, payload, "dev.cosignproject.cosign/signature",
				base64.StdEncoding.EncodeToString(l.by(l.key, []byte(payload)))))
		},
		"cosign save": func(l *lab) {
			image := l.index()[0]
			image["annotations"] = map[string]string{"kind": "dev.cosignproject.cosign/image"}
			l.simple(l.digest)
			list := l.index()
			list[1]["annotations"] = map[string]string{"kind": "dev.cosignproject.cosign/sigs"}
			l.list(image, list[1])
		},
		"several": func(l *lab) {
			other, _ := l.newKey("P-256")
			mine := l.key
			l.key = other
			l.simple(l.digest)
			l.key = mine
			l.bundle(l.digest, signed.SignPredicate)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			sign(l)
			l.verify(call.Answered, []string{"\nsignature    signed by " + l.file + " (ECDSA P-256): names the manifest",
				"not compared with a transparency log or a time stamp", "\nPASS: "}, "--key", l.file)
			l.verify(call.Answered, []string{"\nPASS: "})
			_, other := l.newKey("Ed25519")
			l.verify(call.Answered, []string{"\nPASS: "}, "--key", other, "--key", l.file)
			l.verify(call.Refuted, []string{"FAIL", "signature-by-other", "not signed by " + other + " (Ed25519)"},
				"--key", other)
		})
	}
}

func TestSignaturesThatProveNothingFail(t *testing.T) {
	for name, c := range map[string]struct {
		sign func(l *lab)
		want []string
	}{
		"none": {func(*lab) {}, []string{"signature-missing", "layup: hint: layup pull --all"}},
		"of another image, at its own tag": {func(l *lab) { l.simple(otherDigest) },
			[]string{"signature-missing", "it carries 1 of other digests"}},
		"of another image, at this one's tag": {func(l *lab) {
			payload := signed.Payload(otherDigest, "example.org/shop")
			l.done(signed.Simple(l.Layout, l.digest, "", payload, l.by(l.key, []byte(payload))))
		}, []string{"signature-of-other", "names another image: " + otherDigest}},
		"of another image, attached to nothing": {func(l *lab) {
			payload := signed.Payload(otherDigest, "example.org/shop")
			l.done(signed.Simple(l.Layout, l.digest, "x", payload, l.by(l.key, []byte(payload))))
		}, []string{"signature-of-other"}},
		"of another image, as a bundle": {func(l *lab) {
			payload := signed.Statement(otherDigest, signed.SignPredicate)
			envelope := signed.Envelope(payload, l.by(l.key, signed.PAE(payload)))
			l.done(signed.Referrer(l.Layout, l.digest, signed.BundleType, signed.Bundle("dsseEnvelope", envelope, nil)))
		}, []string{"signature-of-other"}},
		"of a payload that was changed": {func(l *lab) {
			payload := signed.Payload(l.digest, "example.org/shop")
			l.done(signed.Simple(l.Layout, l.digest, "", payload+" ", l.by(l.key, []byte(payload))))
		}, []string{"signature-by-other", "it was changed after it was signed"}},
		"of a payload without its PAE": {func(l *lab) {
			payload := signed.Statement(l.digest, signed.SignPredicate)
			envelope := signed.Envelope(payload, l.by(l.key, []byte(payload)))
			l.done(signed.Referrer(l.Layout, l.digest, signed.BundleType, signed.Bundle("dsseEnvelope", envelope, nil)))
		}, []string{"signature-by-other"}},
		"of a document under the digest of this one": {func(l *lab) { l.message(l.digest, l.digest, []byte("x")) },
			[]string{"signature-by-other"}},
		"of a document under its own digest": {func(l *lab) { l.message(l.digest, otherDigest, []byte("x")) },
			[]string{"signature-of-other"}},
		"a payload that is not of cosign": {func(l *lab) {
			payload := strings.Replace(signed.Payload(l.digest, ""), "cosign container", "other", 1)
			l.done(signed.Simple(l.Layout, l.digest, "", payload, l.by(l.key, []byte(payload))))
		}, []string{"FAIL", "its payload is of type"}},
		"a payload with two digests": {func(l *lab) {
			payload := strings.Replace(signed.Payload(l.digest, ""), `"image":{`, `"image":{"docker-manifest-digest":"`+
				otherDigest+`",`, 1)
			l.done(signed.Simple(l.Layout, l.digest, "", payload, l.by(l.key, []byte(payload))))
		}, []string{"FAIL", "duplicate key"}},
		"an attestation, not a signature": {func(l *lab) { l.bundle(l.digest, provenance) }, []string{"signature-missing"}},
		"a payload that is longer than the limit": {func(l *lab) {
			l.done(signed.Simple(l.Layout, l.digest, "", strings.Repeat(" ", 9<<20)+"{}", []byte("x")))
		}, []string{"FAIL", "--limit statement"}},
		"deep JSON": {func(l *lab) {
			l.done(signed.Simple(l.Layout, l.digest, "", strings.Repeat("[", 1<<20), []byte("x")))
		}, []string{"FAIL", "nested"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			c.sign(l)
			l.verify(call.Refuted, append(c.want, "verification failed: 1 of "), "--key", l.file)
			l.verify(call.Answered, []string{"\nPASS: "})
		})
	}
}

// Whoever changes bytes changes digests: the checks of the blobs fail as well.
func TestDamagedSignaturesFail(t *testing.T) {
	for name, damage := range map[string]func(l *lab, file string){
		"a flipped byte": func(l *lab, file string) { change(l.t, file) },
		"removed":        func(l *lab, file string) { l.done(os.Remove(file)) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			l.simple(l.digest)
			sum := direct.Items(t, "digest what", "verify", l.Dir, "--key", l.file)
			for _, line := range sum {
				if d, found := strings.CutSuffix(line, " what=signature"); found {
					damage(l, l.BlobFile(strings.TrimPrefix(d, "digest=")))
				}
			}
			l.verify(call.Refuted, []string{"FAIL    signature"}, "--key", l.file)
		})
	}
	l := newLab(t)
	l.simple(l.digest)
	change(t, l.BlobFile(l.digest))
	l.verify(call.Refuted, []string{"FAIL    manifest", "no digest of a manifest names this image"}, "--key", l.file)
}

func TestKeysOfEveryKindAreKnown(t *testing.T) {
	for _, c := range []struct {
		kind, shown string
		hashes      []crypto.Hash
	}{{"P-256", "ECDSA P-256", []crypto.Hash{crypto.SHA256}},
		{"P-384", "ECDSA P-384", []crypto.Hash{crypto.SHA256, crypto.SHA384}},
		{"P-521", "ECDSA P-521", []crypto.Hash{crypto.SHA256, crypto.SHA512}},
		{"RSA", "RSA 2048", []crypto.Hash{crypto.SHA256}}, {"Ed25519", "Ed25519", []crypto.Hash{0, crypto.SHA512}}} {
		for _, hash := range c.hashes {
			l := newLab(t)
			key, file := l.newKey(c.kind)
			payload := signed.Payload(l.digest, "")
			signature, err := signed.Sign(key, hash, []byte(payload))
			l.done(err)
			l.done(signed.Simple(l.Layout, l.digest, "", payload, signature))
			l.verify(call.Answered, []string{"(" + c.shown + ")"}, "--key", file)
			l.verify(call.Refuted, []string{"signature-by-other"}, "--key", l.file)
		}
	}
}

// Cosign signs the index of several platforms, or each manifest.
func TestTheSignatureOfAnIndexCoversItsImages(t *testing.T) {
	l := newLab(t)
	image := l.index()[0]
	delete(image, "annotations")
	text, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": []any{image}})
	l.done(err)
	index, err := l.Blob("application/vnd.oci.image.index.v1+json", text)
	l.done(err)
	l.list(index)
	l.simple(index.Digest())
	l.verify(call.Answered, []string{"names the index as"}, "--key", l.file)
	direct.Expect(t, "signatures", covers(t, l.Dir, l.file), "index "+index.Digest())

	// A name of the image that looks like the digest of a signed index is not one.
	image["annotations"] = map[string]string{"org.opencontainers.image.ref.name": index.Digest(),
		"io.containerd.image.name": "x:" + index.Digest()}
	signature := l.index()[1]
	l.list(image, signature)
	l.verify(call.Refuted, []string{"signature-missing"}, "--key", l.file)
}

// covers lists the signatures in the JSON of verify.
func covers(t *testing.T, dir, key string, flags ...string) (list []string) {
	t.Helper()
	got := direct.Layup(t, append([]string{"verify", "-f", "json", "--key", key, dir}, flags...)...)
	var doc struct {
		Signatures []struct{ Covers, Digest, Fingerprint, Key string }
	}
	if err := json.Unmarshal([]byte(got.Out), &doc); err != nil {
		t.Fatal(err)
	}
	for _, s := range doc.Signatures {
		list = append(list, s.Covers+" "+s.Digest)
		if s.Key != key || !strings.HasPrefix(s.Fingerprint, "sha256:") {
			t.Errorf("signed by %q %q", s.Key, s.Fingerprint)
		}
	}
	return list
}

func TestAttestationsAreWantedByType(t *testing.T) {
	l := newLab(t)
	l.bundle(l.digest, provenance)
	payload := signed.Statement(l.digest, "https://spdx.dev/Document")
	l.done(signed.Attested(l.Layout, l.digest, signed.Envelope(payload, l.by(l.key, signed.PAE(payload)))))
	l.verify(call.Answered, []string{"pass    attestation"}, "--key", l.file, "--attestation", "slsaprovenance1")
	l.verify(call.Answered, []string{"pass    attestation"}, "--key", l.file, "--attestation", provenance,
		"--attestation", "spdxjson")
	l.verify(call.Refuted, []string{"signature-missing", "openvex.dev"}, "--key", l.file, "--attestation", "openvex")
	l.verify(call.Refuted, []string{"signature-missing"}, "--key", l.file)
	_, other := l.newKey("P-256")
	l.verify(call.Refuted, []string{"FAIL    attestation", "signature-by-other"}, "--key", other, "--attestation", "spdx")
	l.done(signed.Referrer(l.Layout, l.digest, "application/vnd.in-toto+json", signed.Statement(l.digest, "https://a/b"),
		"in-toto.io/predicate-type", "https://a/b"))
	l.verify(call.Refuted, []string{"there is one that nobody signed", "there are attestations of type"}, "--key", l.file,
		"--attestation", "https://a/b")
	l.verify(call.Failed, []string{"did you mean"}, "--key", l.file, "--attestation", "spdxjso")
}

// Where the certificate is put.
var certificateForms = map[string]func(l *lab, certificate []byte){
	"annotation": func(l *lab, certificate []byte) {
		payload := signed.Payload(l.digest, "")
		l.done(signed.Simple(l.Layout, l.digest, "", payload, l.by(l.key, []byte(payload)),
			"dev.sigstore.cosign/certificate", string(certificate)))
	},
	"bundle": func(l *lab, certificate []byte) {
		payload := signed.Statement(l.digest, signed.SignPredicate)
		raw, _ := pemBytes(certificate)
		text := signed.Bundle("dsseEnvelope", signed.Envelope(payload, l.by(l.key, signed.PAE(payload))),
			map[string]any{"certificate": map[string]any{"rawBytes": raw}})
		l.done(signed.Referrer(l.Layout, l.digest, signed.BundleType, text))
	},
}

func TestCertificatesNameTheSigner(t *testing.T) {
	const identity, issuer = "https://example.org/build.yml@refs/heads/main", "https://token.example.org"
	now := time.Now()
	for form, put := range certificateForms {
		for name, c := range map[string]struct {
			identity, issuer string
			from, to         time.Duration
			status           int
			want             string
		}{
			"good":          {identity, issuer, -time.Hour, time.Hour, call.Answered, "authenticated by"},
			"expired":       {identity, issuer, -2 * time.Hour, -time.Hour, call.Refuted, "certificate-expired"},
			"not yet valid": {identity, issuer, time.Hour, 2 * time.Hour, call.Refuted, "certificate-expired"},
			"of another":    {identity + "2", issuer, -time.Hour, time.Hour, call.Refuted, "certificate-refused"},
			"mail":          {"a@example.org", issuer, -time.Hour, time.Hour, call.Refuted, "its certificate is of"},
			"other issuer":  {identity, issuer + "/", -time.Hour, time.Hour, call.Refuted, "authenticated the signer, not"},
		} {
			t.Run(form+" "+name, func(t *testing.T) {
				l := newLab(t)
				authority, err := signed.NewAuthority()
				l.done(err)
				root := filepath.Join(t.TempDir(), "root.pem")
				direct.Put(t, root, authority.PEM())
				certificate, err := authority.Issue(l.key, c.identity, c.issuer, now.Add(c.from), now.Add(c.to))
				l.done(err)
				put(l, signed.PEM(certificate))
				flags := []string{"--certificate-root", root, "--identity", identity, "--issuer", issuer}
				l.verify(c.status, []string{c.want}, flags...)
				other, err := signed.NewAuthority()
				l.done(err)
				direct.Put(t, root, other.PEM())
				l.verify(call.Refuted, []string{"certificate-refused"}, flags...)
			})
		}
	}
}

func pemBytes(text []byte) ([]byte, error) {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return base64.StdEncoding.DecodeString(strings.Join(lines[1:len(lines)-1], ""))
}

func TestFlagsOfSignaturesAreChecked(t *testing.T) {
	l := newLab(t)
	private := filepath.Join(t.TempDir(), "cosign.key")
	direct.Put(t, private, []byte("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nAAAA\n"+
		"-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n"))
	for want, flags := range map[string][]string{
		"no such file":                        {"--key", "none.pub"},
		"is a private key":                    {"--key", private},
		"holds no public key":                 {"--key", filepath.Join(l.Dir, "index.json")},
		"is a certificate":                    {"--certificate-root", l.file, "--identity", "a", "--issuer", "b"},
		"anybody can have a certificate":      {"--certificate-root", l.file},
		"--certificate-root is missing":       {"--identity", "a"},
		"nobody would vouch for it":           {"--attestation", "spdx"},
		"verify: --attestation: \"x\" is not": {"--key", l.file, "--attestation", "x"},
	} {
		if want == "is a certificate" {
			want = "is not a certificate"
		}
		l.verify(call.Failed, []string{want}, flags...)
	}
}

// The page of report has the record with the signatures.
func TestThePageSaysWhoSigned(t *testing.T) {
	l := newLab(t)
	l.simple(l.digest)
	page := filepath.Join(t.TempDir(), "page.html")
	for flags, want := range map[string]string{"--key " + l.file: "signed by " + l.file,
		"--attestation custom --key " + l.file: "signature-missing"} {
		got := direct.Layup(t, append(strings.Fields("report --force -o "+page+" "+flags), l.Dir)...)
		text, err := os.ReadFile(page)
		l.done(err)
		if got.Status != call.Answered || !strings.Contains(string(text), want) {
			t.Errorf("%s: exit %d: %s: the page does not say %q", flags, got.Status, got.Err, want)
		}
	}
	got := direct.Layup(t, "report", "--no-verify", "--key", l.file, "-o", page, "--force", l.Dir)
	if got.Status != call.Failed || !strings.Contains(got.Err, "leaves out the record") {
		t.Errorf("without a record: exit %d: %s", got.Status, got.Err)
	}
}

// Thousands of signatures are refused before they are compared.
func TestTooManySignaturesAreRefused(t *testing.T) {
	l := newLab(t)
	payload := signed.Payload(l.digest, "")
	blob, err := l.Blob(signed.SimpleType, []byte(payload))
	l.done(err)
	blob.Annotated("dev.cosignproject.cosign/signature", "AAAA")
	config, err := l.Blob("application/vnd.oci.image.config.v1+json", []byte("{}"))
	l.done(err)
	for i := range 10 {
		var layers []any
		for range 1000 {
			layers = append(layers, blob)
		}
		d, err := l.Manifest(fixtures.Descriptor{"config": config, "layers": layers, "annotations": map[string]any{
			"n": fmt.Sprint(i)}})
		l.done(err)
		l.done(l.Top(d, ""))
	}
	l.verify(call.Refuted, []string{"--limit signatures"}, "--key", l.file)
	l.verify(call.Refuted, []string{"signature-by-other"}, "--key", l.file, "--limit", "signatures=none")
}
