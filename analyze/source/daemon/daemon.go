// Package daemon asks a running engine, Docker or podman, for its images over a Unix socket (Docker Engine API).
package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"syscall"
	"time"

	"layup/analyze/show"
	"layup/analyze/source/advice"
	"layup/analyze/source/disk"
)

// The limits of an engine's answers.
const (
	maxList    = 64 << 20 // bytes of a list of images
	maxMessage = 64 << 10 // bytes of an error's message
	dialTime   = 10 * time.Second
)

// listHint is the command that lists the images.
const listHint = "layup images docker-daemon:  lists the engine's images"

// A Client asks the engine at a socket. It connects with the first question.
type Client struct {
	socket string
	http   *http.Client
}

// New finds the engine's socket as docker does: in DOCKER_HOST, in the current Docker context, or /var/run/docker.sock.
func New(getenv func(string) string) (*Client, error) {
	host, err := host(getenv)
	if err != nil {
		return nil, err
	}
	socket, ok := strings.CutPrefix(host, "unix://")
	if !ok || socket == "" {
		return nil, &advice.Hinted{
			Err:  fmt.Errorf("the engine's address %s is not a Unix socket: only unix://PATH is supported", show.Cut(host)),
			Hint: "docker save -o image.tar IMAGE, then read image.tar",
		}
	}
	dialer := &net.Dialer{Timeout: dialTime}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return dialer.DialContext(ctx, "unix", socket)
	}}
	never := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{socket, &http.Client{Transport: transport, CheckRedirect: never}}, nil
}

// Close closes idle connections.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// An Image is an image of an engine.
type Image struct {
	ID       string `json:"Id"` // sha256:HEX
	RepoTags []string
	Created  int64 // seconds since 1970
	Size     int64 // bytes, as the engine counts
}

// Images lists the engine's images.
func (c *Client) Images(ctx context.Context) ([]Image, error) {
	body, err := c.get(ctx, "/images/json")
	if err != nil {
		return nil, err
	}
	defer body.Close()
	doc, err := io.ReadAll(io.LimitReader(body, maxList+1))
	var list []Image
	switch {
	case err != nil:
		return nil, c.failed(err)
	case len(doc) > maxList:
		return nil, c.failed(fmt.Errorf("its list of images has more than %d MiB", maxList>>20))
	case json.Unmarshal(doc, &list) != nil:
		return nil, c.failed(errors.New("its list of images is not JSON of the Docker Engine API"))
	}
	return list, nil
}

// Save returns an image as docker save writes it. The reader's error is io.EOF only at the end of the engine's answer.
// The error is an advice.ErrNoImage if the engine does not have the image.
func (c *Client) Save(ctx context.Context, ref string) (io.ReadCloser, error) {
	odd := func(r rune) bool { return r <= ' ' || r > '~' }
	if path.Clean(ref) != ref || path.IsAbs(ref) || strings.HasPrefix(ref, "..") || strings.ContainsFunc(ref, odd) {
		return nil, fmt.Errorf("bad name of an image: %s", show.Cut(ref))
	}
	body, err := c.get(ctx, "/images/"+ref+"/get")
	if err != nil {
		return nil, err
	}
	return &saved{ReadCloser: body, c: c}, nil
}

// get returns the body of an answer.
func (c *Client) get(ctx context.Context, path string) (io.ReadCloser, error) {
	to := url.URL{Scheme: "http", Host: "engine", Path: path}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreached(err)
	}
	if res.StatusCode == http.StatusOK {
		return res.Body, nil
	}
	defer res.Body.Close()
	return nil, c.refused(res)
}

// refused is the error about an answer that is not an image or a list.
func (c *Client) refused(res *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxMessage)) // the status says enough
	var doc struct{ Message string }
	text := fmt.Sprintf("status %d", res.StatusCode)
	if json.Unmarshal(body, &doc) == nil && doc.Message != "" {
		text += ": it says " + show.Cut(doc.Message)
	}
	err := c.failed(errors.New(text))
	if res.StatusCode == http.StatusNotFound {
		return &advice.Hinted{Err: absent{err}, Hint: listHint}
	}
	return err
}

// An absent error is an advice.ErrNoImage.
type absent struct{ error }

func (absent) Is(target error) bool { return target == advice.ErrNoImage }

// unreached is the error if there is no answer.
func (c *Client) unreached(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		err = e.Err
	}
	hint := ""
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		hint = "is the engine running? DOCKER_HOST=unix://PATH names another socket, such as podman's " +
			"$XDG_RUNTIME_DIR/podman/podman.sock"
	case errors.Is(err, fs.ErrPermission):
		hint = "run layup as root, or as a member of the socket's group (docker)"
	default:
		return c.failed(err)
	}
	if e, ok := errors.AsType[syscall.Errno](err); ok {
		err = e
	}
	return &advice.Hinted{Err: c.failed(err), Hint: hint}
}

// failed names the socket in an error.
func (c *Client) failed(err error) error {
	return fmt.Errorf("engine at %s: %w", show.Safe(c.socket), disk.Plain(err))
}

// saved counts the bytes of an image.
type saved struct {
	io.ReadCloser
	c *Client
	n int64
}

func (s *saved) Read(p []byte) (int, error) {
	n, err := s.ReadCloser.Read(p)
	s.n += int64(n)
	if err != nil && err != io.EOF {
		err = s.c.failed(fmt.Errorf("its answer ended after %d bytes: %w", s.n, err))
	}
	return n, err
}
