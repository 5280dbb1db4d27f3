// Package registry fetches manifests and blobs of container images from registries (OCI distribution specification), as
// they are served and checked by digest and size. It trusts no answer: every body is bounded, every wait has an end,
// and credentials go to the named host and port only.
package registry

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Options say how registries are reached.
type Options struct {
	Offline    bool     // refuse every connection
	Insecure   bool     // take plain HTTP and certificates that nobody vouches for; on loopback plain HTTP is always taken
	AuthFile   string   // the only file of credentials; empty means those of podman and Docker
	Creds      string   // USER:PASSWORD for the host that a reference names; empty means those of the files
	CAFile     string   // further certificate authorities, PEM
	CertDir    string   // a directory of *.crt (authorities) and client.cert with client.key, as Docker and podman have it
	Mirrors    []string // HOST=URL: asked before HOST, in this order
	TokenHosts []string // HOST[:PORT] of token servers that may get the credentials though they are not the registry

	MaxManifest int64 // bytes of a manifest; 0 means 4 MiB
	Timing      Timing
	Note        func(string) // told of what the user should know, such as a mirror that failed; may be nil
}

// Timing bounds waits and tries. The zero value of a field means that of DefaultTiming.
type Timing struct {
	Headers    time.Duration // for a connection, and for an answer to begin
	Stall      time.Duration // in which less than StallBytes is a stall
	StallBytes int64
	Backoff    time.Duration // before the second try of what failed fast; five times as long before the third
	RetryAfter time.Duration // the longest wait that a registry may ask for
	Tries      int           // of what fails fast: a reset, 5xx, 429
	Redirects  int
}

// DefaultTiming returns the limits for the network.
func DefaultTiming() Timing {
	return Timing{
		Headers: 15 * time.Second, Stall: 20 * time.Second, StallBytes: 1 << 10,
		Backoff: 200 * time.Millisecond, RetryAfter: 10 * time.Second, Tries: 3, Redirects: 10,
	}
}

func (t Timing) orDefault() Timing {
	d := DefaultTiming()
	pick := func(v *time.Duration, usual time.Duration) {
		if *v <= 0 {
			*v = usual
		}
	}
	pick(&t.Headers, d.Headers)
	pick(&t.Stall, d.Stall)
	pick(&t.Backoff, d.Backoff)
	pick(&t.RetryAfter, d.RetryAfter)
	if t.StallBytes <= 0 {
		t.StallBytes = d.StallBytes
	}
	if t.Tries <= 0 {
		t.Tries = d.Tries
	}
	if t.Redirects <= 0 {
		t.Redirects = d.Redirects
	}
	return t
}

// defaultManifest is the most bytes of a manifest where the options do not say.
const defaultManifest = 4 << 20

// maxHeader bounds the headers of an answer, in bytes.
const maxHeader = 256 << 10

// transport returns what opens connections.
func (o Options) transport() (*http.Transport, error) {
	config := &tls.Config{InsecureSkipVerify: o.Insecure, MinVersion: tls.VersionTLS12}
	if err := o.trust(config); err != nil {
		return nil, err
	}
	protocols := new(http.Protocols) // HTTP/1.1 alone: fewer ways for a hostile server
	protocols.SetHTTP1(true)
	return &http.Transport{
		Protocols:              protocols,
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: proxyAnswer,
		DialContext:            dialer(o.Timing.Headers),
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    o.Timing.Headers,
		ResponseHeaderTimeout:  o.Timing.Headers,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true, // a blob's digest is that of the bytes as served
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        30 * time.Second,
	}, nil
}

// trust adds the certificates that the options name.
func (o Options) trust(config *tls.Config) error {
	files := []string{}
	if o.CAFile != "" {
		files = append(files, o.CAFile)
	}
	if o.CertDir != "" {
		found, err := filepath.Glob(filepath.Join(escapeGlob(o.CertDir), "*.crt"))
		if err != nil {
			return fmt.Errorf("certificates in %q: %w", o.CertDir, err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		return nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	for _, name := range files {
		pem, err := readSmall(name)
		if err != nil {
			return fmt.Errorf("certificates: %w", err)
		}
		if !pool.AppendCertsFromPEM(pem) {
			return fmt.Errorf("certificates: %q holds none in PEM", name)
		}
	}
	config.RootCAs = pool
	return nil
}

// identity loads the client's own certificates, NAME.cert with NAME.key.
func (o Options) identity() ([]tls.Certificate, error) {
	if o.CertDir == "" {
		return nil, nil
	}
	if _, err := os.ReadDir(o.CertDir); err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	var list []tls.Certificate
	certs, err := filepath.Glob(filepath.Join(escapeGlob(o.CertDir), "*.cert"))
	if err != nil {
		return nil, fmt.Errorf("certificates in %q: %w", o.CertDir, err)
	}
	for _, cert := range certs {
		pair, err := tls.LoadX509KeyPair(cert, strings.TrimSuffix(cert, ".cert")+".key")
		if err != nil {
			return nil, fmt.Errorf("client certificate %q: %w", cert, err)
		}
		list = append(list, pair)
	}
	return list, nil
}

// escapeGlob makes a directory's name match itself only.
func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

// maxSmall is the most bytes of a file of certificates or credentials.
const maxSmall = 4 << 20

func readSmall(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%q is no regular file", name)
	case info.Size() > maxSmall:
		return nil, fmt.Errorf("%q has more than %d bytes", name, maxSmall)
	}
	return os.ReadFile(name)
}

// A mirror stands in for a registry.
type mirror struct {
	host   string // of the registry
	base   *url.URL
	prefix string // before the repository's name, with a slash at its end; or empty
}

func parseMirrors(list []string) ([]mirror, error) {
	var mirrors []mirror
	for _, text := range list {
		host, base, ok := strings.Cut(text, "=")
		if ok && !strings.Contains(base, "://") {
			base = "https://" + base
		}
		u, err := url.Parse(base)
		if !ok || host == "" || err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("mirror %q: want HOST=URL, as in docker.io=https://mirror.example:5000", text)
		}
		prefix := strings.Trim(u.Path, "/")
		if prefix == "v2" {
			prefix = ""
		}
		if prefix != "" {
			prefix += "/"
		}
		mirrors = append(mirrors, mirror{host: canonicalHost(host), base: u, prefix: prefix})
	}
	return mirrors, nil
}

var errOffline = errors.New("registries are not asked: --offline or LAYUP_OFFLINE=1 forbids every connection")
