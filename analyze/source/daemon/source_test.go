package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"layup/analyze/source"
	"layup/analyze/source/document"
	"layup/fixtures"
)

// shop is an image as docker save writes it.
func shop(t *testing.T) []byte {
	t.Helper()
	img, err := fixtures.Load("myfile")
	if err != nil {
		t.Fatal(err)
	}
	saved, err := fixtures.Packing{Format: fixtures.Docker25}.Pack(img)
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

// serving makes an engine with one image, and lets Open find the engine.
func serving(t *testing.T, saved []byte) {
	t.Helper()
	asked(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/images/shop:1/get":
			_, _ = w.Write(saved)
		case "/images/json":
			_ = json.NewEncoder(w).Encode([]map[string]any{
				{"Id": "sha256:ab", "RepoTags": []string{"shop:1", "shop:2"}, "Created": 5, "Size": 7},
				{"Id": "sha256:cd", "RepoTags": []string{"<none>:<none>"}},
			})
		default:
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"message":"No such image"}`)
		}
	})
	t.Setenv("DOCKER_HOST", "unix://s")
}

func options(t *testing.T) *source.Options {
	return &source.Options{Verify: true, Limits: document.DefaultLimits(), TempDir: t.TempDir()}
}

func TestASavedImageIsReadAsAnArchive(t *testing.T) {
	serving(t, shop(t))
	opt, read := options(t), int64(0)
	opt.Reading = func(n int64) { read = n }
	s, err := Open(t.Context(), "docker-daemon:shop:1", "shop:1", false, opt)
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(len(shop(t))); read != want {
		t.Errorf("%d bytes were reported, want %d", read, want)
	}
	images, _, err := source.Choose(t.Context(), s, source.Selection{})
	if err != nil {
		t.Fatal(err)
	}
	img := images[0]
	if img.Source != Kind || s.Kind() != Kind || img.Name != "docker-daemon:shop:1" || img.Verified != "full" {
		t.Errorf("got source %s, name %s, verified %s", img.Source, img.Name, img.Verified)
	}
	for _, l := range img.Layers {
		if _, err := l.Scan(t.Context(), source.ScanOptions{}); err != nil {
			t.Errorf("layer %d: %v", l.Index, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestAnEngineWithoutAnImagesNameIsAList(t *testing.T) {
	serving(t, nil)
	s, err := Open(t.Context(), "docker-daemon:", "", true, options(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	list, err := source.List(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range list {
		got = append(got, fmt.Sprintf("%s %s %d %s", l.Reference, l.Digest, l.Size, l.Created))
	}
	const want = "shop:1 sha256:ab 7 1970-01-01T00:00:05Z,shop:2 sha256:ab 7 1970-01-01T00:00:05Z, sha256:cd 0 "
	if strings.Join(got, ",") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := Open(t.Context(), "docker-daemon:", "", false, options(t)); !errors.Is(err, errNoImage) {
		t.Errorf("an engine as an image: got %v", err)
	}
}

func TestWhatIsNotAnImageIsRefused(t *testing.T) {
	saved := shop(t)
	for _, tt := range []struct {
		say   string
		saved []byte
		most  int64
		want  string
	}{
		{"nothing", nil, 0, "file is empty"},
		{"an error after the beginning",
			append(saved[:len(saved)/2:len(saved)/2], `{"error":"disk full"}`...), 0, "truncated"},
		{"too much", saved, 1000, "image-bytes"},
	} {
		serving(t, tt.saved)
		opt := options(t)
		opt.Limits.ImageBytes = tt.most
		s, err := Open(t.Context(), "docker-daemon:shop:1", "shop:1", false, opt)
		if err == nil {
			_, _, err = source.Choose(t.Context(), s, source.Selection{})
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.say, err, tt.want)
		}
		if left, _ := os.ReadDir(opt.TempDir); len(left) > 0 {
			t.Errorf("%s: %s is left", tt.say, left[0].Name())
		}
	}
}
