// Package registry fetches manifests and blobs of container images from registries (OCI distribution specification),
// and checks their digests and sizes. It trusts no answer: every body is bounded, every wait ends, and credentials go
// to the named host and port only.
package registry

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Options say how to reach registries.
type Options struct {
	Offline    bool     // refuse every connection
	Insecure   bool     // take plain HTTP and any certificate; plain HTTP on loopback is always taken
	AuthFile   string   // the only file of credentials; empty means those of podman and Docker
	Creds      string   // USER:PASSWORD for the host that a reference names; empty means those of the files
	CAFile     string   // more certificate authorities, PEM
	CertDir    string   // a directory of Docker and podman: *.crt (authorities), *.cert with *.key (the client's own)
	Mirrors    []string // HOST=URL: asked before HOST, in this order
	TokenHosts []string // HOST[:PORT] of other token servers that may get the credentials

	MaxManifest int64 // bytes of a manifest; 0 means 4 MiB
	Timing      Timing
	Note        func(string) // receives what the user should know, such as a mirror that failed; may be nil
	// Hold keeps the program from ending until release is called: a credential helper is running. May be nil.
	Hold func() (release func())
}

// Timing bounds waits and tries. DefaultTiming gives the value of a field that is not positive.
type Timing struct {
	Headers    time.Duration // for a connection, and for an answer to begin
	Stall      time.Duration // in which fewer than StallBytes are a stall
	StallBytes int64
	Document   time.Duration // for all of a manifest, a config, a token, or a page of a list, with every try
	Backoff    time.Duration // before the second try; five times as long before the third
	RetryAfter time.Duration // the longest wait that a registry may ask for
	Tries      int           // after fast failures: a reset, 5xx, 429
	Redirects  int
}

// DefaultTiming returns the limits for the network.
func DefaultTiming() Timing {
	return Timing{
		Headers: 15 * time.Second, Stall: 20 * time.Second, StallBytes: 1 << 10, Document: time.Minute,
		Backoff: 200 * time.Millisecond, RetryAfter: 10 * time.Second, Tries: 3, Redirects: 10,
	}
}

func (t Timing) orDefault() Timing {
	d := DefaultTiming()
	return Timing{
		Headers: positive(t.Headers, d.Headers), Stall: positive(t.Stall, d.Stall),
		StallBytes: positive(t.StallBytes, d.StallBytes), Document: positive(t.Document, d.Document),
		Backoff:    positive(t.Backoff, d.Backoff),
		RetryAfter: positive(t.RetryAfter, d.RetryAfter), Tries: positive(t.Tries, d.Tries),
		Redirects: positive(t.Redirects, d.Redirects),
	}
}

// positive returns v, or usual if v is not positive.
func positive[T ~int | ~int64](v, usual T) T { return cmp.Or(max(v, 0), usual) }

// defaultManifest is the most bytes of a manifest unless the options say otherwise.
const defaultManifest = 4 << 20

// maxHeader bounds the headers of an answer, in bytes.
const maxHeader = 256 << 10

// transport returns what opens connections.
func (o Options) transport() (*http.Transport, error) {
	config := &tls.Config{InsecureSkipVerify: o.Insecure, MinVersion: tls.VersionTLS12}
	if err := o.trust(config); err != nil {
		return nil, err
	}
	protocols := new(http.Protocols) // HTTP/1.1 alone is simpler, and so safer with hostile servers
	protocols.SetHTTP1(true)
	return &http.Transport{
		Protocols:              protocols,
		Proxy:                  http.ProxyFromEnvironment,
		OnProxyConnectResponse: proxyAnswer,
		DialContext:            (&net.Dialer{Timeout: o.Timing.Headers, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    o.Timing.Headers,
		ResponseHeaderTimeout:  o.Timing.Headers,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true, // the digest of a blob covers the bytes as they are sent
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        30 * time.Second,
	}, nil
}

// trust adds the certificates that the options name.
func (o Options) trust(config *tls.Config) error {
	files, err := o.certFiles(".crt")
	if o.CAFile != "" {
		files = append(files, o.CAFile)
	}
	if err != nil || len(files) == 0 {
		return err
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
	certs, err := o.certFiles(".cert")
	if err != nil {
		return nil, err
	}
	var list []tls.Certificate
	for _, cert := range certs {
		pair, err := tls.LoadX509KeyPair(cert, strings.TrimSuffix(cert, ".cert")+".key")
		if err != nil {
			return nil, fmt.Errorf("client certificate %q: %w", cert, err)
		}
		list = append(list, pair)
	}
	return list, nil
}

// certFiles returns the files of the certificate directory with an extension, sorted.
func (o Options) certFiles(ext string) (names []string, err error) {
	if o.CertDir == "" {
		return nil, nil
	}
	list, err := os.ReadDir(o.CertDir)
	if err != nil {
		return nil, fmt.Errorf("certificates: %w", err)
	}
	for _, f := range list {
		if filepath.Ext(f.Name()) == ext {
			names = append(names, filepath.Join(o.CertDir, f.Name()))
		}
	}
	return names, nil
}

// maxSmall is the most bytes of a file of certificates or credentials.
const maxSmall = 4 << 20

func readSmall(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%q is not a regular file", name)
	case info.Size() > maxSmall:
		return nil, fmt.Errorf("%q has more than %d bytes", name, maxSmall)
	}
	return os.ReadFile(name)
}

// A mirror is a server to ask before a registry.
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
		if !ok || host == "" || err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" ||
			u.User != nil || u.RawQuery != "" || u.Fragment != "" {
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
