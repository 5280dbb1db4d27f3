package signature

import (
	"bytes"
	"strings"
	"testing"

	"layup/analyze/digest"
)

// What cosign 2.6.5 wrote for an image, with this key.
const (
	cosignKey = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE3eb6xMmBVnVhmsBUow1w7YJh2iYD
zwz1SoeRj0cYQq0sfAk/208jgECg6UcqnT1HNL98r4Y5ly17JTA/PACXkg==
-----END PUBLIC KEY-----
`
	cosignDigest    = "sha256:730515bebb0c9f7c3bfac5472f702061b270bd18732ffbcf44adee1edc3e5d96"
	cosignSignature = "MEUCIQCebZsf/5qf0epUHm3ithBfhtLIJvhHL71ru5c4XSttNwIgYISEPhYmPrFhdvooBejwx3YbxrKIV+zD4L3DMbDrkeU="
	cosignSimple    = "" +
		`{"critical":{"identity":{"docker-reference":"127.0.0.1:5877/shop"},"image":{"docker-manifest-digest"` +
		`:"sha256:730515bebb0c9f7c3bfac5472f702061b270bd18732ffbcf44adee1edc3e5d96"},"type":"cosign container` +
		` image signature"},"optional":null}`
	cosignBundle = "" +
		`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"h` +
		`int":"sUgzF19Hz8BjE8IGMzz0+miGDc3HpvlB4rqFoLUUrZ0="}},"dsseEnvelope":{"payload":"eyJfdHlwZSI6Imh0dHB` +
		`zOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCJzdWJqZWN0IjpbeyJkaWdlc3QiOnsic2hhMjU2IjoiNzMwNTE1YmViYjBjOWY` +
		`3YzNiZmFjNTQ3MmY3MDIwNjFiMjcwYmQxODczMmZmYmNmNDRhZGVlMWVkYzNlNWQ5NiJ9fV0sInByZWRpY2F0ZVR5cGUiOiJodHR` +
		`wczovL3NpZ3N0b3JlLmRldi9jb3NpZ24vc2lnbi92MSJ9","payloadType":"application/vnd.in-toto+json","signatu` +
		`res":[{"sig":"MEUCIF9vRw4Kd8oFVgmaGM/L64JuAAonYYYz4ZGtErhOxgisAiEAndN5xzvnjOFKUBoKBlQK9J17YNU/qPeK/5` +
		`jM1O3Mzp8="}]}}`
	cosignEnvelope = "" +
		`{"payloadType":"application/vnd.in-toto+json","payload":"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF` +
		`0ZW1lbnQvdjAuMSIsInByZWRpY2F0ZVR5cGUiOiJodHRwczovL2Nvc2lnbi5zaWdzdG9yZS5kZXYvYXR0ZXN0YXRpb24vdjEiLCJ` +
		`zdWJqZWN0IjpbeyJuYW1lIjoiMTI3LjAuMC4xOjU4NzcvYXR0IiwiZGlnZXN0Ijp7InNoYTI1NiI6IjczMDUxNWJlYmIwYzlmN2M` +
		`zYmZhYzU0NzJmNzAyMDYxYjI3MGJkMTg3MzJmZmJjZjQ0YWRlZTFlZGMzZTVkOTYifX1dLCJwcmVkaWNhdGUiOnsiRGF0YSI6Int` +
		`cImFcIjoxfVxuIiwiVGltZXN0YW1wIjoiMjAyNi0xMS0zMFQyMDo1ODo1NFoifX0=","signatures":[{"keyid":"","sig":"` +
		`MEUCIFsF+zQf1EexO42yKdYUkovsYtXI3RdHhdgrKtA4gyc+AiEAyzvB4a3658FOYtDHq3WdfzZnRIiw08G3JL1xKQWToAg="}]}`
)

// samples are the blobs of each media type.
var samples = map[string]string{simpleType: cosignSimple, bundleType + ".v0.3+json": cosignBundle,
	envelopeType: cosignEnvelope}

var annotated = map[string]string{signatureAnnotation: cosignSignature}

func TestCosignsOwnSignaturesAreRead(t *testing.T) {
	keys, err := ParseKeys("cosign.pub", []byte(cosignKey))
	if err != nil {
		t.Fatal(err)
	}
	for mediaType, blob := range samples {
		s, err := parse(mediaType, annotated, []byte(blob), 64)
		if err != nil {
			t.Errorf("%s: %v", mediaType, err)
			continue
		}
		want := map[string]string{envelopeType: shortTypes["custom"]}[mediaType]
		if s.predicate != want || strings.Join(s.names, " ") != cosignDigest {
			t.Errorf("%s: type %q of %q", mediaType, s.predicate, s.names)
		}
		other := &signedText{text: append(s.message, ' ')}
		if !keys[0].made(s.signatures[0], &signedText{text: s.message}) || keys[0].made(s.signatures[0], other) {
			t.Errorf("%s: the key does not tell what it signed", mediaType)
		}
		if s.hint != "" && s.hint != keys[0].hint {
			t.Errorf("%s: names the key %q, want %q", mediaType, s.hint, keys[0].hint)
		}
	}
}

// Source: secure-systems-lab, dsse, protocol.md.
func TestPreAuthenticationIsThatOfDSSE(t *testing.T) {
	const want = "DSSEv1 29 http://example.com/HelloWorld 11 hello world"
	if got := preAuthentication("http://example.com/HelloWorld", []byte("hello world")); string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWeakKeysAreRefused(t *testing.T) {
	const rsa1024 = `-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDc5gLixy40TSH6/nEVMATbw34L
ysX2fJfecoq0khEQWHkANqpWj6GY/uxx25o1EXFJqBN5lhn/LMAGTy1YaKtIP9G/
Dt6voLBPKrEKVjvKIjgekzu82O3XaAVePzXYT0U65zCz67Z8/NEbB8wvCrw8vBPt
7eRSUxe6Bop85gV9awIDAQAB
-----END PUBLIC KEY-----
`
	for text, want := range map[string]string{rsa1024: "RSA 1024", "": "no public key",
		strings.Replace(cosignKey, "PUBLIC", "OTHER", 2): "is not a public key"} {
		if _, err := ParseKeys("k", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// FuzzSigned: whatever a blob holds, a statement names what it is about, and says what was signed.
func FuzzSigned(f *testing.F) {
	for mediaType, blob := range samples {
		f.Add(mediaType, cosignSignature, "", []byte(blob))
	}
	f.Fuzz(func(t *testing.T, mediaType, signature, certificate string, blob []byte) {
		notes := map[string]string{signatureAnnotation: signature, certificateAnnotation: certificate,
			chainAnnotation: certificate}
		s, err := parse(mediaType, notes, bytes.Clone(blob), 64)
		if err != nil {
			return
		}
		if len(s.names) == 0 || len(s.signatures) == 0 || len(s.signatures) > mostSignatures {
			t.Errorf("%d names, %d signatures", len(s.names), len(s.signatures))
		}
		for _, d := range s.names {
			if !digest.Valid(d) {
				t.Errorf("names %q", d)
			}
		}
		if s.leaf != nil {
			_, _, _ = parsed(s) // must not panic
		}
	})
}
