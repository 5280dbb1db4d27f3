package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// The bounds of a list.
const (
	mostNames = 100_000
	maxNames  = 16 << 20 // bytes of names
	mostPages = 200
	mostIdle  = 3       // pages in a row without a new name
	maxPage   = 4 << 20 // bytes
	pageNames = 1000    // to ask for in a page
)

// whatTags names a list of tags in messages.
const whatTags = "its list of tags"

// Tags lists the tags of a repository, sorted.
func (c *Client) Tags(ctx context.Context, ref Reference) ([]string, error) {
	q := question{ref: ref, what: whatTags, path: fmt.Sprintf("tags/list?n=%d", pageNames), ok: []int{http.StatusOK}}
	return c.names(ctx, q)
}

// Catalog lists the repositories of a registry, sorted. Many registries serve no catalogue.
func (c *Client) Catalog(ctx context.Context, host string) ([]string, error) {
	path := fmt.Sprintf("_catalog?n=%d", pageNames)
	q := question{ref: Reference{Host: host}, what: "its catalogue", path: path, ok: []int{http.StatusOK}}
	return c.names(ctx, q)
}

// names reads a list of tags or repositories page by page. A list that cannot be read to its end is an error.
func (c *Client) names(ctx context.Context, q question) ([]string, error) {
	l := nameList{seen: map[string]bool{}}
	for {
		page, next, err := c.page(ctx, q, readPage)
		if err != nil {
			return nil, err
		}
		var doc struct{ Tags, Repositories []string }
		if err = json.Unmarshal(page, &doc); err != nil {
			err = fmt.Errorf("is not the JSON of the distribution specification: %w", err)
		} else {
			err = l.add(append(doc.Tags, doc.Repositories...), next != "")
		}
		if err != nil {
			return nil, &Failure{Host: q.ref.Host, Repository: q.ref.Repository, What: q.what, Err: c.sent.veil(err)}
		}
		if next == "" {
			return slices.Sorted(maps.Keys(l.seen)), nil
		}
		q.path = next
	}
}

// A nameList is the names in the pages of a list so far.
type nameList struct {
	seen               map[string]bool
	bytes, pages, idle int
}

// add adds the names of a page. A list that does not end, or repeats itself, is an error.
func (l *nameList) add(names []string, more bool) error {
	before := len(l.seen)
	for _, name := range names {
		if !l.seen[name] {
			l.seen[name] = true
			l.bytes += len(name)
		}
	}
	l.pages++
	l.idle++
	if len(l.seen) > before {
		l.idle = 0
	}
	switch {
	case len(l.seen) > mostNames:
		return fmt.Errorf("has more than %d names", mostNames)
	case l.bytes > maxNames:
		return fmt.Errorf("has names of more than %s", bytesOf(maxNames))
	case more && l.idle == mostIdle:
		return fmt.Errorf("does not end: %d pages in a row have no new name", mostIdle)
	case more && l.pages == mostPages:
		return fmt.Errorf("has more than %d pages", mostPages)
	}
	return nil
}

// page reads one page. It also returns the path of the next page below the repository; empty after the last.
func (c *Client) page(ctx context.Context, q question, read func(*answer) ([]byte, error)) ([]byte, string, error) {
	ctx, cancel := c.document(ctx)
	defer cancel()
	a, err := c.get(ctx, q)
	if err != nil {
		return nil, "", err
	}
	defer a.Close()
	page, err := read(a)
	if err != nil {
		return nil, "", a.failure(q, err)
	}
	return page, nextPage(a.header.Get("Link"), q.path), nil
}

func readPage(a *answer) ([]byte, error) {
	page, err := io.ReadAll(io.LimitReader(a, maxPage+1))
	if err == nil && len(page) > maxPage {
		err = fmt.Errorf("a page of it has more than %d bytes", maxPage)
	}
	return page, err
}

// nextPage returns the path of the next page, which differs in the query only (RFC 8288).
func nextPage(link, path string) string {
	to, rest, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(link), "<"), ">")
	if !ok || !strings.Contains(rest, "next") {
		return ""
	}
	u, err := url.Parse(to)
	if err != nil {
		return ""
	}
	path, _, _ = strings.Cut(path, "?")
	return path + "?" + u.RawQuery
}

// mostReferrerPages bounds the pages of a list of referrers.
const mostReferrerPages = 10

// Referrers returns the indexes of what refers to a manifest, such as signatures and attestations; one for each page.
// If the registry does not have this API, the index has the tag ALGORITHM-HEX. Source: OCI distribution specification
// 1.1.
func (c *Client) Referrers(ctx context.Context, ref Reference, digest string) ([][]byte, error) {
	q := question{ref: ref, what: "referrers of " + digest, path: "referrers/" + digest, accept: manifestTypes[:1],
		ok: []int{http.StatusOK}, optional: true}
	var pages [][]byte
	for asked := map[string]bool{}; q.path != ""; {
		page, next, err := c.page(ctx, q, func(a *answer) ([]byte, error) { return c.whole(a, "") })
		switch {
		case len(pages) == 0 && (NotFound(err) || unsupported(err)):
			return c.referrersByTag(ctx, ref, digest)
		case err != nil:
			return nil, err
		}
		pages, asked[q.path] = append(pages, page), true
		if asked[next] || next != "" && len(pages) == mostReferrerPages {
			err := fmt.Errorf("their list repeats a page, or has more than %d pages", mostReferrerPages)
			return nil, &Failure{Host: ref.Host, Repository: ref.Repository, What: q.what, Err: c.sent.veil(err)}
		}
		q.path = next
	}
	return pages, nil
}

// referrersByTag asks for the index of referrers by its tag.
func (c *Client) referrersByTag(ctx context.Context, ref Reference, digest string) ([][]byte, error) {
	doc, err := c.Attached(ctx, ref, strings.Replace(digest, ":", "-", 1))
	if err != nil || doc == nil {
		return nil, err
	}
	return [][]byte{doc.Raw}, nil
}

// Attached fetches the manifest that a tag of the repository names, if there is one: a tag that the name of another
// manifest makes. It returns nil without an error if there is no such tag.
func (c *Client) Attached(ctx context.Context, ref Reference, tag string) (*Document, error) {
	ref.Tag, ref.Digest = tag, ""
	doc, err := c.manifest(ctx, ref, true)
	if NotFound(err) {
		return nil, nil
	}
	return doc, err
}

// unsupported reports whether a registry says that it does not have an API.
func unsupported(err error) bool {
	s := statusOf(err)
	codes := []int{http.StatusMethodNotAllowed, http.StatusBadRequest, http.StatusNotImplemented}
	return s != nil && slices.Contains(codes, s.code)
}
