package kinds

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/advice"
)

// A spelling is how another program names a source. In what it means here, {} stands for what follows the prefix.
type spelling struct {
	prefix string
	meant  []advice.Choice
}

// What spellings mean here.
var (
	inRegistry   = advice.Choice{Flag: "docker://{}", What: "in a registry"}
	inEngine     = advice.Choice{Flag: "docker-daemon:{}", What: "in the running engine"}
	inPodman     = advice.Choice{Flag: "containers-storage::{}", What: "in the store of podman"}
	besidePodman = advice.Choice{Flag: inEngine.Flag, What: "in the running engine, with its socket in DOCKER_HOST"}
	inContainerd = advice.Choice{Flag: "containerd-root::{}", What: "in the store of containerd"}
	savedFile    = advice.Choice{Flag: "docker-archive:{}", What: "a file of docker save or podman save"}
	anyFile      = advice.Choice{Flag: "{}", What: "a file or a directory"}
	layoutDir    = advice.Choice{Flag: "oci:{}", What: "an OCI layout"}
)

// spellings are the prefixes of skopeo, crane, syft, trivy, dive and browsers that are not ours. A prefix comes before
// its own beginning.
var spellings = []spelling{
	{"https://", []advice.Choice{inRegistry}},
	{"http://", []advice.Choice{{Flag: "docker://{}", What: "in a registry; with --insecure if it has no TLS"}}},
	{"docker-image://", []advice.Choice{inRegistry}},
	{"registry://", []advice.Choice{inRegistry}},
	{"oci-registry:", []advice.Choice{inRegistry}},
	{"oci://", []advice.Choice{inRegistry, layoutDir}},
	{"docker:", []advice.Choice{inEngine, inRegistry}},
	{"docker-daemon://", []advice.Choice{inEngine}},
	{"podman://", []advice.Choice{inPodman, besidePodman}},
	{"podman:", []advice.Choice{inPodman, besidePodman}},
	{"containerd://", []advice.Choice{inContainerd}},
	{"containerd:", []advice.Choice{inContainerd}},
	{"docker-archive://", []advice.Choice{savedFile}},
	{"podman-archive:", []advice.Choice{savedFile}},
	{"oci-archive://", []advice.Choice{{Flag: "oci-archive:{}", What: "an OCI layout in a tar"}}},
	{"oci-dir:", []advice.Choice{layoutDir}},
	{"docker-dir:", []advice.Choice{{Flag: "dir:{}", What: "a directory of skopeo"}}},
	{"file:", []advice.Choice{anyFile}},
	{"tarball:", []advice.Choice{anyFile}},
	{"archive:", []advice.Choice{anyFile}},
}

// unread are the prefixes of what is not read, with the command that makes something of it that is.
var unread = map[string]string{
	"sif:":         "skopeo copy sif:{} docker-archive:image.tar",
	"singularity:": "skopeo copy sif:{} docker-archive:image.tar",
	"ostree:":      "skopeo copy ostree:{} docker-archive:image.tar",
}

// advise adds to the error about a name, which could not be opened, what may be meant instead.
func (k kind) advise(name, rest string, err error) error {
	for _, s := range spellings {
		if after, ok := strings.CutPrefix(name, s.prefix); ok && s.fits(k, after, err) {
			return misnamed(name, anonymous(strings.TrimPrefix(after, "//")), s.meant,
				fmt.Errorf("%s is not a kind of source here", s.prefix))
		}
	}
	if !errors.Is(err, advice.ErrNoImage) {
		return err
	}
	for prefix, command := range unread {
		if after, ok := strings.CutPrefix(name, prefix); ok {
			return &advice.Hinted{Err: fmt.Errorf("%s is not a kind of source here", prefix),
				Hint: strings.ReplaceAll(command, "{}", show.Shell(after)) + "  makes a file that can be read"}
		}
	}
	if k.home == "" {
		return err
	}
	if _, failed := os.Stat(rest); !errors.Is(failed, os.ErrNotExist) {
		return err
	}
	return k.homeless(name, rest)
}

// anonymous takes out of an address who asks; --creds says that.
func anonymous(rest string) string {
	host, path, _ := strings.Cut(rest, "/")
	if at := strings.LastIndexByte(host, '@'); at >= 0 && !digest.Valid(host[at+1:]) {
		return strings.TrimSuffix(host[at+1:]+"/"+path, "/")
	}
	return rest
}

// fits reports whether the spelling explains why a name of kind k could not be opened. What follows may be a path that
// is simply not there.
func (s spelling) fits(k kind, after string, err error) bool {
	return after != "" && len(s.prefix) > len(k.prefix) && (k.asks || errors.Is(err, advice.ErrNoImage) &&
		!(strings.HasPrefix(after, "/") && k.prefix != "" && !k.asks))
}

// misnamed offers names in place of one. An empty rest is left out.
func misnamed(name, rest string, meant []advice.Choice, err error) error {
	e := &advice.Misnamed{Err: err, Name: name}
	for _, m := range meant {
		word := show.Shell(Whole(strings.ReplaceAll(m.Flag, "{}", rest)))
		e.Meant = append(e.Meant, advice.Choice{Flag: word, What: m.What})
	}
	return e
}

// homeless is the error if the directory of a store is not there: the name may be that of an image.
func (k kind) homeless(name, rest string) error {
	err := source.Absent("no such directory")
	store := strings.TrimSuffix(k.prefix, ":")
	rootless, where := "~/.local/share/docker", "docker info -f '{{.DockerRootDir}}'"
	switch store {
	case "containers-storage":
		rootless, where = "~/.local/share/containers/storage", "podman info -f '{{.Store.GraphRoot}}'"
		if to, ok := bracketed(rest); ok {
			return misnamed(name, to, []advice.Choice{{Flag: k.prefix + "{}", What: "the store and the image"}}, err)
		}
	case "containerd-root":
		rootless, where = "~/.local/share/containerd", "containerd config dump | grep ^root"
	}
	if strings.IndexByte("/.~", rest[0]) < 0 {
		return misnamed(name, rest, []advice.Choice{
			{Flag: k.prefix + ":{}", What: "an image or a container in that store"}, inEngine}, err)
	}
	return &advice.Hinted{Err: err, Hint: where + "  says where it is; of a rootless engine it is " + k.prefix + rootless}
}

// bracketed reads a name of containers-storage as skopeo writes it: [DRIVER@DIR+RUNDIR:OPTIONS]IMAGE.
func bracketed(rest string) (to string, ok bool) {
	inside, image, ok := strings.Cut(strings.TrimPrefix(rest, "["), "]")
	if !ok || inside == rest || rest[0] != '[' {
		return "", false
	}
	_, dir, ok := strings.Cut(inside, "@")
	if end := strings.IndexAny(dir, "+:"); end >= 0 {
		dir = dir[:end]
	}
	return dir + ":" + image, ok
}
