package registry

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"layup/analyze/digest"
	"layup/analyze/expression"
)

// A Reference names a registry, one of its repositories, or a manifest there.
type Reference struct {
	Host       string // of the registry, with a port if one is given; docker.io for Docker Hub
	Repository string // empty for the registry as a whole
	Tag        string // empty if none is given
	Digest     string // empty if none is given; it counts more than a tag
}

// The host of a reference without one, and its server.
const (
	dockerHub       = "docker.io"
	dockerHubServer = "registry-1.docker.io"
)

// Parse reads HOST/REPOSITORY[:TAG][@DIGEST]. Without a host it is Docker Hub's, as for Docker; HOST/ is the registry
// as a whole. Parse does not add a tag; Or does.
func Parse(text string) (Reference, error) {
	var r Reference
	rest, dgst, digested := strings.Cut(text, "@")
	if digested {
		if err := digest.Check(dgst); err != nil {
			return r, err
		}
		r.Digest = dgst
	}
	host, path, slashed := strings.Cut(rest, "/")
	switch {
	case rest == "":
		return r, errors.New("an empty reference names no image")
	case !slashed && onlyHost(rest):
		safe := safeHost(rest)
		return r, hinted(fmt.Errorf("%.200q is a host without a repository", rest), "layup images docker://"+safe+
			"/  lists the repositories of a registry; "+
			"an image of Docker Hub by this name is docker://docker.io/library/"+safe)
	case !slashed || !isHost(host):
		host, path = dockerHub, rest
	}
	r.Host = canonicalHost(host)
	if path == "" && !digested {
		return r, checkHost(r.Host)
	}
	if i := strings.LastIndexByte(path, ':'); i >= 0 && !strings.Contains(path[i:], "/") {
		path, r.Tag = path[:i], path[i+1:]
		if len(r.Tag) > 128 || !tagPattern().MatchString(r.Tag) {
			return r, fmt.Errorf("bad tag %.200q: want up to 128 letters, digits, _ . and -", r.Tag)
		}
	}
	if r.Host == dockerHub && !strings.Contains(path, "/") {
		path = "library/" + path
	}
	r.Repository = path
	if err := checkHost(r.Host); err != nil {
		return r, err
	}
	if !pathPattern().MatchString(path) || len(path) > 255 {
		return r, fmt.Errorf("bad repository %.300q: want lower-case letters, digits, and / . _ - between them", path)
	}
	return r, nil
}

var (
	tagPattern  = expression.Lazy(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
	pathPattern = expression.Lazy(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
)

// isHost reports whether the first part of a reference is a host, not part of a repository (Docker's rule).
func isHost(first string) bool {
	return strings.ContainsAny(first, ".:") || first == "localhost" || strings.ToLower(first) != first
}

// onlyHost reports whether a reference without a slash is meant as a host. Docker would ask Docker Hub for it and so
// reveal a private name.
func onlyHost(text string) bool {
	name, _, _ := strings.Cut(text, ":")
	return strings.Contains(name, ".") || name == "localhost" || strings.HasPrefix(name, "[")
}

func checkHost(host string) error {
	if _, err := name.NewRegistry(host, name.StrictValidation); err != nil || strings.ContainsAny(host, "@?#%\\") {
		return fmt.Errorf("bad registry host %.300q", host)
	}
	return nil
}

// canonicalHost gives the names of Docker Hub one spelling.
func canonicalHost(host string) string {
	switch host = strings.ToLower(host); host {
	case "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com":
		return dockerHub
	}
	return host
}

// Or returns the reference, with the tag if it names no manifest.
func (r Reference) Or(tag string) Reference {
	if !r.Named() {
		r.Tag = tag
	}
	return r
}

// Named reports whether the reference names a manifest: by tag or digest.
func (r Reference) Named() bool { return r.Tag != "" || r.Digest != "" }

// At returns a reference to another manifest of the same repository.
func (r Reference) At(digest string) Reference {
	r.Tag, r.Digest = "", digest
	return r
}

// String returns the reference in full.
func (r Reference) String() string {
	s := r.place()
	if r.Tag != "" {
		s += ":" + r.Tag
	}
	if r.Digest != "" {
		s += "@" + r.Digest
	}
	return s
}

// place is the host and the repository.
func (r Reference) place() string {
	if r.Repository == "" {
		return r.Host
	}
	return r.Host + "/" + r.Repository
}

// manifest is the last part of a manifest's URL.
func (r Reference) manifest() string {
	if r.Digest != "" {
		return r.Digest
	}
	return r.Tag
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	bare := hostOnly(host)
	if ip := net.ParseIP(bare); ip != nil {
		return ip.IsLoopback()
	}
	return bare == "localhost" || strings.HasSuffix(bare, ".localhost")
}

// hostOnly returns a host without its port and brackets.
func hostOnly(host string) string {
	if bare, _, err := net.SplitHostPort(host); err == nil {
		return bare
	}
	return strings.Trim(host, "[]")
}
