package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"layup/analyze/show"
	"layup/report/call"
	"layup/report/engineapi"
)

const serveDetails = `
Answers docker on a Unix socket, read-only, as an engine with these images does: docker -H unix://PATH image ls, image
inspect, inspect, history. Requests that change something are refused. All images of a file are served; of a directory
that is not a layout, the images of each file in it. --image and --platform choose. Every image is loaded and verified
before the socket exists. layup serves until it is interrupted, and then removes the socket.

The socket has mode 0600: only you can use it. PATH must not exist, unless it is a socket left by an earlier run. A
tag, an ID, the beginning of an ID, or the digest of a manifest names an image. If two files have one tag, the later
file takes it, as with docker load. If a file has several platforms, the tag names this machine's.
`

// The limits of a client, which asks one short question at a time.
const (
	mostClients    = 64
	mostHeader     = 16 << 10 // bytes
	questionTime   = 10 * time.Second
	answerTime     = time.Minute
	idleTime       = 2 * time.Minute
	longestAddress = 103 // bytes of a socket's path: the least of all systems
)

// Serve is the command serve.
func Serve() call.Command {
	return call.Command{Name: "serve", Group: call.Other, Brief: "for docker -H, read-only",
		Args: "IMAGE...", Min: 1, Max: -1, Plain: true, New: newServe,
		Details: serveDetails,
		Refuses: []call.Refusal{call.NoTOC, {Flag: "output", Why: "it writes no document"}},
		About:   "answer docker -H unix://PATH about image files",
		Examples: []string{"layup serve --socket ./layup.sock shop.tar base.tar",
			"docker -H unix://$PWD/layup.sock image ls"}}
}

func newServe(f *pflag.FlagSet) call.Answer {
	path := f.String("socket", "", "listen on the Unix socket `PATH`")
	return func(ctx context.Context, c *call.Call) (int, error) {
		if *path == "" {
			return call.Failed, call.Usage("layup serve --socket ./layup.sock "+show.Shell(c.Args[0]),
				"serve: --socket PATH is missing")
		}
		if scheme, _, ok := strings.Cut(*path, "://"); ok && scheme != "unix" {
			return call.Failed, call.Usage("layup serve --socket ./layup.sock "+show.Shell(c.Args[0]),
				"--socket %q: layup serves on a Unix socket only", *path)
		}
		address, err := filepath.Abs(strings.TrimPrefix(*path, "unix://")) // docker -H takes unix://PATH
		if err != nil {
			return call.Failed, fmt.Errorf("--socket %q: %w", *path, err)
		}
		if _, err := checkSocket(address); err != nil { // before the images are loaded
			return call.Failed, fmt.Errorf("--socket %q: %w", *path, err)
		}
		s := &served{c: c}
		if status, err := s.load(ctx); status != call.Answered || err != nil {
			return status, err
		}
		listener, err := listenPrivately(address)
		if err != nil {
			return call.Failed, fmt.Errorf("--socket %q: %w", *path, err)
		}
		version, _, _ := call.Build()
		c.Note(fmt.Sprintf("serving %s on unix://%s", show.Count(len(s.images), "image"), show.Shell(address)))
		return call.Answered, serveOn(ctx, listener, engineapi.New(s.images, version))
	}
}

// newServer returns a server that disconnects idle clients.
func newServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler: handler, ReadHeaderTimeout: questionTime, ReadTimeout: questionTime, WriteTimeout: answerTime,
		IdleTimeout: idleTime, MaxHeaderBytes: mostHeader,
		ErrorLog: log.New(io.Discard, "", 0), // clients are told of their mistakes
	}
}

// serveOn answers clients until the context ends.
func serveOn(ctx context.Context, listener net.Listener, handler http.Handler) error {
	srv := newServer(handler)
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(&limited{Listener: listener, free: make(chan struct{}, mostClients)}) }()
	select {
	case err := <-ended:
		return errors.Join(fmt.Errorf("serve: %w", err), listener.Close())
	case <-ctx.Done():
		// A server that has not begun does not close the listener, which removes the socket.
		return errors.Join(srv.Close(), listener.Close())
	}
}

// A limited listener has at most cap(free) connections; others wait.
type limited struct {
	net.Listener
	free chan struct{}
}

// Accept waits for a place, then for a client.
func (l *limited) Accept() (net.Conn, error) {
	l.free <- struct{}{}
	conn, err := l.Listener.Accept()
	if err != nil {
		<-l.free
		return nil, err
	}
	return &seated{Conn: conn, free: l.free}, nil
}
