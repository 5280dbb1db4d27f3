// Package engineapi answers the read-only questions of the Docker Engine API about images, from documents that exist
// before the server starts.
package engineapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"layup/analyze"
	"layup/analyze/expression"
	"layup/analyze/source/document"
)

// The versions of the API that are spoken: 1.24 is the oldest that a client of this decade asks for, 1.49 chooses among
// platforms.
const (
	newest = 49
	oldest = 24
)

// An Image is what an engine says of one image.
type Image struct {
	Inspect  *analyze.DockerImage
	History  []analyze.DockerHistory
	Platform document.Platform // zero if unknown
	Index    string            // digest of the index that names it beside other platforms; empty if there is none
	Stored   int64             // bytes of its manifest, config and compressed layers
}

// Describe returns what an engine says of an image with the document doc.
func Describe(img *analyze.Image, doc *analyze.DockerImage) Image {
	out := Image{Inspect: doc, History: img.DockerHistory(), Index: img.Index,
		Platform: document.PlatformOf(img.ConfigFile), Stored: int64(len(img.Manifest)) + int64(len(img.Config))}
	for _, l := range img.Layers {
		out.Stored += l.Size
	}
	return out
}

// A Server is the handler. It changes nothing, and nothing changes it.
type Server struct {
	images  []Image // each ID and each tag is there once
	version string  // of the program
}

// New returns a server of the images. No two images have an ID or a tag in common. Clients are told the program's
// version.
func New(images []Image, version string) *Server { return &Server{images, version} }

// versioned is the beginning of a path that names a version of the API.
var versioned = expression.Lazy(`^/v1\.([0-9]{1,3})(/.*)$`)

// ServeHTTP answers one question.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Api-Version", fmt.Sprint("1.", newest))
	h.Set("Ostype", "linux")
	h.Set("Docker-Experimental", "false")
	h.Set("Server", "layup/"+s.version)
	path, api := r.URL.Path, newest
	if m := versioned().FindStringSubmatch(path); m != nil {
		path = m[2]
		api, _ = strconv.Atoi(m[1]) // at most three digits
	}
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		h.Set("Connection", "close") // the rest of the request is not read
		refuse(w, http.StatusMethodNotAllowed, "layup serves image files read-only: %s %+q is refused", r.Method, path)
	case api > newest:
		refuse(w, http.StatusBadRequest, "client version 1.%d is too new. Maximum supported API version is 1.%d", api, newest)
	case api < oldest:
		refuse(w, http.StatusBadRequest, "client version 1.%d is too old. Minimum supported API version is 1.%d, "+
			"please upgrade your client to a newer version", api, oldest)
	default:
		s.answer(w, r, path, api)
	}
}

// answer answers a question by its path.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, path string, api int) {
	name, isImage := strings.CutPrefix(path, "/images/")
	switch {
	case path == "/_ping":
		ping(w, r)
	case path == "/version":
		send(w, s.versionFacts())
	case path == "/info":
		send(w, s.infoFacts())
	case path == "/images/json":
		s.list(w, r, api)
	case isImage && strings.HasSuffix(name, "/json"):
		s.about(w, r, strings.TrimSuffix(name, "/json"), api >= inspectPlatform, s.inspection)
	case isImage && strings.HasSuffix(name, "/history"):
		s.about(w, r, strings.TrimSuffix(name, "/history"), api >= historyPlatform, history)
	default: // 404, so that a client that tries all kinds of objects goes on to images
		refuse(w, http.StatusNotFound,
			"layup serves image files: it lists and inspects images, and has their history; it has no %+q", path)
	}
}

// about answers a question about one image. It chooses the platform that the client asks for, if the version of the API
// knows that.
func (s *Server) about(w http.ResponseWriter, r *http.Request, name string, chooses bool,
	what func(*Image, url.Values) any) {
	img, err := s.find(name)
	var want *document.Platform
	if err == nil && chooses {
		want, err = wanted(r.URL.Query().Get("platform"))
	}
	switch {
	case err != nil:
		refuse(w, http.StatusBadRequest, "%v", err)
		return
	case img == nil:
		refuse(w, http.StatusNotFound, "No such image: %s", shownName(name))
		return
	}
	if want != nil {
		if img = s.onPlatform(img, *want); img == nil {
			refuse(w, http.StatusNotFound,
				"image with reference %s was found but does not provide the specified platform (%s)", shownName(name), want)
			return
		}
	}
	send(w, what(img, r.URL.Query()))
}

// inspection is the document of an image, with the manifests of its index if the client asks for them.
func (s *Server) inspection(img *Image, query url.Values) any {
	if !isTrue(query.Get("manifests")) {
		return json.RawMessage(img.Inspect.JSON())
	}
	return struct {
		*analyze.DockerImage
		Manifests []manifest `json:",omitempty"`
	}{img.Inspect, s.manifests(img)}
}

func history(img *Image, _ url.Values) any { return append([]analyze.DockerHistory{}, img.History...) }

func ping(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-cache, no-store, must-revalidate")
	h.Set("Pragma", "no-cache")
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", "2")
	if r.Method == http.MethodGet {
		w.Write([]byte("OK")) // a client that went away needs no answer
	}
}

// send writes a document. The server leaves the body out if the request is a HEAD.
func send(w http.ResponseWriter, doc any) {
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(doc) // a client that went away needs no answer
}

// refuse answers with a message, which clients print.
func refuse(w http.ResponseWriter, status int, format string, args ...any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": fmt.Sprintf(format, args...)})
}
