package registry

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// clientTo returns a client that connects to an address of this machine, whatever host it asks.
func clientTo(t *testing.T, opt Options, address string) *Client {
	t.Helper()
	c, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	c.transport.DialContext, c.strangers.DialContext = dial, dial
	return c
}

func tagsServer(tags ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, `{"tags":["%s"]}`, strings.Join(tags, `","`))
	}
}

func TestPlainHTTPOfAnotherHostIsForTheInsecureOnly(t *testing.T) {
	s := httptest.NewServer(tagsServer("a"))
	defer s.Close()
	ref := Reference{Host: "registry.example:5000", Repository: "a"}
	_, err := clientTo(t, Options{}, s.Listener.Addr().String()).Tags(t.Context(), ref)
	if err == nil || !strings.Contains(err.Error(), "registry.example:5000/a") ||
		!strings.Contains(err.Error(), "plain HTTP") || !strings.Contains(Advice(err), "--insecure") {
		t.Errorf("got %v, advice %q", err, Advice(err))
	}
	tags, err := clientTo(t, Options{Insecure: true}, s.Listener.Addr().String()).Tags(t.Context(), ref)
	if err != nil || len(tags) != 1 {
		t.Errorf("insecure: got %v %v", tags, err)
	}
}

func TestDocumentsThatNeverEndAreNotWaitedFor(t *testing.T) {
	drip := func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			fmt.Fprint(w, " ")
			w.(http.Flusher).Flush()
			time.Sleep(time.Millisecond)
		}
	}
	interim := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			connection, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				defer connection.Close()
				fmt.Fprintf(connection, "HTTP/1.1 %d Early\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", code)
				time.Sleep(300 * time.Millisecond)
			}
		}
	}
	for want, handler := range map[string]http.HandlerFunc{
		"did not end in time: the limit is 100ms": drip,
		"answers with status 101":                 interim(101),
		"answers with status 103":                 interim(103),
	} {
		s := httptest.NewServer(handler)
		defer s.Close()
		opt := Options{Insecure: true, Timing: Timing{Document: 100 * time.Millisecond}}
		c := clientTo(t, opt, s.Listener.Addr().String())
		ref := Reference{Host: "registry.example", Repository: "a", Tag: "1"}
		began := time.Now()
		_, err := c.Manifest(t.Context(), ref)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("manifest: got %v, want %q", err, want)
		}
		if _, err := c.Tags(t.Context(), ref); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("tags: got %v, want %q", err, want)
		}
		if d := time.Since(began); d > 20*time.Second {
			t.Errorf("%s: waited %s", want, d)
		}
	}
}

func TestCredentialsThatAServerRepeatsAreNotShown(t *testing.T) {
	const password = `s3cr"et pass`
	forms := []string{password, url.QueryEscape(password), base64.StdEncoding.EncodeToString([]byte("me:" + password))}
	for _, form := range forms {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("WWW-Authenticate", "Basic realm=x")
			w.WriteHeader(http.StatusUnauthorized)
			if r.Header.Get("Authorization") != "" {
				fmt.Fprint(w, strings.Repeat("x", 110)+form)
			}
		}))
		defer s.Close()
		c := clientTo(t, Options{Insecure: true, Creds: "me:" + password}, s.Listener.Addr().String())
		_, err := c.Manifest(t.Context(), Reference{Host: "registry.example", Repository: "a", Tag: "1"})
		if err == nil || strings.Contains(err.Error(), "s3cr") || strings.Contains(err.Error(), form[:6]) ||
			!strings.Contains(err.Error(), "***") {
			t.Errorf("%s: got %v", form, err)
		}
	}
}

func TestClientCertificateIsShownToTheRegistryOnly(t *testing.T) {
	var mu sync.Mutex
	shown := map[string]int{}
	serve := func(name string, handler http.HandlerFunc) *httptest.Server {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			shown[name] += len(r.TLS.PeerCertificates)
			mu.Unlock()
			handler(w, r)
		}))
		s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
		s.StartTLS()
		t.Cleanup(s.Close)
		return s
	}
	stranger := serve("stranger", tagsServer("a"))
	token := serve("token", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, `{"token":"t"}`) })
	own := serve("registry", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+token.URL+`"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		http.Redirect(w, r, stranger.URL+"/tags", http.StatusTemporaryRedirect)
	})
	c, err := New(Options{Insecure: true, Creds: "a:b", TokenHosts: []string{hostPort(t, token.URL)}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.useCertificates(own.TLS.Certificates)
	tags, err := c.Tags(t.Context(), Reference{Host: hostPort(t, own.URL), Repository: "a"})
	if err != nil || len(tags) != 1 {
		t.Fatalf("got %v %v", tags, err)
	}
	if shown["registry"] == 0 || shown["stranger"] != 0 || shown["token"] != 0 {
		t.Errorf("certificates shown: %v", shown)
	}
}

func hostPort(t *testing.T, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func TestListsThatGoRoundOrHaveNoEndAreErrors(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		most       int // requests
		page       func(n int) (body, link string)
	}{
		{"the same page again and again", "does not end", 5, func(int) (string, string) {
			return `{"tags":["a"]}`, "</v2/a/tags/list?last=a>; rel=next"
		}},
		{"empty pages", "does not end", 5, func(n int) (string, string) {
			return `{"tags":[]}`, fmt.Sprintf("<?last=%d>; rel=next", n)
		}},
		{"pages without end", "more than 200 pages", 200, func(n int) (string, string) {
			return fmt.Sprintf(`{"tags":["t%d"]}`, n), fmt.Sprintf("<?last=%d>; rel=next", n)
		}},
		{"more names than are taken", "more than 100000 names", 1, func(int) (string, string) {
			var b strings.Builder
			for i := range mostNames + 1 {
				fmt.Fprintf(&b, `,"t%d"`, i)
			}
			return `{"tags":[` + b.String()[1:] + `]}`, ""
		}},
		{"names that are too long", "names of more than", 10, func(n int) (string, string) {
			return `{"tags":["` + strings.Repeat(fmt.Sprint(n%10), 3<<20) + `"]}`, fmt.Sprintf("<?last=%d>; rel=next", n)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked := 0
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked++
				body, link := tt.page(asked)
				if link != "" {
					w.Header().Set("Link", link)
				}
				fmt.Fprint(w, body)
			}))
			defer s.Close()
			c, err := New(Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			tags, err := c.Tags(t.Context(), Reference{Host: hostPort(t, s.URL), Repository: "a"})
			if err == nil || !strings.Contains(err.Error(), tt.want) || tags != nil {
				t.Errorf("got %d tags, %v, want %q", len(tags), err, tt.want)
			}
			if asked > tt.most {
				t.Errorf("requests: got %d, want at most %d", asked, tt.most)
			}
		})
	}
}

func TestEveryPageOfReferrersIsAsked(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("page") == "" {
			w.Header().Set("Link", `<`+r.URL.Path+`?page=2>; rel="next"`)
		}
		fmt.Fprintf(w, `{"page":%q}`, r.URL.Query().Get("page"))
	}))
	defer s.Close()
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ref := Reference{Host: hostPort(t, s.URL), Repository: "a"}
	pages, err := c.Referrers(t.Context(), ref, "sha256:"+strings.Repeat("a", 64))
	if err != nil || len(pages) != 2 || string(pages[1]) != `{"page":"2"}` {
		t.Errorf("got %q %v", pages, err)
	}
}

// Most mirrors do not know referrers, and an isolated network has nothing else.
func TestMirrorIsEnoughIfTheRegistryIsNotReached(t *testing.T) {
	mirror := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/tags/list") {
			fmt.Fprint(w, `{"tags":["a"]}`)
			return
		}
		http.NotFound(w, r)
	}))
	defer mirror.Close()
	var notes []string
	note := func(s string) { notes = append(notes, s) }
	c, err := New(Options{Mirrors: []string{"127.0.0.1:1=" + mirror.URL}, Note: note})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ref := Reference{Host: "127.0.0.1:1", Repository: "a"}
	for range 2 {
		pages, err := c.Referrers(t.Context(), ref, "sha256:"+strings.Repeat("a", 64))
		if err != nil || len(pages) != 0 {
			t.Fatalf("got %q %v", pages, err)
		}
	}
	if len(notes) == 0 || !strings.Contains(notes[0], "only its mirror says") {
		t.Errorf("notes: got %q", notes)
	}
	if tags, err := c.Tags(t.Context(), ref); err != nil || len(tags) != 1 {
		t.Errorf("after that: got %v %v", tags, err)
	}
	if _, err := c.Manifest(t.Context(), ref.Or("none")); err == nil || NotFound(err) {
		t.Errorf("a tag that only the registry could have: got %v, want that the registry was not reached", err)
	}
}

func TestProxyThatDoesNotConnectIsNamed(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	defer proxy.Close()
	at, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	for where, want := range map[*url.URL]string{at: "407", {Scheme: "http", Host: "127.0.0.1:1"}: "refused"} {
		c, err := New(Options{})
		if err != nil {
			t.Fatal(err)
		}
		c.transport.Proxy = http.ProxyURL(where)
		_, err = c.Tags(t.Context(), Reference{Host: "registry.example", Repository: "a"})
		c.Close()
		if err == nil || !strings.Contains(err.Error(), "its proxy") || !strings.Contains(err.Error(), want) ||
			!strings.Contains(Advice(err), "NO_PROXY") {
			t.Errorf("%s: got %v, advice %q", want, err, Advice(err))
		}
	}
}

func TestAdviceFollowsTheCause(t *testing.T) {
	refused := fmt.Errorf("connect: %w", errConnection())
	for _, tt := range []struct {
		name, want string
		err        error
	}{
		{"no such tag", "layup images docker://h/r", &Failure{"h", "r", `manifest "x"`, &status{code: 404}}},
		{"no such repository", "layup images docker://h/", &Failure{"h", "r", whatTags, &status{code: 404}}},
		{"no credentials", "docker login h", &Failure{"h", "r", "x", &status{code: 401}}},
		{"refused credentials", "refused the credentials", &Failure{"h", "r", "x", &status{code: 401, loggedIn: true}}},
		{"nobody listens", "curl -v https://h/v2/", &Failure{"h", "r", "x", refused}},
		{"no such host", "--mirror h=URL", &Failure{"h", "r", "x", &net.DNSError{Err: "no such host"}}},
	} {
		if got := Advice(tt.err); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// errConnection is the error of connecting to a port without a listener.
func errConnection() error {
	_, err := net.DialTimeout("tcp", "127.0.0.1:1", time.Second)
	return errors.Join(err)
}

// TestSilentProxyHasAsMuchTimeAsARegistry: the library waits a minute for the answer of a proxy to CONNECT.
func TestSilentProxyHasAsMuchTimeAsARegistry(t *testing.T) {
	end := make(chan struct{})
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-end }))
	defer proxy.Close()
	defer close(end)
	at, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Options{Timing: Timing{Headers: 50 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.transport.Proxy = http.ProxyURL(at)
	_, err = c.Tags(t.Context(), Reference{Host: "registry.example", Repository: "a"})
	if err == nil || !strings.Contains(err.Error(), "no answer came in 150ms") {
		t.Errorf("got %v", err)
	}
}

func TestFailureNamesTheMirrorThatFailed(t *testing.T) {
	mirror := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "short") }))
	defer mirror.Close()
	c, err := New(Options{Mirrors: []string{"registry.example=" + mirror.URL + "/proxied"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = c.Stream(t.Context(), Reference{Host: "registry.example", Repository: "a"},
		Descriptor{Digest: "sha256:" + strings.Repeat("a", 64), Size: 10}, 0)
	if want := hostPort(t, mirror.URL) + "/proxied/a: "; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}
