package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"layup/analyze/show"
)

// An answer is a response. Reading its body fails if it comes too slowly.
type answer struct {
	status int
	header http.Header
	length int64 // -1 unknown
	from   *url.URL
	at     *endpoint // asked; nil for a token server
	own    bool      // it comes from that endpoint, not from a host that it redirects to

	body   io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	timing Timing
	sent   *sent
	got    int64         // bytes in the current window
	left   time.Duration // of that window
	head   []byte        // read ahead by excerpt
}

var (
	errStalled = errors.New("stalled")
	errEndless = errors.New("did not end in time")
)

// document bounds the time for a document, which is small: whoever sends it byte by byte is not waited for.
func (c *Client) document(ctx context.Context) (context.Context, context.CancelFunc) {
	d := c.opt.Timing.Document
	return context.WithTimeoutCause(ctx, d, fmt.Errorf("%w: the limit is %s", errEndless, seconds(d)))
}

// Read reads the body. Only the time that it waits for the server counts.
func (a *answer) Read(p []byte) (int, error) {
	if len(a.head) > 0 {
		n := copy(p, a.head)
		a.head = a.head[n:]
		return n, nil
	}
	began := time.Now()
	a.timer.Reset(max(a.left, 1))
	n, err := a.body.Read(p)
	a.timer.Stop()
	if a.got += int64(n); a.got >= a.timing.StallBytes {
		a.got, a.left = 0, a.timing.Stall
	} else {
		a.left -= time.Since(began)
	}
	cause := context.Cause(a.ctx)
	switch {
	case err == nil, err == io.EOF:
	case errors.Is(cause, errEndless):
		err = cause
	case errors.Is(cause, errStalled):
		err = fmt.Errorf("%w: less than %s came in %s", errStalled, bytesOf(a.timing.StallBytes), seconds(a.timing.Stall))
	}
	return n, err
}

// Close ends the request.
func (a *answer) Close() error {
	a.timer.Stop()
	a.cancel(nil)
	return a.body.Close()
}

// maxExcerpt is how many bytes of an error's body are read at most; excerptTime is the longest wait for them.
const (
	maxExcerpt  = 4 << 10
	excerptTime = 2 * time.Second
)

// excerpt returns the beginning of the body. Read returns it again.
func (a *answer) excerpt() []byte {
	if a.head == nil {
		a.left = min(a.left, excerptTime)
		head := make([]byte, maxExcerpt)
		n, _ := io.ReadFull(a, head)
		a.head = head[:n]
	}
	return a.head
}

// accepted returns the answer, or an error if its status is not one of ok.
func (a *answer) accepted(ok []int, t Timing) (*answer, error) {
	if slices.Contains(ok, a.status) {
		return a, nil
	}
	return nil, a.refusal(t)
}

// refusal reads what the server says about an error, and closes the answer.
func (a *answer) refusal(t Timing) *status {
	defer a.Close()
	s := &status{code: a.status, from: a.from.Host, own: a.own, longest: t.RetryAfter}
	s.says = says([]byte(a.sent.mask(string(a.excerpt()))))
	if after := a.header.Get("Retry-After"); after != "" {
		if n, err := strconv.ParseInt(after, 10, 64); err == nil && n >= 0 {
			s.retryAfter = time.Duration(min(n, int64(1<<33))) * time.Second
		} else if at, err := http.ParseTime(after); err == nil {
			s.retryAfter = max(time.Until(at), 0)
		}
	}
	return s
}

// says returns the message in an error's body: the registry's own, or the beginning of any text that is not HTML.
func says(body []byte) string {
	var doc struct {
		Errors []struct{ Code, Message string }
	}
	text := ""
	if json.Unmarshal(body, &doc) == nil && len(doc.Errors) > 0 {
		text = strings.TrimSpace(doc.Errors[0].Code + ": " + doc.Errors[0].Message)
	} else if trimmed := bytes.TrimSpace(body); !bytes.HasPrefix(trimmed, []byte("<")) {
		text = string(trimmed)
	}
	if text == "" {
		return ""
	}
	return show.CutTo(text, 120)
}

func bytesOf(n int64) string {
	if n%1024 == 0 {
		return fmt.Sprintf("%d KiB", n/1024)
	}
	return fmt.Sprintf("%d bytes", n)
}

// seconds prints a duration as people say it.
func seconds(d time.Duration) string {
	if d >= time.Second {
		return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + " s"
	}
	return d.String()
}
