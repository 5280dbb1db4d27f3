package registry

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"

	"layup/analyze/digest"
)

// A Document is a manifest or an index as it is served.
type Document struct {
	Raw       []byte
	MediaType string // as the server says; empty if it does not name a type of manifest or index
	Digest    string // of Raw; verified
}

// manifestTypes are the media types to ask for.
var manifestTypes = []string{
	"application/vnd.oci.image.index.v1+json",
	"application/vnd.oci.image.manifest.v1+json",
	"application/vnd.docker.distribution.manifest.list.v2+json",
	"application/vnd.docker.distribution.manifest.v2+json",
}

// Manifest fetches a manifest or an index by tag or digest. It compares the digest with the one asked for, or else with
// the one that the server names.
func (c *Client) Manifest(ctx context.Context, ref Reference) (*Document, error) {
	return c.manifest(ctx, ref, false)
}

func (c *Client) manifest(ctx context.Context, ref Reference, optional bool) (*Document, error) {
	q := question{ref: ref, what: fmt.Sprintf("manifest %q", ref.manifest()), path: "manifests/" + ref.manifest(),
		accept: manifestTypes, ok: []int{http.StatusOK}, optional: optional}
	ctx, cancel := c.document(ctx)
	defer cancel()
	a, err := c.get(ctx, q)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	doc, err := c.readManifest(a, ref.Digest)
	if err != nil {
		return nil, a.failure(q, err)
	}
	return doc, nil
}

func (c *Client) readManifest(a *answer, want string) (*Document, error) {
	mediaType, err := a.manifestType()
	if err != nil {
		return nil, err
	}
	raw, err := c.whole(a, want)
	if err != nil {
		return nil, err
	}
	doc := &Document{Raw: raw, MediaType: mediaType, Digest: want}
	if want == "" {
		doc.Digest = a.header.Get("Docker-Content-Digest")
	}
	if !digest.Valid(doc.Digest) {
		doc.Digest = digest.Of(raw)
	}
	return doc, digest.Match(raw, doc.Digest)
}

// manifestType reads Content-Type. It refuses what cannot be a manifest: a login page, a proxy's message.
func (a *answer) manifestType() (string, error) {
	said := a.header.Get("Content-Type")
	mediaType, _, err := mime.ParseMediaType(said)
	if err != nil {
		mediaType = ""
	}
	switch {
	case mediaType == "text/html", strings.HasSuffix(mediaType, "+xml"):
		const what = "is not a manifest but a page of type %.100q: a login page, a proxy, or not a registry"
		return "", hinted(fmt.Errorf(what, said), whoAnswers(a.from.Scheme, a.from.Host))
	case strings.HasPrefix(mediaType, "application/vnd."):
		return mediaType, nil
	}
	return "", nil
}

// whole reads a manifest and undoes the compression that a proxy may add.
func (c *Client) whole(a *answer, want string) ([]byte, error) {
	most := c.opt.MaxManifest
	if a.length > most {
		return nil, tooLong(a.length, most)
	}
	raw, err := io.ReadAll(io.LimitReader(a, most+1))
	if err != nil {
		return nil, fmt.Errorf("after %d bytes: %w", len(raw), err)
	}
	encoded := strings.EqualFold(a.header.Get("Content-Encoding"), "gzip") && bytes.HasPrefix(raw, []byte{0x1f, 0x8b})
	if encoded && (want == "" || digest.Match(raw, want) != nil) {
		plain, err := gzip.NewReader(bytes.NewReader(raw))
		if err == nil {
			raw, err = io.ReadAll(io.LimitReader(plain, most+1))
		}
		if err != nil {
			return nil, fmt.Errorf("its gzip encoding: %w", err)
		}
	}
	if int64(len(raw)) > most {
		return nil, tooLong(int64(len(raw)), most)
	}
	return raw, nil
}

func tooLong(n, most int64) error {
	return hinted(fmt.Errorf("has %d bytes or more, the limit is %d", n, most), "--limit manifest=VALUE changes the limit")
}

// failure adds to an error who answered, and what.
func (a *answer) failure(q question, err error) error {
	return &Failure{Host: a.from.Host, Repository: q.ref.Repository, What: q.what, Err: a.sent.veil(err)}
}
