package kinds

import (
	"strings"
	"testing"

	"layup/analyze/source"
	"layup/fixtures/sample"
)

func TestOneOfSeveralImagesIsChosenByName(t *testing.T) {
	name := several(t)
	all := "--image shop:1.2, --image docker.io/library/tool:2, --image @2"
	id := sample.Digest([]byte(sampleOf(t, "b").config))
	for _, tt := range []struct{ ref, want, flags string }{
		{"shop:1.2", "a", ""},
		{"shop:latest", "a", ""},
		{"shop", "a", ""},
		{"docker.io/library/shop:1.2", "a", ""},
		{"tool:2", "b", ""},
		{"library/tool:2", "b", ""},
		{"@0", "a", ""},
		{"@2", "c", ""},
		{id, "b", ""},
		{id[7:], "b", ""},
		{id[7:19], "b", ""},
		{id[:19], "b", ""},
		{id[7:10], "", all},
		{"", "", all},
		{"tool", "", all},
		{"@3", "", all},
		{"@-1", "", all},
		{"@x", "", all},
		{"ool:2", "", all},
	} {
		images, note, err := openFile(t, name).Choose(t.Context(), source.Selection{Image: tt.ref})
		if tt.want == "" {
			if got := flags(err); got != tt.flags {
				t.Errorf("%q: got %v with %q, want %q", tt.ref, err, got, tt.flags)
			}
			continue
		}
		if err != nil || len(images) != 1 || files(t, images[0]) != tt.want || note != "" {
			t.Errorf("%q: got %v, note %q", tt.ref, err, note)
		}
	}
}

func TestReferencesEndInTheNameThatChoosesThem(t *testing.T) {
	l := newLayout()
	l.top(l.image(sampleOf(t, "a"), nil), "localhost/shop:1.2").top(l.image(sampleOf(t, "b"), nil), "localhost/tool")
	l.top(l.image(sampleOf(t, "c"), nil), "example.com/sub/shop:1.2").top(l.image(sampleOf(t, "d"), nil), "shop:3")
	a := openFile(t, unpack(t, l.members()...))
	for _, tt := range []struct{ ref, want, shown, flags string }{
		{"localhost/shop:1.2", "a", "localhost/shop:1.2", ""},
		{"tool", "b", "localhost/tool", ""},
		{"tool:latest", "b", "localhost/tool", ""},
		{"sub/shop:1.2", "c", "example.com/sub/shop:1.2", ""},
		{"shop:3", "d", "shop:3", ""},
		{"shop:1.2", "", "", "--image localhost/shop:1.2, --image example.com/sub/shop:1.2"},
	} {
		images, _, err := a.Choose(t.Context(), source.Selection{Image: tt.ref})
		if tt.want == "" {
			if got := flags(err); got != tt.flags {
				t.Errorf("%s: got %v with %q, want %q", tt.ref, err, got, tt.flags)
			}
			continue
		}
		if err != nil || files(t, images[0]) != tt.want || images[0].Reference != tt.shown {
			t.Errorf("%s: got %v, %v", tt.ref, images, err)
		}
	}
}

func TestTheNameMayHoldTheChoice(t *testing.T) {
	path := several(t)
	for name, want := range map[string]string{
		"docker-archive:" + path + ":shop":     "a",
		"docker-archive:" + path + ":shop:1.2": "a",
		"docker-archive:" + path + ":@1":       "b",
		"docker-archive:" + path + "@1":        "b",
	} {
		if got := files(t, one(t, name)); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestReferenceIsTheOneAskedFor(t *testing.T) {
	images, _, err := openFile(t, several(t)).Choose(t.Context(), source.Selection{Image: "shop:latest"})
	if err != nil || images[0].Reference != "shop:latest" || len(images[0].References) != 2 {
		t.Errorf("got %v", err)
	}
}

func TestTwoManifestsOfOneReferenceAreAmbiguous(t *testing.T) {
	l := newLayout()
	l.top(l.image(sampleOf(t, "a"), nil), "t").top(l.image(sampleOf(t, "b"), nil), "t")
	a := openFile(t, unpack(t, l.members()...))
	for _, ref := range []string{"", "t"} {
		_, _, err := a.Choose(t.Context(), source.Selection{Image: ref})
		const want = `reference "t" is ambiguous (2 manifests)`
		if err == nil || !strings.Contains(err.Error(), want) || flags(err) != "--image @0, --image @1" {
			t.Errorf("%q: got %v with %q", ref, err, flags(err))
		}
	}
	if images, _, err := a.Choose(t.Context(), source.Selection{Image: "@1"}); err != nil || files(t, images[0]) != "b" {
		t.Errorf("@1: %v", err)
	}
}
