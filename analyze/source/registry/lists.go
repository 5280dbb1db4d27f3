package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// The bounds of lists: names that are taken, pages that are asked for, and bytes of one page.
const (
	mostNames = 100_000
	mostPages = 200
	maxPage   = 4 << 20
	pageNames = 1000
)

// Tags lists the tags of a repository, sorted.
func (c *Client) Tags(ctx context.Context, ref Reference) ([]string, error) {
	q := question{ref: ref, what: "its list of tags", path: fmt.Sprintf("tags/list?n=%d", pageNames), ok: []int{http.StatusOK}}
	return c.names(ctx, q, func(page []byte) ([]string, error) {
		var doc struct{ Tags []string }
		err := json.Unmarshal(page, &doc)
		return doc.Tags, err
	})
}

// Catalog lists the repositories of a registry, sorted. Many registries serve no catalogue.
func (c *Client) Catalog(ctx context.Context, host string) ([]string, error) {
	q := question{ref: Reference{Host: host}, what: "its catalogue", path: fmt.Sprintf("_catalog?n=%d", pageNames), ok: []int{http.StatusOK}}
	return c.names(ctx, q, func(page []byte) ([]string, error) {
		var doc struct{ Repositories []string }
		err := json.Unmarshal(page, &doc)
		return doc.Repositories, err
	})
}

// names reads a list page by page.
func (c *Client) names(ctx context.Context, q question, parse func([]byte) ([]string, error)) ([]string, error) {
	var all []string
	for range mostPages {
		page, next, err := c.page(ctx, q)
		if err != nil {
			return nil, err
		}
		list, err := parse(page)
		if err != nil {
			return nil, &Failure{Host: q.ref.Host, Repository: q.ref.Repository, What: q.what, Err: fmt.Errorf("not JSON as the distribution specification has it: %w", err)}
		}
		all = append(all, list...)
		if next == "" || next == q.path || len(list) == 0 || len(all) > mostNames {
			break
		}
		q.path = next
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// page reads one page and returns where the next is, as a path below the repository; empty at the last.
func (c *Client) page(ctx context.Context, q question) ([]byte, string, error) {
	a, err := c.get(ctx, q)
	if err != nil {
		return nil, "", err
	}
	defer a.Close()
	page, err := io.ReadAll(io.LimitReader(readerOnly{a}, maxPage+1))
	if err == nil && len(page) > maxPage {
		err = fmt.Errorf("a page of it has more than %d bytes", maxPage)
	}
	if err != nil {
		return nil, "", a.failure(q, err)
	}
	return page, nextPage(a.header.Get("Link"), q.path), nil
}

// nextPage takes the query alone from the link to a further page (RFC 8288): it is of the same list.
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

// Referrers returns the index of what refers to a manifest: signatures, attestations (OCI distribution specification 1.1), by the API or the tag
// ALGORITHM-HEX where the registry has none. Where nothing refers to it, the document is nil.
func (c *Client) Referrers(ctx context.Context, ref Reference, digest string) (*Document, error) {
	q := question{ref: ref, what: "referrers of " + digest, path: "referrers/" + digest, accept: manifestTypes[:1], ok: []int{http.StatusOK}}
	a, err := c.get(ctx, q)
	if NotFound(err) || unsupported(err) {
		doc, err := c.Manifest(ctx, Reference{Host: ref.Host, Repository: ref.Repository, Tag: strings.Replace(digest, ":", "-", 1)})
		if NotFound(err) {
			return nil, nil
		}
		return doc, err
	}
	if err != nil {
		return nil, err
	}
	defer a.Close()
	raw, err := c.whole(a, "")
	if err != nil {
		return nil, a.failure(q, err)
	}
	return &Document{Raw: raw, MediaType: manifestTypes[0], Digest: Digest(raw, "sha256")}, nil
}

// unsupported reports whether a registry says that it does not know a question.
func unsupported(err error) bool {
	s := statusOf(err)
	return s != nil && (s.code == http.StatusMethodNotAllowed || s.code == http.StatusBadRequest || s.code == http.StatusNotImplemented)
}
