package engineapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"layup/analyze"
)

const (
	idA         = "sha256:aaaa000000000000000000000000000000000000000000000000000000000001"
	idB         = "sha256:aaaa000000000000000000000000000000000000000000000000000000000002"
	idC         = "sha256:cccc000000000000000000000000000000000000000000000000000000000003"
	manifestOfB = "sha256:dddd000000000000000000000000000000000000000000000000000000000004"
)

func sample() *Server {
	size := int64(42)
	doc := func(id, created string, tags []string, labels map[string]string) Image {
		return Image{
			Inspect: &analyze.DockerImage{ID: id, Created: created, RepoTags: tags, RepoDigests: []string{},
				Config: &analyze.DockerConfig{Labels: labels}, Size: &size},
			History: []analyze.DockerHistory{{ID: id, CreatedBy: "COPY <a> & b", Size: &size}},
		}
	}
	a := doc(idA, "2024-01-01T00:00:00Z", []string{"shop:1.2", "shop:latest"}, map[string]string{"tier": "web"})
	b := doc(idB, "2024-01-02T00:00:00Z", []string{"example.org:5000/team/links:latest"}, nil)
	b.Inspect.Descriptor = &analyze.DockerDescriptor{Digest: manifestOfB}
	b.Inspect.RepoDigests = []string{"mirror/links@" + manifestOfB}
	c := doc(idC, "0001-01-01T00:00:00Z", nil, nil)
	c.Inspect.Config, c.Inspect.Size, c.History = nil, nil, nil
	return New([]Image{a, b, c}, "v0")
}

// ask asks the server; the body is its whole answer.
func ask(t *testing.T, method, target string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	sample().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, target, nil))
	return w
}

// message returns what a client prints of a refusal.
func message(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var m map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil || len(m) != 1 || m["message"] == "" {
		t.Errorf("no message: %q: %v", w.Body, err)
	}
	return m["message"]
}

func TestNamesMeanWhatAnEngineMeans(t *testing.T) {
	for name, want := range map[string]string{
		"shop:1.2": idA, "shop": idA, "docker.io/library/shop:1.2": idA, "index.docker.io/shop": idA, "library/shop": idA,
		"example.org:5000/team/links": idB, "example.org:5000/team/links:latest": idB,
		"example.org:5000/team/links@" + manifestOfB: idB, "mirror/links@" + manifestOfB: idB,
		"docker.io/mirror/links@" + manifestOfB: idB, "dddd": idB,
		idA: idA, strings.TrimPrefix(idB, "sha256:"): idB, "c": idC, "sha256:ccc": idC,
		"cccc00000000": idC, manifestOfB: idB,
		"shop:1": "", "sho": "", "team/links": "", "links": "", "Shop": "", "shop@" + manifestOfB: "", "sha256:e": "",
		"sha256:": "", "other/links@" + manifestOfB: "", "CCCC": "", "shop:1.2@sha256:x": "",
	} {
		w := ask(t, "GET", "/v1.41/images/"+url.PathEscape(name)+"/json")
		var doc struct {
			ID string `json:"Id"`
		}
		_ = json.Unmarshal(w.Body.Bytes(), &doc) // a refusal has none
		if doc.ID != want || (w.Code == http.StatusOK) != (want != "") {
			t.Errorf("%s: got %d %s want %s", name, w.Code, doc.ID, want)
		}
		if want == "" && !strings.HasPrefix(message(t, w), "No such image: ") {
			t.Errorf("%s: %s", name, w.Body)
		}
	}
	if w := ask(t, "GET", "/images/aaaa/json"); w.Code != http.StatusBadRequest ||
		!strings.Contains(message(t, w), "ambiguous") {
		t.Errorf("the beginning of two IDs: %d %s", w.Code, w.Body)
	}
	if w := ask(t, "GET", "/images/a%1b%5B2Jb/json"); strings.Contains(w.Body.String(), "\x1b") ||
		strings.Contains(message(t, w), "\x1b") {
		t.Errorf("an escape comes back: %q", w.Body)
	}
}

func TestWhatWritesIsRefused(t *testing.T) {
	for _, c := range []string{"POST /v1.41/images/create?fromImage=x", "POST /images/load", "DELETE /v1.41/images/shop",
		"POST /v1.41/images/shop/tag", "POST /v1.24/containers/create",
		"PUT /containers/x/archive", "PATCH /", "POST /v9.99/x", "POST /_ping", "POST /images/json",
		"DELETE /images/shop:1.2/json", "CONNECT /x", "OPTIONS /images/json", "POST /session", "POST /build"} {
		method, target, _ := strings.Cut(c, " ")
		if w := ask(t, method, target); w.Code != http.StatusMethodNotAllowed ||
			!strings.Contains(message(t, w), "read-only") || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d %s", c, w.Code, w.Body)
		}
	}
}

func TestVersionsOfTheAPI(t *testing.T) {
	for target, want := range map[string]int{
		"/_ping": 200, "/v1.24/_ping": 200, "/v1.49/_ping": 200, "/v1.50/_ping": 400, "/v1.23/_ping": 400,
		"/v1.999/_ping": 400, "/v2.0/_ping": 404, "/v1.x/_ping": 404, "/v1.41": 404, "/": 404, "/v1.41/": 404,
		"/version": 200, "/v1.30/version": 200, "/info": 200, "/images/json": 200, "/images//json": 404, "/images/shop": 404,
		"/images/shop/history": 200, "/images/get?names=shop": 404, "/containers/shop/json": 404, "/v1.41/events": 404,
	} {
		for _, method := range []string{"GET", "HEAD"} {
			if w := ask(t, method, target); w.Code != want || w.Header().Get("Api-Version") != "1.49" ||
				w.Header().Get("Ostype") != "linux" {
				t.Errorf("%s %s: got %d want %d, %v", method, target, w.Code, want, w.Header())
			}
		}
	}
	if get, head := ask(t, "GET", "/_ping"), ask(t, "HEAD", "/_ping"); get.Body.String() != "OK" || head.Body.Len() > 0 ||
		head.Header().Get("Content-Length") != "2" {
		t.Errorf("ping: %q and %q", get.Body, head.Body)
	}
}

func TestListIsNewestFirstAndFiltered(t *testing.T) {
	for filters, want := range map[string][]string{
		"": {idB, idA, idC}, "{}": {idB, idA, idC},
		`{"reference":{"shop":true}}`: {idA}, `{"reference":{"sh*:1*":true}}`: {idA}, `{"reference":["shop:1.2"]}`: {idA},
		`{"reference":{"*/*/links":true,"shop":true}}`: {idB, idA}, `{"reference":{"nope":true}}`: {},
		`{"reference":{"mirror/links":true}}`: {idB},
		`{"dangling":{"true":true}}`:          {idC}, `{"dangling":{"0":true}}`: {idB, idA},
		`{"label":{"tier=web":true}}`: {idA},
		`{"label":{"tier":true}}`:     {idA}, `{"label":{"tier=db":true}}`: {}, `{"label":{"tier":true,"other":true}}`: {},
		`{"before":{"example.org:5000/team/links":true}}`: {idA, idC}, `{"since":{"shop":true}}`: {idB},
		`{"reference":{"shop":false}}`: {idB, idA, idC},
	} {
		w := ask(t, "GET", "/images/json?filters="+url.QueryEscape(filters))
		var list []summary
		if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil {
			t.Errorf("%s: %d %s", filters, w.Code, w.Body)
		}
		got := []string{}
		for _, sum := range list {
			got = append(got, sum.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v want %v", filters, got, want)
		}
	}
	for _, filters := range []string{"{", "[]", `{"foo":{"x":true}}`, `{"dangling":{"x":true}}`, `{"since":{"nope":true}}`,
		`{"reference":{"[":true}}`, `"x"`} {
		if w := ask(t, "GET", "/images/json?filters="+url.QueryEscape(filters)); w.Code != http.StatusBadRequest ||
			message(t, w) == "" {
			t.Errorf("%s: %d %s", filters, w.Code, w.Body)
		}
	}
	w := ask(t, "GET", `/images/json?filters={"reference":{"shop:1.2":true}}`)
	if !strings.Contains(w.Body.String(), `"RepoTags":["shop:1.2"]`) {
		t.Errorf("names that were not asked for are listed: %s", w.Body)
	}
}

func TestImagesWithoutNamesAreNamedNoneForOldClients(t *testing.T) {
	for target, want := range map[string]string{
		"/v1.41/images/json": `"RepoTags":["<none>:<none>"],"SharedSize":-1,"Size":0,"VirtualSize":0`,
		"/v1.49/images/json": `"RepoTags":[],"SharedSize":-1,"Size":0}`,
	} {
		if w := ask(t, "GET", target); !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %s", target, w.Body)
		}
	}
}

func TestHistoryIsAList(t *testing.T) {
	if w := ask(t, "GET", "/images/c/history"); w.Body.String() != "[]\n" {
		t.Errorf("no history: %s", w.Body)
	}
	if w := ask(t, "GET", "/images/shop/history"); !strings.Contains(w.Body.String(), `"CreatedBy":"COPY <a> & b"`) {
		t.Errorf("history: %s", w.Body)
	}
}
