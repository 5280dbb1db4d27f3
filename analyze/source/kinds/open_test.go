package kinds

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"layup/analyze/source"
	"layup/analyze/source/archive"
	"layup/analyze/source/document"
	"layup/fixtures/sample"
)

func TestContentDecidesWhatAFileIs(t *testing.T) {
	s := sampleOf(t, "first", "second")
	docker := archiveOf(t, s.dockerMembers("shop:1.2")...)
	oci := newLayout()
	oci.top(oci.image(s, nil), "1.2")
	both := append(oci.members(), s.blobManifest("shop:1.2"))
	for _, tt := range []struct {
		case_, kind string
		content     []byte
		want        string
	}{
		{"docker save", archive.Docker, docker, "first second"},
		{"docker save in gzip", archive.Docker, sample.Gzip(t, docker), "first second"},
		{"docker save in zstd", archive.Docker, sample.Zstd(t, docker), "first second"},
		{"docker save in xz", archive.Docker, sample.Xz(t, docker), "first second"},
		{"OCI layout", archive.OCIArchive, archiveOf(t, oci.members()...), "first second"},
		{"docker save of engine 25", archive.Docker, archiveOf(t, both...), "first second"},
		{"a layer", archive.Layer, sample.Tar(t, "etc/passwd", "x"), "etc/passwd,x"},
		{"a layer in gzip", archive.Layer, sample.Gzip(t, sample.Tar(t, "etc/passwd")), "etc/passwd"},
		{"an empty tar", archive.Layer, make([]byte, 10240), ""},
	} {
		for _, how := range []string{"path", "pipe", "stdin"} {
			a, err := openAs(t, how, tt.content)
			if err != nil {
				t.Errorf("%s by %s: %v", tt.case_, how, err)
				continue
			}
			images, _, err := a.Choose(t.Context(), source.Selection{})
			if err != nil {
				t.Errorf("%s by %s: %v", tt.case_, how, err)
				continue
			}
			if got := files(t, images[0]); a.Kind() != tt.kind || got != tt.want {
				t.Errorf("%s by %s: got %s with %q, want %s with %q", tt.case_, how, a.Kind(), got, tt.kind, tt.want)
			}
			if err := a.Close(); err != nil {
				t.Errorf("%s by %s: %v", tt.case_, how, err)
			}
		}
	}
}

// blobManifest is the manifest.json beside a layout.
func (s *oneImage) blobManifest(tags ...string) member {
	entry := map[string]any{"Config": document.BlobName(sample.Digest([]byte(s.config))), "RepoTags": tags}
	var names []string
	for _, d := range s.diffIDs {
		names = append(names, document.BlobName(d))
	}
	entry["Layers"] = names
	return member{name: "manifest.json", body: asJSON([]any{entry})}
}

func openAs(t *testing.T, how string, content []byte) (*Opened, error) {
	t.Helper()
	opt := testOptions(t)
	path := fileOf(t, "no-telling-name", content)
	switch how {
	case "path":
		return Open(t.Context(), path, opt)
	case "stdin":
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { file.Close() })
		opt.Stdin = file
	case "pipe":
		opt.Stdin = pipeOf(t, bytes.NewReader(content))
	}
	return Open(t.Context(), "-", opt)
}

func pipeOf(t *testing.T, content io.Reader) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = io.Copy(w, content)
		w.Close()
	}()
	t.Cleanup(func() { r.Close() })
	return r
}

func TestPartOfStandardInputIsReadFromWhereItStands(t *testing.T) {
	file, err := os.Open(fileOf(t, "x", append([]byte("read before"), sample.Tar(t, "a")...)))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := file.Seek(int64(len("read before")), io.SeekStart); err != nil {
		t.Fatal(err)
	}
	opt := testOptions(t)
	opt.Stdin = file
	a, err := Open(t.Context(), "-", opt)
	if err != nil {
		t.Fatal(err)
	}
	images, _, err := a.Choose(t.Context(), source.Selection{})
	if err != nil || files(t, images[0]) != "a" {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNotAnArchiveIsNamed(t *testing.T) {
	whole := archiveOf(t, sampleOf(t, "a").dockerMembers("x:1")...)
	for _, tt := range []struct {
		case_   string
		content []byte
		want    string
	}{
		{"an empty file", nil, "file is empty"},
		{"one byte", []byte("x"), "not a tar archive"},
		{"1 MiB of zeros", make([]byte, 1<<20), "first 1 MiB is zeros"},
		{"a page", []byte("<!DOCTYPE html><p>404"), "HTML"},
		{"JSON", []byte(` {"error": "not found"}`), "but JSON"},
		{"text in gzip", sample.Gzip(t, []byte("hello")), "inside gzip: not a tar archive"},
		{"gzip in gzip", sample.Gzip(t, sample.Gzip(t, sample.Tar(t, "a"))), "inside gzip: not a tar archive but gzip"},
		{"zeros in gzip", sample.Gzip(t, make([]byte, 2<<20)), "inside gzip: not an archive: the first 1 MiB is zeros"},
		{"nothing in gzip", sample.Gzip(t, nil), "inside gzip: file is empty"},
		{"a part of a header", whole[:300], "truncated archive at offset 300"},
		{"a cut gzip", sample.Gzip(t, whole)[:200], "gzip: unexpected end"},
		{"ext4", magic(0x438, "\x53\xef", 0x460, "\x40"), "but an ext4 file system image"},
		{"ISO 9660", magic(0x8001, "CD001"), "but an ISO 9660 image"},
		{"btrfs", magic(0x10040, "_BHRfS_M"), "but a btrfs file system image"},
		{"XFS", magic(0, "XFSB"), "but an XFS file system image"},
		{"squashfs", magic(0, "hsqs"), "but a squashfs file system image"},
		{"a disk", magic(510, "\x55\xaa"), "but a disk image with partitions"},
		{"a disk in gzip", sample.Gzip(t, magic(512, "EFI PART")), "inside gzip: not a tar archive but a disk image"},
		{"zip", magic(0, "PK\x03\x04"), "but a zip archive"},
		{"UTF-16", []byte("\xff\xfem\x00a\x00"), "but UTF-16 text"},
		{"git-lfs", []byte("version https://git-lfs.github.com/spec/v1\noid"), "but a git-lfs pointer"},
		{"SIF", magic(0, "#!/usr/bin/env run-singularity\n", 32, "SIF_MAGIC"), "but a Singularity image (SIF)"},
		{"qcow2", magic(0, "QFI\xfb"), "but a qcow2 disk image"},
		{"a greeting", append([]byte("Welcome!\n"), whole...), "but text, and an archive that begins at offset 9"},
		{"a greeting, then gzip", append([]byte("Hi\n"), sample.Gzip(t, whole)...), "begins at offset 3"},
	} {
		for _, how := range []string{"path", "pipe"} {
			if _, err := openAs(t, how, tt.content); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s by %s: got %v, want %q", tt.case_, how, err, tt.want)
			}
		}
	}
}

// magic returns 128 KiB of zeros with bytes at offsets.
func magic(pairs ...any) []byte {
	content := make([]byte, 128<<10)
	for i := 0; i < len(pairs); i += 2 {
		copy(content[pairs[i].(int):], pairs[i+1].(string))
	}
	return content
}

func TestALayerThatIsNotATarIsNamed(t *testing.T) {
	hidden := append(make([]byte, 2048), sample.Tar(t, "evil")...)
	for _, tt := range []struct {
		case_, mediaType string
		content          []byte
		want             string // empty for a tar
	}{
		{"squashfs", "application/vnd.stacker.image.layer.squashfs", magic(0, "hsqs"),
			`not a tar but a squashfs file system image (media type "application/vnd.stacker`},
		{"ext4 under the type of a tar", typeLayer, magic(0x438, "\x53\xef"), "not a tar but an ext2 file system image"},
		{"ext4 without a type", "", magic(0x438, "\x53\xef"), "not a tar but an ext2 file system image"},
		{"ISO 9660 in gzip", typeLayer + "+gzip", sample.Gzip(t, magic(0x8001, "CD001")), "not a tar but an ISO 9660 image"},
		{"nydus", "application/vnd.oci.image.layer.nydus.blob.v1", []byte("chunks of data"),
			`not a tar: its media type is "application/vnd.oci.image.layer.nydus.blob.v1"`},
		{"zeros, then other data", "", hidden, "not a tar: it begins with zeros, and other data follows"},
		{"zeros of an unknown type", "application/x", make([]byte, 1024), `not a tar (media type "application/x")`},
		{"a tar of an unknown type", "application/x", nil, ""},
		{"an empty tar", typeLayer, make([]byte, 10240), ""},
		{"an empty tar without a type", "", make([]byte, 1024), ""},
	} {
		s := sampleOf(t, "a")
		if tt.content != nil {
			s.layers[0] = tt.content
			plain := tt.content
			if strings.HasSuffix(tt.mediaType, "gzip") {
				plain = magic(0x8001, "CD001")
			}
			s.config = strings.Replace(s.config, s.diffIDs[0], sample.Digest(plain), 1)
		}
		l := newLayout()
		l.top(l.image(s, func(m map[string]any) {
			if d := m["layers"].([]any)[0].(map[string]any); tt.mediaType == "" {
				delete(d, "mediaType")
			} else {
				d["mediaType"] = tt.mediaType
			}
		}), "t")
		for _, verify := range []bool{true, false} {
			opt := testOptions(t)
			opt.Verify = verify
			a, err := Open(t.Context(), unpack(t, l.members()...), opt)
			if err != nil {
				t.Fatal(err)
			}
			images, _, err := a.Choose(t.Context(), source.Selection{})
			if err != nil {
				t.Fatal(err)
			}
			_, err = images[0].Layers[0].Scan(t.Context(), source.ScanOptions{})
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%s, verified %v: got %v, want %q", tt.case_, verify, err, tt.want)
			}
			if _, damage := errors.AsType[*source.DamagedError](err); damage && verify {
				t.Errorf("%s: a layer with the right digest is said to be damaged", tt.case_)
			}
			a.Close()
		}
	}
}

func TestADiffIDOfTheCompressedLayerIsTheBuildersMistake(t *testing.T) {
	s := sampleOf(t, "a")
	s.layers[0] = sample.Gzip(t, s.layers[0])
	s.config = strings.Replace(s.config, s.diffIDs[0], sample.Digest(s.layers[0]), 1)
	l := newLayout()
	l.top(l.image(s, nil), "t")
	const want = "the diffID is the digest of the compressed layer, a mistake of its builder"
	if got := refusal(t, unpack(t, l.members()...)); !strings.HasSuffix(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestARefusalIsOneLine(t *testing.T) {
	for _, content := range []string{"", "no archive", strings.Repeat("\x00", 2<<20)} {
		_, err := Open(t.Context(), fileOf(t, "x", []byte(content)), testOptions(t))
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%.10q: got %q", content, err)
		}
	}
}

func TestTruncatedArchivesSayWhere(t *testing.T) {
	members := sampleOf(t, "a", "b").dockerMembers("x:1")
	whole := archiveOf(t, members...)
	manifest := bytes.Index(whole, []byte("manifest.json"))
	for _, tt := range []struct {
		case_ string
		size  int
		want  []string
	}{
		{"before manifest.json", manifest, []string{"manifest.json not found", "truncated"}},
		{"after its header", manifest + 512, []string{"manifest.json: truncated archive"}},
		{"inside it", manifest + 520, []string{"manifest.json: truncated archive"}},
	} {
		got := refusal(t, fileOf(t, "x.tar", whole[:tt.size]))
		for _, want := range tt.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: got %q, want %q", tt.case_, got, want)
			}
		}
	}
	if got := refusal(t, fileOf(t, "x.tar", whole[:len(whole)-1024])); got != "" {
		t.Errorf("without an end mark: %s", got)
	}
}

func TestATruncatedArchiveCostsTheLayersAfterTheCut(t *testing.T) {
	l := newLayout()
	l.top(l.image(sampleOf(t, "a", "b"), nil), "t")
	members := l.members()
	list := append([]member(nil), members[:2]...)
	list = append(list, members[4], members[5], members[2], members[3]) // documents first, then the layers
	whole := archiveOf(t, list...)
	img := one(t, fileOf(t, "x.tar", whole[:bytes.LastIndex(whole, []byte("blobs/"))+600]))
	if _, err := img.Layers[0].Scan(t.Context(), source.ScanOptions{}); err != nil {
		t.Errorf("layer 0: %v", err)
	}
	_, err := img.Layers[1].Scan(t.Context(), source.ScanOptions{})
	if err == nil || !strings.Contains(err.Error(), "truncated archive at offset") {
		t.Errorf("layer 1: got %v", err)
	}
}

func TestARootFileSystemMayHoldNamesOfDocuments(t *testing.T) {
	for _, name := range []string{"manifest.json", "index.json", "repositories", "oci-layout"} {
		content := archiveOf(t, member{name: "etc/passwd", body: "root"},
			member{name: name, body: `{"name":"a web application"}`})
		if a := openFile(t, fileOf(t, "x.tar", content)); a.Kind() != archive.Layer {
			t.Errorf("%s beside etc: got %s", name, a.Kind())
		}
	}
	for _, m := range []member{
		{name: "manifest.json", body: `{"name":"a web application"}`}, {name: "manifest.json", body: `[]`},
		{name: "manifest.json", link: "/app/manifest.json"}, {name: "manifest.json", kind: tar.TypeDir},
		{name: "index.json", body: `{"pages":[]}`}, {name: "repositories", body: "x"},
	} {
		if a := openFile(t, fileOf(t, "x.tar", archiveOf(t, member{name: "app/main"}, m))); a.Kind() != archive.Layer {
			t.Errorf("%s %q beside app: got %s", m.name, m.body, a.Kind())
		}
	}
	for _, m := range []member{{name: "manifest.json", body: "<html>"},
		{name: "manifest.json", body: `[{"Config":"gone"}]`}, {name: "oci-layout"}} {
		if got := refusal(t, fileOf(t, "x.tar", archiveOf(t, member{name: "app/main"}, m))); got == "" {
			t.Errorf("%s %q is read as a layer", m.name, m.body)
		}
	}
	hidden := append(sampleOf(t, "a").dockerMembers("x:1"), member{name: "usr/bin/true"})
	if a := openFile(t, fileOf(t, "x.tar", archiveOf(t, hidden...))); a.Kind() != archive.Docker {
		t.Errorf("an image with a directory usr: got %s", a.Kind())
	}
}

func TestRemainsOfAnArchiveAreNotALayer(t *testing.T) {
	s := sampleOf(t, "a")
	l := newLayout()
	l.top(l.image(s, nil), "t")
	for case_, list := range map[string][]member{
		"docker save": without(s.dockerMembers("x:1"), "manifest.json"),
		"a layout":    without(l.members(), "index.json"),
		"blobs only":  without(without(l.members(), "index.json"), "oci-layout"),
	} {
		if got := refusal(t, fileOf(t, "x.tar", archiveOf(t, list...))); !strings.Contains(got, "manifest.json not found") {
			t.Errorf("%s: got %q", case_, got)
		}
	}
	cut := archiveOf(t, member{name: "blobs/", kind: tar.TypeDir}, member{name: "blobs/sha256/", kind: tar.TypeDir})[:1024]
	if got := refusal(t, fileOf(t, "x.tar", cut)); !strings.Contains(got, "looks truncated at offset 1024") {
		t.Errorf("directories of blobs, then nothing: got %q", got)
	}
}

func TestACompressedLayerKeepsTheDigestOfItsFile(t *testing.T) {
	plain := sample.Tar(t, "a")
	compressed := sample.Gzip(t, plain)
	img := one(t, fileOf(t, "x", compressed))
	l := img.Layers[0]
	outer := l.Content.(*source.Blob).Outer
	if l.Digest != sample.Digest(compressed) || l.Size != int64(len(compressed)) || outer != "gzip" ||
		img.ID != "" || img.Config != nil {
		t.Errorf("got %s of %d bytes in %q, image %q", l.Digest, l.Size, outer, img.ID)
	}
	s, err := l.Scan(t.Context(), source.ScanOptions{})
	if err != nil || s.Compression != "gzip" || s.DiffID != sample.Digest(plain) || s.Digest != sample.Digest(compressed) {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestGarbageAfterTheInputIsAWarning(t *testing.T) {
	docker := sample.Gzip(t, archiveOf(t, sampleOf(t, "a").dockerMembers("x:1")...))
	img := one(t, fileOf(t, "x", append(docker, "garbage"...)))
	if len(img.Warnings) != 1 || img.Warnings[0].Code != source.CompressedTailDamaged {
		t.Errorf("got %v", img.Warnings)
	}
}
