package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

var errNoEndpoint = errors.New("neither a mirror nor the registry has it")

// An endpoint is a server that answers for a registry: itself, or a mirror.
type endpoint struct {
	host    string   // the key to its credentials
	addr    string   // host and port as in URLs
	prefix  string   // before the repository's name
	schemes []string // tried until one answers
	mirror  bool

	mu      sync.Mutex
	settled bool              // the first scheme is right
	away    bool              // a mirror that did not answer: it is not asked again
	failed  int               // questions in a row without an answer
	last    error             // of the last such question
	tokens  map[string]string // Authorization by scope
}

// endpointsOf returns the endpoints of a registry's host.
func (c *Client) endpointsOf(host string) []*endpoint {
	c.mu.Lock()
	defer c.mu.Unlock()
	list, known := c.endpoints[host]
	if !known {
		for _, m := range c.mirrors {
			if m.host == host {
				at := m.base.Host
				list = append(list, &endpoint{host: at, addr: at, prefix: m.prefix, schemes: []string{m.base.Scheme},
					mirror: true, tokens: map[string]string{}})
			}
		}
		addr := host
		if host == dockerHub {
			addr = dockerHubServer
		}
		list = append(list, &endpoint{host: host, addr: addr, schemes: c.schemes(host), tokens: map[string]string{}})
		c.endpoints[host] = list
	}
	return slices.DeleteFunc(slices.Clone(list), (*endpoint).isAway)
}

// schemes returns the schemes to try for a host. Plain HTTP is for this machine only, unless --insecure allows it.
func (c *Client) schemes(host string) []string {
	switch {
	case loopback(host):
		return []string{"http", "https"}
	case c.opt.Insecure:
		return []string{"https", "http"}
	}
	return []string{"https"}
}

func (e *endpoint) isAway() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.away
}

func (e *endpoint) lost() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.away = true
}

// mostFailures is how many questions in a row may fail before the endpoint is not asked any more: a manifest may name a
// thousand layers.
const mostFailures = 3

// note records how a question ended.
func (e *endpoint) note(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err == nil {
		e.failed = 0
		return
	}
	e.failed++
	e.last = err
}

// down returns why the endpoint is not asked any more, or nil.
func (e *endpoint) down() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failed < mostFailures {
		return nil
	}
	return fmt.Errorf("not asked, after %d questions in a row had failed: %w", e.failed, e.last)
}

func (e *endpoint) authorization(scope string) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tokens[scope]
}

// candidates returns the schemes to try, and whether the first is known to be right.
func (e *endpoint) candidates() ([]string, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.schemes, e.settled
}

func (e *endpoint) settle(scheme string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.schemes, e.settled = []string{scheme}, true
}

// url returns the URL of a question.
func (e *endpoint) url(scheme string, q question) *url.URL {
	path := "/v2/"
	if q.ref.Repository != "" {
		path += e.prefix + q.ref.Repository + "/"
	}
	path, query, _ := strings.Cut(path+q.path, "?")
	return &url.URL{Scheme: scheme, Host: e.addr, Path: path, RawQuery: query}
}

// send asks in the right scheme. The first answer tells which one that is.
func (c *Client) send(ctx context.Context, e *endpoint, q question, header http.Header,
	authorization string) (*answer, error) {
	schemes, settled := e.candidates()
	for i, scheme := range schemes {
		a, err := c.follow(ctx, e.url(scheme, q), header, authorization, true)
		if !settled && i < len(schemes)-1 && otherScheme(a, err) {
			if a != nil {
				a.Close()
			}
			continue
		}
		if err == nil && !settled {
			e.settle(scheme)
		}
		return a, err
	}
	return nil, errNoEndpoint
}

// otherScheme reports whether a server speaks TLS and was asked in plain HTTP, or the reverse.
func otherScheme(a *answer, err error) bool {
	if err != nil {
		return errors.Is(err, errPlain) || strings.Contains(err.Error(), "malformed HTTP response") || refusedConnection(err)
	}
	if a.status != http.StatusBadRequest || a.header.Get("Docker-Distribution-Api-Version") != "" {
		return false
	}
	text := string(a.excerpt())
	return strings.Contains(text, "HTTPS") || strings.Contains(text, "SSL")
}

// follow sends a GET and follows redirects. Credentials go to the first host and port only. If own is true, that host
// also sees the client's certificate.
func (c *Client) follow(ctx context.Context, to *url.URL, header http.Header, authorization string,
	own bool) (*answer, error) {
	first := to
	for hops := 0; ; hops++ {
		req := &http.Request{Method: http.MethodGet, URL: to, Host: to.Host, Header: header.Clone()}
		if authorization != "" && sameOrigin(first, to) {
			req.Header.Set("Authorization", authorization)
		}
		a, err := c.ask(ctx, req, own && sameOrigin(first, to))
		if err != nil || !redirects[a.status] || a.header.Get("Location") == "" {
			if a != nil {
				a.own = sameOrigin(first, to)
			}
			return a, err
		}
		location := a.header.Get("Location")
		a.Close()
		if hops == c.opt.Timing.Redirects {
			return nil, fmt.Errorf("more than %d redirects, the last to %.200q", c.opt.Timing.Redirects, location)
		}
		if to, err = c.next(to, location); err != nil {
			return nil, err
		}
	}
}

var redirects = map[int]bool{301: true, 302: true, 303: true, 307: true, 308: true}

// next returns the URL that a redirect leads to, if it may be followed.
func (c *Client) next(from *url.URL, location string) (*url.URL, error) {
	to, err := from.Parse(location)
	switch {
	case err != nil || to.Host == "" && (to.Scheme == "http" || to.Scheme == "https"):
		return nil, fmt.Errorf("redirected to %.200q, which is not a URL", location)
	case to.Scheme != "http" && to.Scheme != "https":
		return nil, fmt.Errorf("redirected to %.200q: only http and https are followed", location)
	case from.Scheme == "https" && to.Scheme == "http" && !c.opt.Insecure:
		return nil, hinted(fmt.Errorf("redirected from https to plain HTTP: %.200q", location),
			"--insecure follows it; digests are checked anyway")
	}
	to.User = nil
	return to, nil
}

func sameOrigin(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }

// connectSteps is the number of steps that may each take Timing.Headers: dialling, TLS, the answer.
const connectSteps = 3

// ask sends one request; if own is true, the host sees the client's certificate. A stall cancels the context of the
// answer's body.
func (c *Client) ask(ctx context.Context, req *http.Request, own bool) (*answer, error) {
	via := c.strangers
	if own {
		via = c.transport
	}
	ctx, cancel := context.WithCancelCause(ctx)
	// The timeouts of the transport do not cover the time in which a proxy connects.
	slow := time.AfterFunc(connectSteps*c.opt.Timing.Headers, func() { cancel(errSlow) })
	res, err := via.RoundTrip(req.WithContext(httptrace.WithClientTrace(ctx, refuseInterim)))
	if !slow.Stop() && err == nil {
		err = errors.Join(errSlow, res.Body.Close())
	}
	if err == nil && res.StatusCode == http.StatusSwitchingProtocols {
		err = errors.Join(interim(res.StatusCode), res.Body.Close())
	}
	if err != nil {
		err = c.reason(err, context.Cause(ctx))
		cancel(nil)
		return nil, err
	}
	a := &answer{
		status: res.StatusCode, header: res.Header, length: res.ContentLength, from: req.URL, own: true,
		body: res.Body, ctx: ctx, cancel: cancel, timing: c.opt.Timing, left: c.opt.Timing.Stall, sent: c.sent,
	}
	a.timer = time.AfterFunc(time.Hour, func() { cancel(errStalled) })
	a.timer.Stop()
	return a, nil
}

// refuseInterim ends a request that is answered with a status below 200: no request asks for one.
var refuseInterim = &httptrace.ClientTrace{
	Got1xxResponse: func(code int, _ textproto.MIMEHeader) error { return interim(code) },
}

func interim(code int) error {
	return fmt.Errorf("answers with status %d, which nothing asked for", code)
}
