package place

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"layup/analyze/source/advice"
	"layup/fixtures/harness"
)

// environment gives layup the keys of a server, and nothing else of this machine.
func environment(t *testing.T, endpoint string) {
	for _, name := range []string{"AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_REGION", "LAYUP_S3_STYLE",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
		"AWS_ACCESS_KEY", "AWS_SECRET_KEY", "AWS_CA_BUNDLE", "AWS_DEFAULT_REGION", "HTTP_PROXY", "http_proxy"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_ENDPOINT_URL_S3", endpoint)
	t.Setenv("AWS_ACCESS_KEY_ID", harness.S3Key)
	t.Setenv("AWS_SECRET_ACCESS_KEY", harness.S3Secret)
}

func TestABucketIsAPlace(t *testing.T) {
	for name := range harness.S3Servers {
		t.Run(name, func(t *testing.T) {
			endpoint, _ := harness.StartS3(t, name)
			environment(t, endpoint)
			p, err := Open(t.Context(), "s3://bucket/some/prefix/")
			if err != nil {
				t.Fatal(err)
			}
			keeps(t, p)
			if p.String() != "s3://bucket/some/prefix" {
				t.Errorf("is called %s", p)
			}
			readsAnywhere(t, p)
			if whole, err := Open(t.Context(), "s3://bucket"); err != nil {
				t.Error(err)
			} else {
				keeps(t, whole)
			}
			if name == "versitygw" {
				t.Setenv("AWS_SECRET_ACCESS_KEY", "another")
				refuses(t, "s3://bucket/x", "refuses the credentials", "AWS_ACCESS_KEY_ID")
				t.Setenv("AWS_SECRET_ACCESS_KEY", harness.S3Secret)
			}
			refuses(t, "s3://other/x", "no such bucket", "aws s3 mb s3://other --endpoint-url "+endpoint)
		})
	}
}

// readsAnywhere compares reads of an object with what was written.
func readsAnywhere(t *testing.T, p Place) {
	want := make([]byte, 3<<20+17)
	random := rand.NewChaCha8([32]byte{})
	random.Read(want)
	if err := p.Put(t.Context(), "files/large", text(string(want))); err != nil {
		t.Fatal(err)
	}
	f, err := p.Open(t.Context(), "files/large")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, r := range [][2]int{
		{0, 1}, {0, len(want)}, {100, 1 << 20}, {blockSize - 1, 2}, {len(want) - 8, 8}, {1 << 20, 0},
	} {
		got := make([]byte, r[1])
		if n, err := f.ReadAt(got, int64(r[0])); err != nil || !bytes.Equal(got[:n], want[r[0]:r[0]+r[1]]) {
			t.Errorf("%d bytes at %d: %d, %v", r[1], r[0], n, err)
		}
	}
	if n, err := f.ReadAt(make([]byte, 10), int64(len(want)-4)); n != 4 || err != io.EOF {
		t.Errorf("after the end: %d, %v", n, err)
	}
	if err := p.Put(t.Context(), "files/large", text(string(want[1:]))); err != nil {
		t.Fatal(err)
	}
	if _, err := f.ReadAt(make([]byte, 10), 2<<20+9); err == nil || !strings.Contains(err.Error(), "changed") {
		t.Errorf("an object that changes: %v", err)
	}
}

// refuses checks that a place cannot be used, what the error says and what it advises, and that it shows no secret.
func refuses(t *testing.T, location, says, hint string) {
	t.Helper()
	p, err := Open(t.Context(), location)
	if err == nil {
		_, err = p.List(t.Context(), "files")
	}
	if err == nil {
		t.Errorf("%s is a place", location)
		return
	}
	advised, _ := errors.AsType[*advice.Hinted](err)
	if !strings.Contains(err.Error(), says) || hint != "" && (advised == nil || !strings.Contains(advised.Hint, hint)) {
		t.Errorf("%s: %v; hint %+v", location, err, advised)
	}
	for _, secret := range []string{harness.S3Key, harness.S3Secret} {
		if strings.Contains(fmt.Sprintf("%v %+v", err, advised), secret) {
			t.Errorf("%s: shows a secret: %v", location, err)
		}
	}
}

func TestBadEnvironmentsAreNamed(t *testing.T) {
	environment(t, "http://127.0.0.1:1")
	for _, c := range []struct{ variable, value, says, hint string }{
		{"AWS_ENDPOINT_URL_S3", "https://user:secret@host", "AWS_ENDPOINT_URL is not", "HOST:PORT"},
		{"AWS_ENDPOINT_URL_S3", "host:9000", "AWS_ENDPOINT_URL is not", "HOST:PORT"},
		{"AWS_ACCESS_KEY_ID", "", "both are needed", ""},
		{"LAYUP_S3_STYLE", "host", "neither path nor virtual", ""},
		{"AWS_CA_BUNDLE", "/no/such/file", "AWS_CA_BUNDLE", ""},
	} {
		t.Run(c.variable, func(t *testing.T) {
			t.Setenv(c.variable, c.value)
			refuses(t, "s3://bucket/x", c.says, c.hint)
		})
	}
	for _, location := range []string{"s3://", "s3:///x", "s3://key:secret@bucket/x", "s3://bucket/../x"} {
		refuses(t, location, "is not the location", "s3://BUCKET/PREFIX")
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	refuses(t, "s3://bucket/x", "no credentials", "AWS_PROFILE")
	t.Setenv("AWS_PROFILE", "nobody")
	refuses(t, "s3://bucket/x", `AWS_PROFILE="nobody"`, "")
}

func TestAProfileGivesKeys(t *testing.T) {
	seen := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r.Header.Get("Authorization")
		io.WriteString(w, "<ListBucketResult></ListBucketResult>")
	}))
	defer server.Close()
	environment(t, server.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	folder := filepath.Join(os.Getenv("HOME"), ".aws")
	os.Mkdir(folder, 0o700)
	profile := "[work]\naws_access_key_id = KEYOFWORK\naws_secret_access_key = x\n"
	if err := os.WriteFile(filepath.Join(folder, "credentials"), []byte(profile), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_PROFILE", "work")
	p, err := Open(t.Context(), "s3://bucket/x")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.List(t.Context(), "files"); err != nil {
		t.Fatal(err)
	}
	if got := <-seen; !strings.Contains(got, "KEYOFWORK") {
		t.Errorf("the request is signed %q", got)
	}
}

// failing is a server in front of another one, which refuses while refusals are left.
func failing(t *testing.T, status int, code string) (endpoint string, left, seen *atomic.Int64) {
	left, seen = &atomic.Int64{}, &atomic.Int64{}
	objects := map[string]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		if left.Add(-1) >= 0 {
			w.WriteHeader(status)
			xml.NewEncoder(w).Encode(struct {
				XMLName       xml.Name `xml:"Error"`
				Code, Message string
			}{Code: code, Message: "\x1b[31mslow down"})
			return
		}
		switch r.Method {
		case http.MethodPut:
			body, _ := io.ReadAll(r.Body)
			objects[r.URL.Path] = string(body)
		default:
			http.ServeContent(w, r, "", time.Unix(1, 0), strings.NewReader(objects[r.URL.Path]))
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, left, seen
}

func TestAStormOf503IsWaitedForAndThenNamed(t *testing.T) {
	endpoint, left, seen := failing(t, http.StatusServiceUnavailable, "SlowDown")
	environment(t, endpoint)
	p, err := openBucket(t.Context(), "s3://bucket/x", timing{tries: 4, request: time.Minute, slowest: 1 << 10})
	if err != nil {
		t.Fatal(err)
	}
	left.Store(3)
	if err := p.Put(t.Context(), "files/a", text("content")); err != nil {
		t.Fatal(err)
	}
	left.Store(3)
	if got := read(t, p, "files/a"); got != "content" {
		t.Errorf("after a storm: %q", got)
	}
	left.Store(1 << 30)
	seen.Store(0)
	err = p.Put(t.Context(), "files/b", text("content"))
	advised, _ := errors.AsType[*advice.Hinted](err)
	if advised == nil || !strings.Contains(err.Error(), "s3://bucket/x/files/b: the store refused 4 times: status 503") ||
		!strings.Contains(advised.Hint, "run the same command again") || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("a storm without end: %v", err)
	}
	if n := seen.Load(); n != 4 {
		t.Errorf("%d requests in a storm", n)
	}
}

func TestAnObjectThatBreaksOffIsReadAgain(t *testing.T) {
	content := strings.Repeat("0123456789", 100_000)
	var cut atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"one"`)
		if cut.Add(-1) >= 0 {
			w.Header().Set("Last-Modified", time.Unix(1, 0).UTC().Format(http.TimeFormat))
			w.Header().Set("Content-Length", "65536")
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", len(content)-65536, len(content)-1, len(content)))
			w.WriteHeader(http.StatusPartialContent)
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
		http.ServeContent(w, r, "", time.Unix(1, 0), strings.NewReader(content))
	}))
	defer server.Close()
	environment(t, server.URL)
	p, err := Open(t.Context(), "s3://bucket")
	if err != nil {
		t.Fatal(err)
	}
	cut.Store(2)
	if got := read(t, p, "a"); got != content {
		t.Errorf("%d bytes after two breaks", len(got))
	}
	cut.Store(3)
	_, err = p.Open(t.Context(), "a")
	if err == nil || !strings.Contains(err.Error(), "s3://bucket/a: the answer breaks off") {
		t.Errorf("three breaks: %v", err)
	}
}

func TestVirtualHostsArePartOfTheName(t *testing.T) {
	hosts := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hosts <- r.Host + r.URL.Path
		io.WriteString(w, "<ListBucketResult></ListBucketResult>")
	}))
	defer server.Close()
	_, port, _ := strings.Cut(server.Listener.Addr().String(), ":")
	environment(t, "http://localhost:"+port)
	for style, want := range map[string]string{"": "localhost:" + port + "/bucket/",
		"path": "localhost:" + port + "/bucket/", "virtual": "bucket.localhost:" + port + "/"} {
		t.Setenv("LAYUP_S3_STYLE", style)
		s, err := newServer(t.Context(), usualTiming())
		if err != nil {
			t.Fatal(err)
		}
		s.network.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
		}
		p, err := s.bucket("bucket", "x", usualTiming())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.List(t.Context(), "files"); err != nil {
			t.Fatal(err)
		}
		if got := <-hosts; got != want {
			t.Errorf("style %q asks %s, want %s", style, got, want)
		}
	}
}

func TestTheEndOfAContextEndsARequest(t *testing.T) {
	release := make(chan bool)
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	environment(t, server.URL)
	p, err := Open(t.Context(), "s3://bucket/x")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err = p.List(ctx, "files")
	if err == nil || time.Since(began) > 5*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
}
