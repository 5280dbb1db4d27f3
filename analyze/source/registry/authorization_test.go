package registry

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestTokenServerMustBelongToTheRegistry(t *testing.T) {
	for _, tt := range []struct {
		registry, realm string
		named           []string
		want            bool
	}{
		{"registry.example", "https://registry.example/token", nil, true},
		{"registry.example:5000", "https://registry.example:5000/token", nil, true},
		{"registry.gitlab.example", "https://gitlab.example/jwt/auth", nil, true},
		{"registry.gitlab.example", "https://auth.gitlab.example/jwt", nil, true},
		{"docker.io", "https://auth.docker.io/token", nil, true},
		{"registry.example:5000", "https://registry.example:5001/token", nil, false},
		{"registry.example", "http://registry.example/token", nil, false},
		{"registry.gitlab.example", "http://gitlab.example/jwt", nil, false},
		{"registry.gitlab.example", "https://evil.example/", nil, false},
		{"registry.example", "https://evil.example/", nil, false},
		{"registry.gitlab.example", "https://evilgitlab.example/", nil, false},
		{"10.0.0.1", "https://10.0.0.2/token", nil, false},
		{"127.0.0.1:5000", "http://127.0.0.2:5000/token", nil, false},
		{"127.0.0.1:5000", "http://127.0.0.1:5001/token", nil, false},
		{"registry.example", "https://login.example/token", []string{"login.example"}, true},
		{"registry.example", "http://login.example/token", []string{"login.example"}, false},
	} {
		c, err := New(Options{TokenHosts: tt.named, Creds: "a:b"})
		if err != nil {
			t.Fatal(err)
		}
		list := c.endpointsOf(tt.registry)
		realm, err := url.Parse(tt.realm)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.mayLogIn(list[0], realm); got != tt.want {
			t.Errorf("%s, %s: got %t, want %t", tt.registry, tt.realm, got, tt.want)
		}
	}
}

func TestChallengesAreRead(t *testing.T) {
	header := http.Header{"Www-Authenticate": {
		`Negotiate`, `Basic realm="x"`, `Bearer realm="https://a/t?x=1",service="s, t",scope="repository:a:pull"`,
	}}
	got := challenges(header)
	if len(got) != 2 || got[0].scheme != "bearer" || got[1].scheme != "basic" {
		t.Fatalf("got %v", got)
	}
	params := map[string]string{"realm": "https://a/t?x=1", "service": "s, t", "scope": "repository:a:pull"}
	for name, want := range params {
		if got[0].params[name] != want {
			t.Errorf("%s: got %q, want %q", name, got[0].params[name], want)
		}
	}
	one := challenges(http.Header{"Www-Authenticate": {
		`Negotiate dG9rZW4=, Basic realm="a \"b\", c" , Bearer realm = "https://a/t",service=s`,
	}})
	if len(one) != 2 || one[0].params["realm"] != "https://a/t" || one[0].params["service"] != "s" ||
		one[1].params["realm"] != `a "b", c` {
		t.Errorf("several in one field: got %v", one)
	}
	for _, odd := range []string{
		`=`, `,=,=`, `Bearer realm="\`, `Bearer`, `Bearer realm`, `Bearer realm="`, `Bearer ="x",,`, `Bearer realm=x, y=`,
	} {
		challenges(http.Header{"Www-Authenticate": {odd}}) // must not fail
	}
}

// tokenServer is a registry that demands a token, and gives one for a password or an identity.
func tokenServer(t *testing.T) (host string, seen func() []string) {
	t.Helper()
	var log []string
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log = append(log, r.Method+" "+r.URL.Path)
		user, password, _ := r.BasicAuth()
		switch {
		case r.URL.Path == "/token" && r.Method == http.MethodPost && r.FormValue("refresh_token") == "identity":
			json.NewEncoder(w).Encode(map[string]string{"access_token": "good"})
		case r.URL.Path == "/token" && user == "u" && password == "p:q" && r.FormValue("scope") == "repository:a:pull":
			json.NewEncoder(w).Encode(map[string]string{"token": "good"})
		case r.URL.Path == "/token":
			w.WriteHeader(http.StatusUnauthorized)
		case r.Header.Get("Authorization") == "Bearer good":
			w.Header().Set("Content-Type", manifestTypes[1])
			w.Write([]byte("{}"))
		default:
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+s.URL+`/token",service="s"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String(), func() []string { return log }
}

func TestTokensAreFetchedOnceAndUsedAgain(t *testing.T) {
	host, seen := tokenServer(t)
	c, err := New(Options{Creds: "u:p:q"})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := c.Manifest(t.Context(), Reference{Host: host, Repository: "a", Tag: "t"}); err != nil {
			t.Fatal(err)
		}
	}
	const manifest = "GET /v2/a/manifests/t"
	want := []string{manifest, "GET /token", manifest, manifest, manifest}
	if !slices.Equal(seen(), want) {
		t.Errorf("got %q", seen())
	}
}

func TestIdentityTokensAreExchanged(t *testing.T) {
	host, _ := tokenServer(t)
	file := filepath.Join(t.TempDir(), "auth.json")
	if err := os.WriteFile(file, []byte(`{"auths":{"`+host+`":{"identitytoken":"identity"}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := New(Options{AuthFile: file})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Manifest(t.Context(), Reference{Host: host, Repository: "a", Tag: "t"}); err != nil {
		t.Fatal(err)
	}
}

func TestWrongPasswordEndsAtTheTokenServer(t *testing.T) {
	host, seen := tokenServer(t)
	c, err := New(Options{Creds: "u:wrong"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Manifest(t.Context(), Reference{Host: host, Repository: "a", Tag: "t"})
	if err == nil || !strings.Contains(err.Error(), "token server") || !strings.Contains(err.Error(), "status 401") ||
		!strings.Contains(Advice(err), "--creds") || len(seen()) != 2 {
		t.Errorf("got %v, hint %q, after %q", err, Advice(err), seen())
	}
}

func TestCredentialsAreFoundAsDockerAndPodmanKeepThem(t *testing.T) {
	entry := func(login string) string {
		return `{"auth":"` + base64.StdEncoding.EncodeToString([]byte(login)) + `"}`
	}
	text := `{"auths":{"r.example":` + entry("host:1") + `,"r.example/team":` + entry("team:2") +
		`,"r.example/team/app":` + entry("app:3") + `,"https://index.docker.io/v1/":` + entry("hub:4") +
		`,"plain.example":{"username":"plain","password":"5"},"https://url.example":` + entry("url:6") + `}}`
	var file authFile
	if err := file.parse([]byte(text)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ host, repo, want string }{
		{"r.example", "x", "host"}, {"r.example", "team/x", "team"}, {"r.example", "team/app", "app"},
		{"r.example", "team/app/y", "app"}, {"r.example", "teamwork", "host"}, {"docker.io", "library/nginx", "hub"},
		{"plain.example", "x", "plain"}, {"url.example", "x", "url"}, {"other.example", "x", ""},
	} {
		got, err := file.find(t.Context(), tt.host, "repository:"+tt.repo+":pull")
		if err != nil || got.user != tt.want {
			t.Errorf("%s/%s: got %q %v, want %q", tt.host, tt.repo, got.user, err, tt.want)
		}
	}
}

func TestHelpersAreAsked(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the helper is a shell script")
	}
	dir := t.TempDir()
	const script = `#!/bin/sh
read host
case $host in
r.example) echo '{"Username":"u","Secret":"p"}';;
t.example) echo '{"Username":"<token>","Secret":"i"}';;
odd.example) echo nonsense;;
*) echo credentials not found in native keychain; exit 1;;
esac
`
	if err := os.WriteFile(filepath.Join(dir, "docker-credential-test"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	file := authFile{CredsStore: "test"}
	for host, want := range map[string]credentials{
		"r.example": {user: "u", password: "p"}, "t.example": {identityToken: "i"}, "other.example": {},
	} {
		got, err := file.find(t.Context(), host, "repository:a:pull")
		if err != nil || got != want {
			t.Errorf("%s: got %v %v", host, got, err)
		}
	}
	if _, err := file.find(t.Context(), "odd.example", ""); err == nil || strings.Contains(err.Error(), "nonsense") {
		t.Errorf("got %v", err)
	}
	for _, name := range []string{"../evil", "nosuchhelper"} {
		file := authFile{CredsStore: name}
		if _, err := file.find(t.Context(), "r.example", ""); err == nil {
			t.Errorf("%s was run", name)
		}
	}
}

// A helper that hangs ends at its time limit, and what it started ends with it.
func TestHelperThatHangsEndsWithItsChildren(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the helper is a shell script")
	}
	dir := t.TempDir()
	const script = "#!/bin/sh\n(sleep 2; echo alive > %s/alive) &\nsleep 600\n"
	helper := filepath.Join(dir, "docker-credential-test")
	if err := os.WriteFile(helper, fmt.Appendf(nil, script, dir), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	held := 0
	file := authFile{CredsStore: "test", hold: func() func() { held++; return func() { held-- } }}
	_, err := file.find(ctx, "r.example", "")
	if err == nil || !strings.Contains(err.Error(), "gave no answer") || held != 0 {
		t.Errorf("got %v", err)
	}
	time.Sleep(3 * time.Second)
	if _, err := os.Stat(filepath.Join(dir, "alive")); err == nil {
		t.Error("the child of the helper lived on")
	}
}

// Credentials of the options are for the registry; a mirror is another host.
func TestGivenCredentialsStayWithTheRegistry(t *testing.T) {
	k, err := newKeychain(Options{Creds: "u:p"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := k.find(t.Context(), &endpoint{mirror: true}, ""); err != nil || got != (credentials{}) {
		t.Errorf("got %v %v", got, err)
	}
	if _, err := newKeychain(Options{Creds: "nocolon"}); err == nil {
		t.Error("credentials without a password were taken")
	}
}

func TestPlainHTTPIsForThisMachineOnly(t *testing.T) {
	for _, tt := range []struct {
		host     string
		insecure bool
		want     string
	}{
		{"127.0.0.1:5000", false, "http https"}, {"localhost:5000", false, "http https"},
		{"[::1]:5000", false, "http https"}, {"a.localhost", false, "http https"},
		{"10.0.0.1:5000", false, "https"}, {"192.168.1.1", false, "https"},
		{"registry.example", false, "https"}, {"127.0.0.1.example", false, "https"},
		{"registry.example", true, "https http"}, {"docker.io", false, "https"},
	} {
		c, err := New(Options{Insecure: tt.insecure, Creds: "a:b"})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(c.schemes(tt.host), " "); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.host, got, tt.want)
		}
	}
}
