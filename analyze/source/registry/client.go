package registry

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A Client asks registries. It keeps connections and tokens until Close. Several goroutines may use it.
type Client struct {
	opt       Options
	transport *http.Transport // to registries and their mirrors
	strangers *http.Transport // to other hosts: it shows no certificate
	mirrors   []mirror
	keys      *keychain
	sent      *sent

	mu        sync.Mutex
	endpoints map[string][]*endpoint // by host: mirrors first, the registry itself last
	noted     map[string]bool        // notes that the user got
}

// New returns a client. It opens no connection. The error says which option is wrong.
func New(opt Options) (*Client, error) {
	opt.Timing = opt.Timing.orDefault()
	if opt.MaxManifest <= 0 {
		opt.MaxManifest = defaultManifest
	}
	c := &Client{opt: opt, endpoints: map[string][]*endpoint{}, noted: map[string]bool{}, sent: &sent{}}
	var err error
	if c.mirrors, err = parseMirrors(opt.Mirrors); err != nil {
		return nil, err
	}
	if c.keys, err = newKeychain(opt); err != nil {
		return nil, err
	}
	if c.strangers, err = opt.transport(); err != nil {
		return nil, err
	}
	certificates, err := opt.identity()
	c.useCertificates(certificates)
	return c, err
}

// useCertificates shows the client's certificates to registries only.
func (c *Client) useCertificates(list []tls.Certificate) {
	c.transport = c.strangers
	if len(list) > 0 {
		c.transport = c.strangers.Clone()
		c.transport.TLSClientConfig.Certificates = list
	}
}

// Close closes idle connections.
func (c *Client) Close() error {
	c.transport.CloseIdleConnections()
	c.strangers.CloseIdleConnections()
	return nil
}

// A question is a GET for an endpoint of the reference.
type question struct {
	ref    Reference
	what   string // for messages: manifest "1.2", blob sha256:…
	path   string // after /v2/REPOSITORY/; after /v2/ if there is no repository
	accept []string
	from   int64 // the first byte
	to     int64 // after the last byte; 0 for all
	ok     []int // statuses that are answers

	optional bool // "not found" from a mirror is the answer if the registry cannot be reached
}

func (q question) scope() string {
	if q.ref.Repository == "" {
		return "registry:catalog:*"
	}
	return "repository:" + q.ref.Repository + ":pull"
}

// get asks the mirrors of the host, then the host itself, until one answers.
func (c *Client) get(ctx context.Context, q question) (*answer, error) {
	if c.opt.Offline {
		return nil, errOffline
	}
	var missing *Failure // a mirror's "not found"
	for _, e := range c.endpointsOf(q.ref.Host) {
		a, err := c.insist(ctx, e, q)
		if err == nil {
			return a, nil
		}
		f := &Failure{Host: e.addr, Repository: e.prefix + q.ref.Repository, What: q.what, Err: c.sent.veil(err)}
		switch {
		case missing != nil && !e.mirror && statusOf(err) == nil && ctx.Err() == nil:
			c.noteOnce(fmt.Sprintf("%s: only its mirror says what refers to the image: %v", q.ref.Host, f))
			return nil, missing
		case !e.mirror || ctx.Err() != nil || !f.absent():
			return nil, f
		case q.optional && NotFound(f):
			missing = f
			continue
		case statusOf(f) == nil:
			e.lost()
		}
		c.noteOnce(fmt.Sprintf("mirror of %s: %v", q.ref.Host, f))
	}
	return nil, &Failure{Host: q.ref.Host, Repository: q.ref.Repository, What: q.what, Err: errNoEndpoint}
}

// noteOnce tells the user something, once.
func (c *Client) noteOnce(text string) {
	c.mu.Lock()
	told := c.noted[text]
	c.noted[text] = true
	c.mu.Unlock()
	if !told && c.opt.Note != nil {
		c.opt.Note(text)
	}
}

// insist asks an endpoint, and asks again if it fails fast.
func (c *Client) insist(ctx context.Context, e *endpoint, q question) (*answer, error) {
	if err := e.down(); err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		a, err := c.exchange(ctx, e, q)
		if err == nil {
			a.at = e
			return a, nil
		}
		wait, again := c.patience(err, try)
		if !again {
			if temporary(err) || timedOutError(err) {
				e.note(err)
			}
			return nil, err
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// patience returns how long to wait before the next try; false if there is none.
func (c *Client) patience(err error, try int) (time.Duration, bool) {
	t := c.opt.Timing
	if try >= t.Tries || !temporary(err) {
		return 0, false
	}
	if s := statusOf(err); s != nil && s.retryAfter > 0 {
		return s.retryAfter, s.retryAfter <= t.RetryAfter
	}
	wait := t.Backoff
	for range try - 1 {
		wait *= 5
	}
	return wait, true
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// exchange asks once, with credentials if the endpoint demands them.
func (c *Client) exchange(ctx context.Context, e *endpoint, q question) (*answer, error) {
	header := http.Header{"Accept-Encoding": {"identity"}, "User-Agent": {"layup"}}
	for _, mediaType := range q.accept {
		header.Add("Accept", mediaType)
	}
	switch {
	case q.to > 0:
		header.Set("Range", fmt.Sprintf("bytes=%d-%d", q.from, q.to-1))
	case q.from > 0:
		header.Set("Range", fmt.Sprintf("bytes=%d-", q.from))
	}
	used := e.authorization(q.scope())
	for fresh := false; ; fresh = true {
		a, err := c.send(ctx, e, q, header, used)
		if err != nil {
			return nil, err
		}
		if a.status != http.StatusUnauthorized || !a.own {
			return a.accepted(q.ok, c.opt.Timing)
		}
		refused := a.refusal(c.opt.Timing)
		refused.loggedIn = strings.HasPrefix(used, "Basic ")
		if fresh {
			return nil, refused
		}
		if used, err = c.authorize(ctx, e, q.scope(), a.header, used, refused); err != nil {
			return nil, err
		}
	}
}
