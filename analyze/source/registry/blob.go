package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"layup/analyze/digest"
)

// A Descriptor is what a verified manifest says of a blob.
type Descriptor struct {
	Digest string // sha256:HEX or sha512:HEX
	Size   int64  // bytes
}

// A Stream reads a blob as the registry serves it, exactly as many bytes as the descriptor says. If a connection ends
// early, another one continues there. A Stream does not compare the digest.
type Stream struct {
	c    *Client
	ctx  context.Context
	q    question
	size int64

	at      int64   // offset of the next byte
	answer  *answer // nil while none is open
	tries   int     // failures since the offset since
	since   int64
	resumes int
	asked   *endpoint // the last that answered
	stalled bool      // a connection stalled before
	err     error
}

// The bounds on resuming a blob: how often, and after how many bytes a failure counts as the first again.
const (
	mostResumes = 12
	muchRead    = 16 << 20
)

// Stream opens a blob at an offset. It sends the first request: what the registry refuses is an error here.
func (c *Client) Stream(ctx context.Context, ref Reference, d Descriptor, offset int64) (*Stream, error) {
	if err := digest.Check(d.Digest); err != nil {
		return nil, err
	}
	if offset < 0 || offset > d.Size {
		return nil, fmt.Errorf("offset %d is outside a blob of %d bytes", offset, d.Size)
	}
	s := &Stream{c: c, ctx: ctx, q: blobQuestion(ref, d), size: d.Size, at: offset, since: offset}
	if err := s.open(); err != nil {
		return nil, s.failed(err)
	}
	return s, nil
}

func blobQuestion(ref Reference, d Descriptor) question {
	ok := []int{http.StatusOK, http.StatusPartialContent}
	return question{ref: ref, what: "blob " + d.Digest, path: "blobs/" + d.Digest, ok: ok}
}

// open asks for the rest of the blob.
func (s *Stream) open() error {
	if s.at == s.size && s.at > 0 {
		return nil
	}
	s.q.from = s.at
	a, err := s.c.get(s.ctx, s.q)
	if err != nil {
		return err
	}
	s.asked = a.at
	if a.status == http.StatusPartialContent {
		err = s.partial(a)
	} else {
		err = s.again(a)
	}
	if err != nil {
		a.Close()
		return a.elsewhere(err)
	}
	s.answer = a
	return nil
}

// elsewhere adds to an error that another host answered.
func (a *answer) elsewhere(err error) error {
	if a.own {
		return err
	}
	return fmt.Errorf("redirected to %.200q: %w", a.from.Host, err)
}

// partial checks that the answer is the part that was asked for, and that the blob has the right size.
func (s *Stream) partial(a *answer) error {
	want := fmt.Sprintf("bytes %d-%d/%d", s.at, s.size-1, s.size)
	got := a.header.Get("Content-Range")
	if got != want && got != strings.TrimSuffix(want, fmt.Sprint(s.size))+"*" {
		return fmt.Errorf("asked for a part, got another: want %q, got %.100q", want, got)
	}
	return nil
}

// again skips what was read before: the server sends the whole blob.
func (s *Stream) again(a *answer) error {
	if a.length >= 0 && a.length != s.size {
		return fmt.Errorf("size: want %d bytes, the registry sends %d", s.size, a.length)
	}
	if _, err := io.CopyN(io.Discard, a, s.at); err != nil {
		return fmt.Errorf("starting again: %w", err)
	}
	return nil
}

// Read reads on, over as many connections as it takes.
func (s *Stream) Read(p []byte) (int, error) {
	for s.err == nil {
		if s.answer == nil {
			if s.at == s.size {
				return 0, io.EOF
			}
			s.err = s.failed(s.open())
			continue
		}
		n, err := s.read(p)
		if n > 0 || err == io.EOF {
			return n, err
		}
		if err != nil {
			s.err = s.failed(s.recover(err))
		}
	}
	return 0, s.err
}

// read reads from the open answer; io.EOF means that the blob is complete.
func (s *Stream) read(p []byte) (int, error) {
	if s.at == s.size { // the answer must end here
		var one [1]byte
		s.answer.left = min(s.answer.left, excerptTime)
		n, err := s.answer.Read(one[:])
		switch {
		case n > 0:
			s.err = s.failed(s.answer.elsewhere(fmt.Errorf("size: want %d bytes, the registry sends more", s.size)))
			return 0, s.err
		case err == nil:
			return 0, nil
		}
		s.answer.at.note(nil)
		return 0, io.EOF // however the connection ends, all bytes are here
	}
	n, err := s.answer.Read(p[:min(int64(len(p)), s.size-s.at)])
	s.at += int64(n)
	if n > 0 {
		return n, nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return 0, err
}

// recover returns nil if another connection may continue after one ended early.
func (s *Stream) recover(err error) error {
	at := s.answer.at
	err = s.answer.elsewhere(err)
	s.answer.Close()
	s.answer = nil
	if s.ctx.Err() != nil {
		return s.ctx.Err()
	}
	if s.at-s.since >= muchRead {
		s.since, s.tries = s.at, 0
	}
	var wait time.Duration
	var again bool
	if errors.Is(err, errStalled) {
		again, s.stalled = !s.stalled, true
	} else {
		s.tries++
		wait, again = s.c.patience(err, s.tries)
	}
	if s.resumes++; s.resumes > mostResumes || !again {
		err = fmt.Errorf("ended after %d of %d bytes: %w", s.at, s.size, err)
		at.note(err)
		return err
	}
	return sleep(s.ctx, wait)
}

// failed adds the blob to an error that does not name it.
func (s *Stream) failed(err error) error {
	if _, named := errors.AsType[*Failure](err); err == nil || named || s.ctx.Err() != nil {
		return err
	}
	f := &Failure{Host: s.q.ref.Host, Repository: s.q.ref.Repository, What: s.q.what, Err: s.c.sent.veil(err)}
	if s.asked != nil {
		f.Host, f.Repository = s.asked.addr, s.asked.prefix+f.Repository
	}
	return f
}

// Close ends the request.
func (s *Stream) Close() error {
	if s.answer == nil {
		return nil
	}
	err := s.answer.Close()
	s.answer = nil
	return err
}

// Bytes returns a small blob, such as a config, after comparing its digest. Most bounds its size in bytes.
func (c *Client) Bytes(ctx context.Context, ref Reference, d Descriptor, most int64) ([]byte, error) {
	if d.Size > most {
		return nil, fmt.Errorf("blob %s: has %d bytes, the limit is %d", d.Digest, d.Size, most)
	}
	ctx, cancel := c.document(ctx)
	defer cancel()
	s, err := c.Stream(ctx, ref, d, 0)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	content, err := io.ReadAll(s)
	if err == nil {
		err = s.failed(digest.Match(content, d.Digest))
	}
	return content, err
}

// ErrNoRange says that a server ignores Range requests.
var ErrNoRange = errors.New("the registry does not send parts of a blob")

// Part returns the bytes of a blob between two offsets, by a Range request. It checks only their number.
func (c *Client) Part(ctx context.Context, ref Reference, d Descriptor, from, to int64) ([]byte, error) {
	if from < 0 || to <= from || to > d.Size {
		return nil, fmt.Errorf("bytes %d to %d are not in a blob of %d bytes", from, to, d.Size)
	}
	q := blobQuestion(ref, d)
	q.from, q.to = from, to
	a, err := c.get(ctx, q)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	if a.status != http.StatusPartialContent {
		return nil, ErrNoRange
	}
	want, got := fmt.Sprintf("bytes %d-%d/%d", from, to-1, d.Size), a.header.Get("Content-Range")
	if got != want && got != strings.TrimSuffix(want, fmt.Sprint(d.Size))+"*" {
		return nil, a.failure(q, fmt.Errorf("asked for a part, got another: want %q, got %.100q", want, got))
	}
	part := make([]byte, to-from)
	if _, err := io.ReadFull(a, part); err != nil {
		return nil, a.failure(q, fmt.Errorf("a part of it: %w", err))
	}
	return part, nil
}
