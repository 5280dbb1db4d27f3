package kinds

import (
	"errors"
	"strings"
	"testing"

	"layup/analyze/source"
	"layup/analyze/source/archive"
	"layup/analyze/source/document"
	"layup/fixtures/sample"
	"layup/tarfs"
)

// edited returns a layout of one image, "t", whose manifest was changed.
func edited(t *testing.T, edit func(manifest map[string]any)) *layout {
	l := newLayout()
	return l.top(l.image(sampleOf(t, "a", "b"), edit), "t")
}

// ofLayer changes the descriptor of the second layer.
func ofLayer(edit func(desc map[string]any)) func(manifest map[string]any) {
	return func(m map[string]any) { edit(m["layers"].([]any)[1].(map[string]any)) }
}

func TestALayoutReadsAlikeAsDirectoryAndTar(t *testing.T) {
	s := sampleOf(t, "a", "b")
	l := newLayout()
	l.top(l.image(s, nil), "t")
	for kind, name := range map[string]string{
		archive.OCI: unpack(t, l.members()...), archive.OCIArchive: fileOf(t, "x", archiveOf(t, l.members()...)),
	} {
		img := one(t, name)
		if got := files(t, img); got != "a b" || img.Source != kind || img.Reference != "t" ||
			img.ID != sample.Digest([]byte(s.config)) {
			t.Errorf("%s: got %q, %s, %s, %s", kind, got, img.Source, img.Reference, img.ID)
		}
		if string(img.Config) != s.config || sample.Digest(img.Manifest) != l.tops[0]["digest"] {
			t.Errorf("%s: config or manifest are not as stored", kind)
		}
		if l := img.Layers[0]; l.MediaType != typeLayer || l.Digest != s.diffIDs[0] || l.Size != int64(len(s.layers[0])) {
			t.Errorf("%s: got %s, %s, %d", kind, l.MediaType, l.Digest, l.Size)
		}
	}
}

func TestLayersThatCannotBeReadSayWhy(t *testing.T) {
	for _, tt := range []struct {
		case_ string
		edit  func(desc map[string]any)
		want  string
	}{
		{"a digest that climbs", func(d map[string]any) { d["digest"] = "../../../etc:passwd" },
			`bad digest "../../../etc:passwd"`},
		{"a short digest", func(d map[string]any) { d["digest"] = "sha256:abcd" }, `bad digest "sha256:abcd"`},
		{"an upper-case digest", func(d map[string]any) { d["digest"] = strings.ToUpper(d["digest"].(string)) },
			`bad digest "SHA256:`},
		{"an empty digest", func(d map[string]any) { d["digest"] = "" }, `bad digest ""`},
		{"no digest", func(d map[string]any) { delete(d, "digest") }, `bad digest ""`},
		{"md5", func(d map[string]any) { d["digest"] = "md5:d41d8cd98f00b204e9800998ecf8427e" }, `bad digest "md5:`},
		{"a number as digest", func(d map[string]any) { d["digest"] = 1 }, "digest: want a string, found number"},
		{"a smaller size", func(d map[string]any) { d["size"] = 10 }, "size"},
		{"a larger size", func(d map[string]any) { d["size"] = 1 << 40 }, "size"},
		{"a negative size", func(d map[string]any) { d["size"] = -1 }, `size: want a whole number from 0, found -1`},
		{"half a byte", func(d map[string]any) { d["size"] = 1.5 }, "size: want a whole number"},
		{"a size in quotes", func(d map[string]any) { d["size"] = "12" }, "size: want a whole number"},
		{"no size", func(d map[string]any) { delete(d, "size") }, "size: is missing"},
		{"a missing blob", func(d map[string]any) { d["digest"] = sample.Digest([]byte("gone")) }, "not in the layout"},
		{"encryption", func(d map[string]any) { d["mediaType"] = typeLayer + "+gzip+encrypted" }, "is encrypted"},
		{"other embedded data", func(d map[string]any) { d["data"] = []byte("hello") }, "embedded data"},
		{"data that is not base64", func(d map[string]any) { d["data"] = "?" }, "base64"},
		{"a foreign layer", func(d map[string]any) {
			d["digest"] = sample.Digest([]byte("gone"))
			d["mediaType"] = "application/vnd.oci.image.layer.nondistributable.v1.tar"
		}, "is a foreign layer"},
		{"a layer elsewhere", func(d map[string]any) {
			d["digest"], d["urls"] = sample.Digest([]byte("gone")), []string{"http://127.0.0.1:9/"}
		}, "is a foreign layer"},
	} {
		l := edited(t, ofLayer(tt.edit))
		for _, name := range []string{unpack(t, l.members()...), fileOf(t, "x", archiveOf(t, l.members()...))} {
			if got := refusal(t, name); !strings.HasPrefix(got, "layer 1: ") || !strings.Contains(got, tt.want) {
				t.Errorf("%s: got %q, want %q", tt.case_, got, tt.want)
			}
		}
	}
	null := edited(t, func(m map[string]any) { m["layers"].([]any)[1] = nil })
	if got := refusal(t, unpack(t, null.members()...)); !strings.HasPrefix(got, "layer 1: null") {
		t.Errorf("null: got %q", got)
	}
}

func TestEmbeddedDocumentsAreRead(t *testing.T) {
	s := sampleOf(t, "a", "b")
	l := edited(t, func(m map[string]any) { m["config"].(map[string]any)["data"] = []byte(s.config) })
	delete(l.blobs, sample.Digest([]byte(s.config)))
	manifest := l.tops[0]["digest"].(string)
	l.tops[0]["data"] = []byte(l.blobs[manifest])
	delete(l.blobs, manifest)
	if got := files(t, one(t, unpack(t, l.members()...))); got != "a b" {
		t.Errorf("got %q", got)
	}
	l.tops[0]["data"] = append(l.tops[0]["data"].([]byte), ' ')
	if got := refusal(t, unpack(t, l.members()...)); !strings.Contains(got, "does not match") {
		t.Errorf("of other bytes: got %q", got)
	}
}

// Source: containerd, client/image.go: getLayers ignores such descriptors; containerd 1.6 refuses the image.
func TestDescriptorsAfterTheLayersAreIgnored(t *testing.T) {
	for mediaType, ignored := range map[string]bool{"application/spdx+json": true, typeLayer: false, "": false} {
		l := newLayout()
		extra := map[string]any{"digest": sample.Digest([]byte("{}")), "size": 2}
		if mediaType != "" {
			extra["mediaType"] = mediaType
		}
		l.blob("", []byte("{}"))
		l.top(l.image(sampleOf(t, "a", "b"), func(m map[string]any) {
			m["layers"] = append(m["layers"].([]any), extra)
		}), "t")
		name := unpack(t, l.members()...)
		if !ignored {
			if got := refusal(t, name); !strings.Contains(got, "3 layers but 2 diff_ids") {
				t.Errorf("%q: got %q", mediaType, got)
			}
			continue
		}
		img := one(t, name)
		if got := files(t, img); got != "a b" || len(img.Warnings) != 1 ||
			img.Warnings[0].Code != source.DescriptorsAfterLayers {
			t.Errorf("%q: got %q with %v", mediaType, got, img.Warnings)
		}
	}
}

func TestOddLayersAreRead(t *testing.T) {
	s := sampleOf(t, "a", "b")
	for case_, edit := range map[string]func(d map[string]any){
		"URLs beside the blob": func(d map[string]any) { d["urls"] = []string{"http://127.0.0.1:9/"} },
		"foreign, but here": func(d map[string]any) {
			d["mediaType"] = "application/vnd.docker.image.rootfs.foreign.diff.tar"
		},
		"embedded data": func(d map[string]any) { d["data"] = s.layers[1] },
		"no media type": func(d map[string]any) { delete(d, "mediaType") },
	} {
		if got := files(t, one(t, unpack(t, edited(t, ofLayer(edit)).members()...))); got != "a b" {
			t.Errorf("%s: got %q", case_, got)
		}
	}
	only := edited(t, ofLayer(func(d map[string]any) { d["data"] = s.layers[1] }))
	delete(only.blobs, s.diffIDs[1])
	if got := files(t, one(t, unpack(t, only.members()...))); got != "a b" {
		t.Errorf("embedded data without a blob: got %q", got)
	}
}

func TestBrokenDocumentsOfALayoutAreNamed(t *testing.T) {
	missing := func(digest string) func(l *layout) { return func(l *layout) { delete(l.blobs, digest) } }
	s := sampleOf(t, "a", "b")
	for _, tt := range []struct {
		case_ string
		edit  func(m map[string]any)
		after func(l *layout)
		want  string
	}{
		{"no config", nil, missing(sample.Digest([]byte(s.config))), "config sha256:"},
		{"no manifest", nil, func(l *layout) { delete(l.blobs, l.tops[0]["digest"].(string)) }, "manifest sha256:"},
		{"a config of other bytes", nil, func(l *layout) {
			l.blobs[sample.Digest([]byte(s.config))] = strings.ToUpper(s.config)
		}, "does not match its digest"},
		{"a cut config", nil, func(l *layout) { l.blobs[sample.Digest([]byte(s.config))] = s.config[:9] }, "size: want"},
		{"a manifest of other bytes", nil, func(l *layout) {
			d := l.tops[0]["digest"].(string)
			l.blobs[d] = strings.Replace(l.blobs[d], "layer.v1.tar", "layer.v2.tar", 1)
		}, "does not match its digest"},
		{"layers null", func(m map[string]any) { m["layers"] = nil }, nil, "0 layers but 2 diff_ids"},
		{"layers a string", func(m map[string]any) { m["layers"] = "x" }, nil, "layers: want a list, found string"},
		{"no config in the manifest", func(m map[string]any) { delete(m, "config") }, nil, "config: null"},
		{"both in one", func(m map[string]any) { m["manifests"] = []any{map[string]any{}} }, nil,
			"both an index and a manifest"},
		{"a manifest that calls itself index", func(m map[string]any) { m["mediaType"] = typeIndex }, nil,
			"not a manifest: mediaType differs"},
		{"schema 1", func(m map[string]any) { m["schemaVersion"] = 1 }, nil, "schemaVersion"},
		{"an index under a manifest's type", nil, func(l *layout) {
			d := l.index(l.tops[0])
			d["mediaType"] = typeManifest
			l.tops = nil
			l.top(d, "t")
		}, "not a manifest"},
		{"an index without a type", nil, func(l *layout) {
			d := l.blob(typeManifest, []byte(asJSON(map[string]any{"schemaVersion": 2, "manifests": l.tops})))
			l.tops = nil
			l.top(d, "t")
		}, "not a manifest: it has the fields of the other"},
		{"an unknown type", nil, func(l *layout) { l.tops[0]["mediaType"] = "application/x" }, `media type "application/x"`},
		{"schema 1 by its type", nil, func(l *layout) {
			l.tops[0]["mediaType"] = "application/vnd.docker.distribution.manifest.v1+prettyjws"
		}, "schema 1"},
		{"an empty index", nil, func(l *layout) { l.tops = nil }, "index.json: lists no image"},
		{"an empty index below", nil, func(l *layout) { d := l.index(); l.tops = nil; l.top(d, "t") }, "lists no image"},
		{"a bad digest in index.json", nil, func(l *layout) { l.tops[0]["digest"] = "sha256:x" },
			"index.json: manifests[0]: bad digest"},
	} {
		l := edited(t, tt.edit)
		if tt.after != nil {
			tt.after(l)
		}
		for _, name := range []string{unpack(t, l.members()...), fileOf(t, "x", archiveOf(t, l.members()...))} {
			if got := refusal(t, name); !strings.Contains(got, tt.want) {
				t.Errorf("%s: got %q, want %q", tt.case_, got, tt.want)
			}
		}
	}
}

func TestLayoutVersion(t *testing.T) {
	list := edited(t, nil).members()
	for body, want := range map[string]string{
		`{"imageLayoutVersion":"1.0.0"}`: "",
		`{"imageLayoutVersion":"1.1.0"}`: "",
		`{"imageLayoutVersion":"9.9.9"}`: `imageLayoutVersion "9.9.9" is not supported`,
		`{}`:                             `imageLayoutVersion "" is not supported`,
		`x`:                              "oci-layout: not JSON",
	} {
		got := refusal(t, unpack(t, replaced(list, "oci-layout", func(m *member) { m.body = body })...))
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
	if got := refusal(t, unpack(t, without(list, "oci-layout")...)); got != "" {
		t.Errorf("without oci-layout: %s", got)
	}
}

func TestIndexesAreBounded(t *testing.T) {
	s := sampleOf(t, "a")
	deep := newLayout()
	d := deep.image(s, nil)
	for range 8 {
		d = deep.index(d)
	}
	deep.top(d, "t")
	if got := refusal(t, unpack(t, deep.members()...)); got != "" {
		t.Errorf("8 indexes: %s", got)
	}
	deeper := deep
	deeper.tops = nil
	deeper.top(deeper.index(d), "t")
	wide := newLayout()
	d = wide.image(s, nil)
	for range 5 {
		d = wide.index(d, d, d, d, d, d, d, d)
	}
	wide.top(d, "t")
	for name, tt := range map[string]struct {
		l   *layout
		set func(l *document.Limits)
	}{
		document.LimitIndexDepth:  {deeper, func(*document.Limits) {}},
		document.LimitDescriptors: {wide, func(l *document.Limits) { l.Descriptors = 30 }},
	} {
		opt := testOptions(t)
		tt.set(&opt.Limits)
		_, err := Open(t.Context(), unpack(t, tt.l.members()...), opt)
		if limit, ok := errors.AsType[*tarfs.LimitError](err); !ok || limit.Name != name {
			t.Errorf("%s: got %v", name, err)
		}
	}
	a := openFile(t, unpack(t, wide.members()...))
	if n := len(a.Entries()); n > 8*5+1 {
		t.Errorf("an index of itself eight times, five deep, gives %d images", n)
	}
}

func TestManifestOrderYieldsToTheConfigsForPlainLayers(t *testing.T) {
	swap := func(m map[string]any) {
		l := m["layers"].([]any)
		l[0], l[1] = l[1], l[0]
	}
	img := one(t, unpack(t, edited(t, swap).members()...))
	if got := files(t, img); got != "a b" || len(img.Warnings) != 1 || img.Warnings[0].Code != source.LayersOutOfOrder {
		t.Errorf("got %q, %v", got, img.Warnings)
	}
	s := sampleOf(t, "a", "b")
	plain := s.layers
	s.layers = [][]byte{sample.Gzip(t, plain[1]), sample.Gzip(t, plain[0])}
	l := newLayout()
	l.top(l.image(s, nil), "t")
	const want = "layer 0: content does not match its diffID"
	if got := refusal(t, unpack(t, l.members()...)); !strings.HasPrefix(got, want) {
		t.Errorf("compressed: got %q", got)
	}
}
