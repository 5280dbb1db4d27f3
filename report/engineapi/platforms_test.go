package engineapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"layup/analyze"
	"layup/analyze/source/document"
)

const index = "sha256:eeee000000000000000000000000000000000000000000000000000000000005"

// platforms is a server of an index with two platforms, of which the second has the tag, and of an image without an
// index.
func platforms() *Server {
	size := int64(10)
	image := func(id, digest, arch, variant string, tags ...string) Image {
		return Image{Index: index, Stored: 5, Platform: document.Platform{OS: "linux", Architecture: arch, Variant: variant},
			Inspect: &analyze.DockerImage{ID: id, RepoTags: tags, RepoDigests: []string{}, Architecture: arch, Size: &size,
				Descriptor: &analyze.DockerDescriptor{MediaType: "m", Digest: digest, Size: 1}},
			History: []analyze.DockerHistory{{ID: id}}}
	}
	list := []Image{
		image(idA, manifestOfB, "arm64", "v8"),
		image(idB, strings.Replace(manifestOfB, "d", "f", 1), "amd64", "", "multi:latest"),
		image(idC, "", "s390x", "", "single:latest"),
	}
	list[2].Index, list[2].Inspect.Descriptor = "", nil
	return New(list, "v0")
}

// answerTo is the answer of that server.
func answerTo(t *testing.T, target string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	platforms().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil))
	return w
}

func TestPlatformIsChosenByTheClient(t *testing.T) {
	for _, c := range []struct{ target, platform, want string }{
		{"/v1.49/images/multi/json", "", idB},
		{"/v1.49/images/multi/json", `{"os":"linux","architecture":"arm64"}`, idA},
		{"/v1.49/images/multi/json", `{"os":"linux","architecture":"arm64","variant":"v8"}`, idA},
		{"/v1.49/images/multi/json", `{"os":"linux","architecture":"amd64"}`, idB},
		{"/v1.49/images/" + index + "/json", `{"os":"linux","architecture":"arm64"}`, idA},
		{"/v1.49/images/eeee/json", "", idB},
		{"/v1.48/images/multi/json", `{"os":"linux","architecture":"arm64"}`, idB}, // not known yet
		{"/v1.48/images/multi/history", `{"os":"linux","architecture":"arm64"}`, idA},
		{"/v1.47/images/multi/history", `{"os":"linux","architecture":"arm64"}`, idB},
		{"/v1.49/images/single/history", `{"os":"linux","architecture":"s390x"}`, idC},
	} {
		w := answerTo(t, c.target+"?platform="+url.QueryEscape(c.platform))
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"Id":"`+c.want+`"`) {
			t.Errorf("%s %s: %d %s, want %s", c.target, c.platform, w.Code, w.Body, c.want)
		}
	}
	for platform, want := range map[string]int{`{"os":"linux","architecture":"riscv64"}`: http.StatusNotFound,
		"linux/arm64": http.StatusBadRequest, "{}": http.StatusBadRequest} {
		w := answerTo(t, "/v1.49/images/multi/json?platform="+url.QueryEscape(platform))
		if w.Code != want || message(t, w) == "" {
			t.Errorf("%s: %d %s, want %d", platform, w.Code, w.Body, want)
		}
	}
}

func TestListHasTheManifestsOfAnIndexIfTheClientAsks(t *testing.T) {
	for target, want := range map[string]int{"/v1.49/images/json": 3, "/v1.49/images/json?manifests=1": 2,
		"/v1.46/images/json?manifests=1": 3} {
		var list []summary
		if w := answerTo(t, target); json.Unmarshal(w.Body.Bytes(), &list) != nil || len(list) != want {
			t.Errorf("%s: %s", target, w.Body)
		}
	}
	var list []summary
	if err := json.Unmarshal(answerTo(t, "/v1.49/images/json?manifests=1").Body.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	multi, single := list[0], list[1]
	if multi.ID != index || len(multi.Manifests) != 2 || multi.Size != 30 || multi.RepoTags[0] != "multi:latest" {
		t.Errorf("index: %+v", multi)
	}
	if m := multi.Manifests[0]; m.ID != manifestOfB || !m.Available || m.Kind != "image" || m.Size.Content != 5 ||
		m.Size.Total != 15 || m.ImageData.Size.Unpacked != 10 || m.ImageData.Platform.Architecture != "arm64" {
		t.Errorf("manifest: %+v", m)
	}
	if single.ID != idC || len(single.Manifests) != 0 || single.Size != 10 {
		t.Errorf("without an index: %+v", single)
	}
	w := answerTo(t, "/v1.49/images/multi/json?manifests=1")
	if !strings.Contains(w.Body.String(), `"Manifests":[{"ID":"`+manifestOfB+`"`) {
		t.Errorf("inspect: %s", w.Body)
	}
}
