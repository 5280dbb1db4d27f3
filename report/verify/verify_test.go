package verify_test

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"layup/fixtures"
	"layup/fixtures/direct"
	"layup/report/call"
)

const smallImage = `
tag t:1
layer COPY a
d 0755 0:0 etc
f 0644 0:0 etc/MYFILE "one\n"
layer RUN rm
d 0755 0:0 etc
w etc/MYFILE
f 0600 0:0 new "two\n"
`

// A span is a member's content within an archive.
type span struct {
	name       string
	start, end int
}

// spans returns the content of the files of a tar.
func spans(t *testing.T, data []byte) []span {
	t.Helper()
	r := bytes.NewReader(data)
	var list []span
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		start := len(data) - r.Len()
		if h.Typeflag == tar.TypeReg && h.Size > 0 {
			list = append(list, span{h.Name, start, start + int(h.Size)})
		}
	}
}

func TestVerifyNamesTheBlobOfEveryFlippedByte(t *testing.T) {
	for _, p := range []fixtures.Packing{
		{Name: "docker-20", Format: fixtures.Docker20},
		{Name: "docker-25", Format: fixtures.Docker25},
		{Name: "oci-gzip", Format: fixtures.OCI, Layers: fixtures.Gzip},
		{Name: "oci-zstd", Format: fixtures.OCI, Layers: fixtures.Zstd},
		{Name: "crane", Format: fixtures.Crane, Layers: fixtures.Gzip},
		{Name: "containerd", Format: fixtures.ContainerdOCI, Layers: fixtures.Gzip},
	} {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			data := direct.Archive(t, smallImage, p)
			name := filepath.Join(t.TempDir(), "image.tar")
			tried := 0
			for _, s := range spans(t, data) {
				named := namedBlob(s.name, data[s.start:s.end])
				if named == "" {
					continue
				}
				for i := s.start; i < s.end; i++ {
					if i-s.start > 16 && s.end-i > 16 && i%29 != 0 {
						continue // what begins and ends a blob, and a part of what is between
					}
					flipped := bytes.Clone(data)
					flipped[i] ^= 1 << (i % 8)
					if err := os.WriteFile(name, flipped, 0o600); err != nil {
						t.Fatal(err)
					}
					tried++
					got := direct.Layup(t, "verify", "-q", "-f", "csv", name)
					if got.Status != call.Refuted || !direct.FailsOn(t, got.Out, named) {
						t.Fatalf("byte %d of %s (%s): exit %d, want 1 and the blob named\n%s%s", i-s.start, s.name, named, got.Status,
							got.Out, got.Err)
					}
				}
			}
			if tried < 100 {
				t.Errorf("only %d bytes tried", tried)
			}
		})
	}
}

// namedBlob returns the digest by which a record names the content, or nothing if no document names it.
func namedBlob(name string, content []byte) string {
	digest := fmt.Sprintf("sha256:%x", sha256.Sum256(content))
	switch {
	case strings.HasSuffix(name, "layer.tar"), strings.Contains(name, digest[len("sha256:"):]):
		return digest
	}
	return ""
}

func TestVerifyPassesEverySoundPacking(t *testing.T) {
	for _, p := range fixtures.Packings() {
		if p.Format == fixtures.Docker25Order {
			continue // its order is a finding
		}
		name := filepath.Join(t.TempDir(), "image")
		if err := os.WriteFile(name, direct.Archive(t, smallImage, p), 0o600); err != nil {
			t.Fatal(err)
		}
		got := direct.Layup(t, "verify", name)
		if got.Status != call.Answered || !strings.Contains(got.Out, "\nPASS: ") {
			t.Errorf("%s: exit %d, want 0\n%s%s", p.Name, got.Status, got.Out, got.Err)
		}
		unverified := strings.Contains(got.Out, "\nnot verified ")
		if want := !p.Layered() || p.Format == fixtures.DockerV1; unverified != want {
			t.Errorf("%s: says not verified: %v, want %v\n%s", p.Name, unverified, want, got.Out)
		}
	}
}

func TestVerifyFailsOnSeverityHighOnly(t *testing.T) {
	low := "tag t:1\nlayer one\nf 0644 0:0 etc/a \"x\"\nlayer two\nw gone\n"
	high := "tag t:1\nlayer one\nf 0644 0:0 a \"x\"\nf 0644 0:0 a \"y\"\n"
	for text, want := range map[string]struct {
		status int
		code   string
	}{low: {call.Answered, "whiteout-hides-nothing"}, high: {call.Refuted, "duplicate-entry"}} {
		name := filepath.Join(t.TempDir(), "image.tar")
		if err := os.WriteFile(name, direct.Archive(t, text, fixtures.Packing{Format: fixtures.OCI}), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := direct.Layup(t, "verify", "-f", "csv", name); got.Status != want.status || !strings.Contains(got.Out,
			want.code) {
			t.Errorf("%s: exit %d, want %d\n%s%s", want.code, got.Status, want.status, got.Out, got.Err)
		}
	}
}

// The record names a damaged layer, a missing one and a damaged config, and still has the sound layers.
func TestVerifyGoesOnAfterDamage(t *testing.T) {
	dir := t.TempDir()
	img, err := fixtures.Parse("small", smallImage+"layer three\nf 0644 0:0 third \"3\"\n")
	if err != nil {
		t.Fatal(err)
	}
	if err := (fixtures.Packing{Format: fixtures.OCI, Layers: fixtures.Gzip}).WriteDir(dir, img); err != nil {
		t.Fatal(err)
	}
	before := document(t, direct.Layup(t, "verify", "-f", "json", dir))
	var layers []string
	for _, item := range before.Items {
		switch item.What {
		case "layer":
			layers = append(layers, item.Digest)
		case "config":
			change(t, blobFile(dir, item.Digest))
		}
	}
	change(t, blobFile(dir, layers[0]))
	if err := os.Remove(blobFile(dir, layers[1])); err != nil {
		t.Fatal(err)
	}
	got := direct.Layup(t, "verify", "-f", "json", dir)
	var failures []string
	after := document(t, got)
	for _, item := range after.Items {
		if item.Pass != nil && !*item.Pass {
			failures = append(failures, item.What+" "+item.Code)
		}
	}
	direct.Expect(t, "failures", failures, "config digest-mismatch", "layer digest-mismatch", "layer blob-missing")
	if got.Status != call.Refuted || after.Pass || after.Summary.Failed != 3 {
		t.Errorf("exit %d, pass %v, summary %+v; want 1, false, 3 failed", got.Status, after.Pass, after.Summary)
	}
	if n := strings.Count(got.Err, "\n"); n < 4 {
		t.Errorf("stderr has %d lines, want one per failure and the sum:\n%s", n, got.Err)
	}
}

// verifyDocument is the part of the JSON document that the tests look at.
type verifyDocument struct {
	Pass    bool
	Summary struct{ Checks, Passed, Failed, Unproven int }
	Tool    struct{ Name, Version, Commit string }
	Image   struct{ ID, Platform, Verified string }
	Items   []struct {
		What, Digest, Expected, Found, Code, Message string
		Pass                                         *bool
		Size                                         int64
	}
}

func document(t *testing.T, got direct.Result) verifyDocument {
	t.Helper()
	var doc verifyDocument
	if err := json.Unmarshal([]byte(got.Out), &doc); err != nil {
		t.Fatalf("%v\n%s%s", err, got.Out, got.Err)
	}
	return doc
}

func blobFile(dir, digest string) string {
	return filepath.Join(dir, "blobs", "sha256", strings.TrimPrefix(digest, "sha256:"))
}

// change flips a bit in the middle of a file.
func change(t *testing.T, name string) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// What follows a title of the record comes from outside and is escaped. The title is not escaped, so scripts find it.
func TestTitlesOfTheRecordStayReadable(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a\x1b[2J.tar")
	direct.Put(t, name, direct.Archive(t, smallImage, fixtures.Packing{Format: fixtures.OCI}))
	got := direct.Layup(t, "verify", name)
	_, rest, _ := strings.Cut(got.Out, "\n")
	line, _, _ := strings.Cut(rest, "\n")
	if got.Status != call.Answered || !strings.HasPrefix(line, "source       $'") || !strings.HasSuffix(line,
		`a\x1b[2J.tar' (oci-archive)`) {
		t.Errorf("status %d: %q %s", got.Status, line, got.Err)
	}
}
