package daemon

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"layup/analyze/digest"
	"layup/analyze/source/advice"
)

// asked returns a client of an engine that answers as f does. The socket's name is short, as systems limit its length.
func asked(t *testing.T, f http.HandlerFunc) *Client {
	t.Helper()
	t.Chdir(t.TempDir())
	l, err := net.Listen("unix", "s")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(f)
	server.Listener = l
	server.Start()
	t.Cleanup(server.Close)
	return client(t, "DOCKER_HOST", "unix://s")
}

// client returns a client in an environment of names and values.
func client(t *testing.T, environment ...string) *Client {
	t.Helper()
	c, err := New(env(environment...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestAnImageIsSavedByItsName(t *testing.T) {
	c := asked(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Method+" "+r.URL.Path) })
	for _, ref := range []string{"shop", "localhost:5000/team/shop:1.2", "sha256:" + strings.Repeat("a", 64)} {
		body, err := c.Save(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(body)
		if want := "GET /images/" + ref + "/get"; err != nil || string(got) != want || body.Close() != nil {
			t.Errorf("%s: got %q, %v, want %q", ref, got, err, want)
		}
	}
	for _, ref := range []string{"", "..", "../info", "a/../../info", "/info", "a b", "a\n", "a//b"} {
		if _, err := c.Save(t.Context(), ref); err == nil {
			t.Errorf("%q: was asked for", ref)
		}
	}
}

func TestImagesAreListed(t *testing.T) {
	c := asked(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, `[{"Id":"sha256:ab","RepoTags":["shop:1"],"Created":5,"Size":7},`+
			`{"Id":"sha256:cd","RepoTags":null}]`)
	})
	list, err := c.Images(t.Context())
	if err != nil || len(list) != 2 || list[0].ID != "sha256:ab" || list[0].RepoTags[0] != "shop:1" || list[0].Size != 7 {
		t.Errorf("got %v, %v", list, err)
	}
}

func TestWhatAnEngineRefusesIsSaid(t *testing.T) {
	for _, tt := range []struct {
		say    string
		answer http.HandlerFunc
		want   string
	}{
		{"no such image", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusNotFound)
			io.WriteString(w, `{"message":"No such image: shop"}`)
		}, "engine at s: status 404: it says \"No such image: shop\""},
		{"an error", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			io.WriteString(w, `{"message":"disk full\u001b[31m"}`)
		}, "engine at s: status 500: it says \"disk full\\x1b[31m\""},
		{"not an engine", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusTeapot)
			io.WriteString(w, "<html>")
		}, "engine at s: status 418"},
		{"a redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://example.com/", http.StatusFound)
		}, "engine at s: status 302"},
	} {
		c := asked(t, tt.answer)
		_, err := c.Save(t.Context(), "shop")
		if err == nil || err.Error() != tt.want || errors.Is(err, advice.ErrNoImage) != (tt.say == "no such image") {
			t.Errorf("%s: got %v, want %s", tt.say, err, tt.want)
		}
	}
}

func TestAnAnswerThatEndsEarlyIsAnError(t *testing.T) {
	c := asked(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	body, err := c.Save(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	const want = "engine at s: its answer ended after 4 bytes: unexpected EOF"
	if _, err := io.ReadAll(body); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestWhoCannotBeReachedIsSaid(t *testing.T) {
	t.Chdir(t.TempDir())
	c := client(t, "DOCKER_HOST", "unix://none")
	_, err := c.Images(t.Context())
	hinted, ok := errors.AsType[*advice.Hinted](err)
	if !ok || err.Error() != "engine at none: no such file or directory" || !strings.Contains(hinted.Hint, "DOCKER_HOST") {
		t.Errorf("got %v", err)
	}
	for _, host := range []string{"tcp://127.0.0.1:2375", "ssh://host", "unix://", "/run/docker.sock"} {
		if _, err := New(env("DOCKER_HOST", host)); err == nil || !strings.Contains(err.Error(), "only unix://PATH") {
			t.Errorf("%s: got %v", host, err)
		}
	}
}

func TestTheSocketIsFoundAsDockerFindsIt(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, v any) {
		text, err := json.Marshal(v)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	type object = map[string]any
	meta := func(name string) string {
		return filepath.Join("contexts", "meta", digest.Hex(digest.Of([]byte(name))), "meta.json")
	}
	write(meta("lab"), object{"Name": "lab", "Endpoints": object{"docker": object{"Host": "unix:///lab.sock"}}})
	write(meta("far"), object{"Name": "far", "Endpoints": object{"docker": object{"Host": "ssh://far"}}})
	for _, tt := range []struct{ current, environment, want string }{
		{"", "", "/var/run/docker.sock"},
		{"default", "", "/var/run/docker.sock"},
		{"lab", "", "/lab.sock"},
		{"lab", "DOCKER_HOST=unix:///other.sock", "/other.sock"},
		{"lab", "DOCKER_CONTEXT=default", "/var/run/docker.sock"},
		{"", "DOCKER_CONTEXT=lab", "/lab.sock"},
		{"far", "", `error: the engine's address "ssh://far" is not a Unix socket: only unix://PATH is supported`},
		{"gone", "", `error: there is no Docker context "gone"`},
	} {
		write("config.json", object{"currentContext": tt.current})
		name, value, _ := strings.Cut(tt.environment, "=")
		got := ""
		c, err := New(env("DOCKER_CONFIG", dir, name, value))
		if err != nil {
			got = "error: " + err.Error()
		} else {
			got = c.socket
		}
		if got != tt.want {
			t.Errorf("context %q, %s: got %s, want %s", tt.current, tt.environment, got, tt.want)
		}
	}
	t.Chdir(dir) // without a home, nothing of the current folder counts
	write("config.json", object{"currentContext": "lab"})
	if c := client(t); c.socket != "/var/run/docker.sock" {
		t.Errorf("without a home: got %s", c.socket)
	}
	_, err := New(env("DOCKER_CONTEXT", "lab"))
	if err == nil || !strings.Contains(err.Error(), `no Docker context "lab"`) {
		t.Errorf("a context without a home: got %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(env("DOCKER_CONFIG", dir)); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("damaged config.json: got %v", err)
	}
}
