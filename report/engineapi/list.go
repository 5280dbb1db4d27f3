package engineapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"layup/analyze"
	"layup/analyze/source/document"
)

// summary is an element of GET /images/json.
type summary struct {
	Containers  int // -1: not counted
	Created     int64
	ID          string `json:"Id"`
	Labels      map[string]string
	ParentID    string `json:"ParentId"`
	RepoDigests []string
	RepoTags    []string
	SharedSize  int // -1: not counted
	Size        int64
	VirtualSize *int64 `json:",omitempty"` // up to 1.43

	Manifests  []manifest                `json:",omitempty"` // if the client asks for them
	Descriptor *analyze.DockerDescriptor `json:",omitempty"` // since 1.48
}

// noNames is the last version of the API in which an image without a tag is named <none>:<none>.
const noNames = 42

// list answers GET /images/json.
func (s *Server) list(w http.ResponseWriter, r *http.Request, api int) {
	filters, err := s.filters(r.URL.Query().Get("filters"))
	if err != nil {
		refuse(w, http.StatusBadRequest, "%v", err)
		return
	}
	found := []summary{}
	grouped := api >= listManifests && isTrue(r.URL.Query().Get("manifests"))
	for i := range s.images {
		img := &s.images[i]
		sum := summarize(img)
		if grouped {
			if s.preferred(img) != img {
				continue // another platform stands for the index
			}
			sum.expand(img, s.manifests(img))
		}
		if filters.pass(&sum) {
			sum.adapt(api)
			found = append(found, sum)
		}
	}
	slices.SortStableFunc(found, func(a, b summary) int { return cmp.Compare(b.Created, a.Created) })
	send(w, found)
}

// created is the time when the image was made, in seconds since 1970; the year 1 if it is unknown.
func created(d *analyze.DockerImage) int64 {
	t, err := time.Parse(time.RFC3339Nano, d.Created)
	if err != nil {
		return time.Time{}.Unix()
	}
	return t.Unix()
}

func summarize(img *Image) summary {
	d := img.Inspect
	sum := summary{Containers: -1, SharedSize: -1, Created: created(d), ID: d.ID, ParentID: d.Parent,
		Descriptor: d.Descriptor}
	sum.RepoTags, sum.RepoDigests = slices.Clone(d.RepoTags), slices.Clone(d.RepoDigests)
	if d.Config != nil {
		sum.Labels = d.Config.Labels
	}
	if d.Size != nil {
		sum.Size = *d.Size
	}
	return sum
}

// expand makes the summary that of the image's index, with all platforms.
func (sum *summary) expand(img *Image, platforms []manifest) {
	if sum.Manifests = platforms; len(platforms) == 0 {
		return
	}
	sum.ID, sum.Size = cmp.Or(img.Index, sum.ID), 0
	for _, m := range platforms {
		sum.Size += m.Size.Total
	}
}

// adapt gives the summary the form of a version of the API.
func (sum *summary) adapt(api int) {
	if api <= noNames && len(sum.RepoTags) == 0 && len(sum.RepoDigests) == 0 {
		sum.RepoTags, sum.RepoDigests = []string{"<none>:<none>"}, []string{"<none>@<none>"}
	}
	sum.RepoTags, sum.RepoDigests = append([]string{}, sum.RepoTags...), append([]string{}, sum.RepoDigests...)
	if api < 44 {
		sum.VirtualSize = &sum.Size
	}
	if api < 48 {
		sum.Descriptor = nil
	}
}

// A filter keeps what passes all of its tests.
type filter []func(*summary) bool

func (f filter) pass(sum *summary) bool {
	return !slices.ContainsFunc(f, func(test func(*summary) bool) bool { return !test(sum) })
}

// filters reads the parameter filters: an object of names, each with its values as members or as elements.
func (s *Server) filters(text string) (filter, error) {
	if text == "" {
		return nil, nil
	}
	values := map[string][]string{}
	members := map[string]map[string]bool{}
	if json.Unmarshal([]byte(text), &members) != nil { // the form before 1.22, which libraries still send
		members = nil
		if json.Unmarshal([]byte(text), &values) != nil {
			return nil, fmt.Errorf("invalid filters: %+q", text)
		}
	}
	for name, m := range members {
		for value, on := range m {
			if on {
				values[name] = append(values[name], value)
			}
		}
	}
	var f filter
	for name, list := range values {
		test, err := s.test(name, list)
		if err != nil {
			return nil, err
		}
		f = append(f, test...)
	}
	return f, nil
}

// test makes the tests of one filter. The values of reference are alternatives; those of other filters must all hold.
func (s *Server) test(name string, values []string) (filter, error) {
	one := map[string]func(value string) (func(*summary) bool, error){
		"dangling": testDangling, "label": testLabel, "before": s.testBefore, "since": s.testSince,
	}[name]
	switch {
	case name == "reference":
		return testReference(values)
	case one == nil:
		return nil, fmt.Errorf("invalid filter %+q: layup knows reference, dangling, label, before and since", name)
	}
	var f filter
	for _, value := range values {
		test, err := one(value)
		if err != nil {
			return nil, err
		}
		f = append(f, test)
	}
	return f, nil
}

func testReference(patterns []string) (filter, error) {
	for _, pattern := range patterns {
		if _, err := path.Match(pattern, ""); err != nil {
			return nil, fmt.Errorf("invalid filter reference=%+q: %w", pattern, err)
		}
	}
	return filter{func(sum *summary) bool { return sum.keepMatching(patterns) }}, nil
}

func testDangling(value string) (func(*summary) bool, error) {
	want, err := strconv.ParseBool(value)
	if err != nil {
		return nil, fmt.Errorf("invalid filter dangling=%+q: neither true nor false", value)
	}
	return func(sum *summary) bool { return (len(sum.RepoTags) == 0) == want }, nil
}

func testLabel(value string) (func(*summary) bool, error) {
	key, want, valued := strings.Cut(value, "=")
	return func(sum *summary) bool {
		got, there := sum.Labels[key]
		return there && (!valued || got == want)
	}, nil
}

func (s *Server) testBefore(name string) (func(*summary) bool, error) {
	at, err := s.createdOf(name)
	return func(sum *summary) bool { return sum.Created < at }, err
}

func (s *Server) testSince(name string) (func(*summary) bool, error) {
	at, err := s.createdOf(name)
	return func(sum *summary) bool { return sum.Created > at }, err
}

// createdOf is the time when the image with a name was made.
func (s *Server) createdOf(name string) (int64, error) {
	img, err := s.find(name)
	switch {
	case err != nil:
		return 0, err
	case img == nil:
		return 0, fmt.Errorf("no such image: %s", shownName(name))
	}
	return created(img.Inspect), nil
}

// keepMatching keeps the names that match a pattern, whole or without tag or digest, and reports whether any is left.
func (sum *summary) keepMatching(patterns []string) bool {
	other := func(ref string) bool {
		name, _, _ := strings.Cut(ref, "@")
		name, _, _ = document.CutTag(name)
		return !slices.ContainsFunc(patterns, func(pattern string) bool {
			whole, _ := path.Match(pattern, ref) // filters refuses a bad pattern
			part, _ := path.Match(pattern, name)
			return whole || part
		})
	}
	sum.RepoTags, sum.RepoDigests = slices.DeleteFunc(sum.RepoTags, other), slices.DeleteFunc(sum.RepoDigests, other)
	return len(sum.RepoTags)+len(sum.RepoDigests) > 0
}
