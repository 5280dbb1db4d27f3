package registry

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"layup/analyze/source/advice"
)

// A Failure says what a registry and repository did not give, and why.
type Failure struct {
	Host, Repository string
	What             string // manifest "1.2", blob sha256:…
	Err              error
}

// Error names host, repository and thing before the cause.
func (f *Failure) Error() string {
	where := f.Host
	if f.Repository != "" {
		where += "/" + f.Repository
	}
	return fmt.Sprintf("%s: %s: %v", where, f.What, f.Err)
}

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// NotFound reports whether the registry answered that it does not have it.
func NotFound(err error) bool {
	s := statusOf(err)
	return s != nil && s.code == http.StatusNotFound
}

// absent reports whether another endpoint may have it.
func (f *Failure) absent() bool {
	var netError net.Error
	if s := statusOf(f); s != nil {
		return statusWords[s.code] != "" || s.code >= http.StatusInternalServerError
	}
	return errors.As(f.Err, &netError)
}

// Advised adds to an error what to do next.
func Advised(err error) error {
	if hint := Advice(err); hint != "" {
		return hinted(err, hint)
	}
	return err
}

// Advice returns what to do next; empty if nothing is known.
func Advice(err error) string {
	if h, ok := errors.AsType[*advice.Hinted](err); ok {
		return h.Hint
	}
	f, ok := errors.AsType[*Failure](err)
	s := statusOf(err)
	switch {
	case !ok:
		return ""
	case s == nil:
		return f.unreached()
	}
	switch s.code {
	case http.StatusUnauthorized:
		if s.loggedIn {
			return "the registry refused the credentials: docker login " + f.Host + " or podman login " + f.Host +
				" renews those of the file, --creds USER:PASSWORD gives others"
		}
		return "log in with docker login " + f.Host + " or podman login " + f.Host +
			", or give --creds USER:PASSWORD or --authfile FILE"
	case http.StatusForbidden:
		return "the credentials may not read it: --creds USER:PASSWORD or --authfile FILE gives others"
	case http.StatusNotFound:
		switch {
		case strings.HasPrefix(f.What, "manifest"):
			return "layup images docker://" + f.Host + "/" + f.Repository + "  lists its tags"
		case f.What == whatTags:
			return "layup images docker://" + f.Host + "/  lists the repositories, if the registry has a catalogue"
		}
	}
	return ""
}

// unreached advises if a host was not reached.
func (f *Failure) unreached() string {
	if _, ok := errors.AsType[*net.DNSError](f); ok {
		return "the name of the registry may be wrong; --mirror " + safeHost(f.Host) +
			"=URL asks another server, HTTPS_PROXY names a proxy"
	}
	if refusedConnection(f) {
		return whoAnswers("https", f.Host) + "; the port may be wrong"
	}
	return ""
}

func whoAnswers(scheme, host string) string {
	return "curl -v " + scheme + "://" + safeHost(host) + "/v2/  shows who answers there"
}

func hinted(err error, hint string) error { return &advice.Hinted{Err: err, Hint: hint} }

// A status is an answer with the status of an error.
type status struct {
	code       int
	from       string // the host that answered
	own        bool   // it is the host that was asked
	loggedIn   bool   // credentials were sent
	says       string // quoted; empty if it says nothing
	retryAfter time.Duration
	longest    time.Duration // to wait
}

// statusWords explain the statuses of refusals. If a mirror refuses, the registry is asked.
var statusWords = map[int]string{
	http.StatusUnauthorized:    "not logged in, or not allowed",
	http.StatusForbidden:       "not allowed",
	http.StatusNotFound:        "not found",
	http.StatusTooManyRequests: "too many requests",
}

func (s *status) Error() string {
	text := fmt.Sprintf("status %d", s.code)
	if word := cmp.Or(statusWords[s.code], http.StatusText(s.code)); word != "" {
		text += " (" + word + ")"
	}
	if !s.own {
		text += fmt.Sprintf(" from %.200q, after a redirect", s.from)
	}
	if s.retryAfter > s.longest {
		text += fmt.Sprintf(": it asks to wait %s, longer than the limit of %s", seconds(s.retryAfter), seconds(s.longest))
	}
	if s.says != "" {
		text += ": it says " + s.says
	}
	return text
}

func statusOf(err error) *status {
	s, _ := errors.AsType[*status](err)
	return s
}

// temporary reports whether another try may succeed.
func temporary(err error) bool {
	if s := statusOf(err); s != nil {
		return s.code == http.StatusTooManyRequests || s.code == http.StatusRequestTimeout ||
			s.code >= 500 && s.code != http.StatusNotImplemented
	}
	return cutOff(err)
}

// timedOutError reports whether nothing came in time.
func timedOutError(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

// cutOff reports whether a connection ended early.
func cutOff(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF)
}

func refusedConnection(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

var (
	errPlain = errors.New("speaks plain HTTP, not https")
	errSlow  = errors.New("no answer")
)

// reason explains an error of the network; cause is why the request was cancelled, or nil.
func (c *Client) reason(err, cause error) error {
	var unknown x509.UnknownAuthorityError
	var wrongHost x509.HostnameError
	var invalid x509.CertificateInvalidError
	var notTLS tls.RecordHeaderError
	var network *net.OpError
	switch {
	case errors.Is(cause, errEndless):
		return cause
	case errors.Is(err, errSlow), errors.Is(cause, errSlow):
		return c.noAnswer(connectSteps*c.opt.Timing.Headers, context.DeadlineExceeded)
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &unknown):
		return hinted(fmt.Errorf("its certificate is signed by an unknown authority: %w", err),
			"--ca-file FILE names the authority (PEM); --insecure takes any certificate")
	case errors.As(err, &wrongHost), errors.As(err, &invalid):
		return hinted(fmt.Errorf("its certificate is not valid: %w", err),
			"--insecure takes any certificate; digests are checked anyway")
	case errors.As(err, &notTLS) && string(notTLS.RecordHeader[:]) == "HTTP/":
		return hinted(errPlain, "--insecure takes plain HTTP; digests are checked anyway")
	case timedOutError(err):
		return c.noAnswer(c.opt.Timing.Headers, err)
	case errors.As(err, &notTLS):
		return hinted(errors.New("speaks neither TLS nor HTTP"), "the port may be wrong: is a registry there?")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("ended the connection without an answer: %w", err)
	case !errors.As(err, &network):
		return &shortened{err}
	case network.Op == "remote error":
		return hinted(fmt.Errorf("it ends the TLS connection: %w", network.Err),
			"if it wants a client certificate: --cert-dir DIR holds NAME.cert and NAME.key")
	case network.Op == "proxyconnect":
		return hinted(fmt.Errorf("its proxy: %w", network.Err), proxyAdvice)
	}
	return network.Err
}

// A shortened error cuts off a message that may quote a server at length.
type shortened struct{ error }

func (s *shortened) Unwrap() error { return s.error }

func (s *shortened) Error() string {
	const most = 300
	if text := s.error.Error(); len(text) > most {
		return text[:most] + "…"
	}
	return s.error.Error()
}

const proxyAdvice = "HTTPS_PROXY and HTTP_PROXY name the proxy, NO_PROXY=HOST bypasses it"

// noAnswer says how long the client waited.
func (c *Client) noAnswer(d time.Duration, err error) error {
	return hinted(fmt.Errorf("no answer came in %s: %w", seconds(d), &timedOut{err}),
		"--limit http-headers=SECONDS waits longer")
}

// proxyAnswer says why a proxy does not connect to a registry.
func proxyAnswer(_ context.Context, proxy *url.URL, _ *http.Request, res *http.Response) error {
	if res.StatusCode == http.StatusOK {
		return nil
	}
	return hinted(fmt.Errorf("its proxy %.200q does not connect: status %.100q", proxy.Host, res.Status), proxyAdvice)
}

// A timedOut error does not quote its cause.
type timedOut struct{ err error }

func (t *timedOut) Error() string   { return "timeout" }
func (t *timedOut) Unwrap() error   { return t.err }
func (t *timedOut) Timeout() bool   { return true }
func (t *timedOut) Temporary() bool { return false }
