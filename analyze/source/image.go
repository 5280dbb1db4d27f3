package source

import (
	"context"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"layup/analyze/source/document"
	"layup/tarfs"
)

// An Image is one image. Its config was read and checked; its layers were not.
type Image struct {
	Source     string         // the kind of its source
	Kind       string         // of its entry
	Name       string         // as the user named the source
	Reference  string         // the one that chose it, or its first; empty if it has none
	References []string       // every reference
	ID         string         // digest of the config; of an artifact, of its manifest; empty for a bare layer
	Platform   string         // os/arch[/variant]; empty if unknown
	Manifest   []byte         // as stored; nil if there is none
	Config     []byte         // as stored; nil for a bare layer
	ConfigFile *v1.ConfigFile // never nil
	// ArtifactType is the media type that says what it is instead of a container image; empty for an image.
	ArtifactType string
	Layers       []*Layer // oldest first
	Warnings     []tarfs.Warning
	Verified     string // full; config for an engine's store; none if nobody asked, or if the input names no digests
	Err          error  // why it cannot be read; then only its names are known

	RepoDigests        []string            // NAME@DIGEST by which a registry or a store knows it
	ManifestDescriptor document.Descriptor // media type, digest and size of Manifest; zero if there is none
	Index              string              // digest of the index that names the manifest; empty if a name does
	Parent             string              // ID of the image it was built on; empty if unknown
	ParentOf           func(string) string // the Parent of another image of the source by its ID; nil if none is known
	Container          *Container          // nil unless it is a container of an engine's store
	Engine             *Engine             // nil unless it comes from an engine's store
	Remote             bool                // its layers are read over a network

	graph *Graph // that reached the entry; nil if no manifest describes the image
	entry *Entry
}

// A Container is a container of an engine's store.
type Container struct {
	ID, Name string
	ImageID  string // empty if unknown
	Image    string // as the user named it
	State    string // last written: running, paused, restarting, exited, created or dead; empty if unknown
	Created  string // RFC 3339; empty if unknown
	Config   []byte // the engine's document about it
	Host     []byte // a second document; nil if there is none
	// Volumes are the paths of the volumes that the store holds and the container mounts, by their names. The paths are
	// those of the engine's host.
	Volumes map[string]string
}

// An Engine is what only the store of an engine knows of an image.
type Engine struct {
	ID          string            // by which Docker knows an image in containerd's store; empty if it is the config's
	GraphDriver string            // as Docker prints GraphDriver.Name
	GraphData   map[string]string // as Docker prints GraphDriver.Data
	LastTagTime time.Time         // zero if it never had a tag
	Sizes       []int64           // of the unpacked layers in bytes, as the engine recorded them; -1 unknown
	Size        int64             // of the image in bytes, as Docker prints it; -1 unknown
	// Measure returns the bytes of the files, as the engine counts them; nil if the engine keeps blobs.
	Measure func(context.Context) (int64, error)
}

// UseConfig copies what the config says. It returns an error unless there is a diffID for every layer.
func (img *Image) UseConfig(config *document.Config, layers int, limits *document.Limits) error {
	img.ID, img.Config, img.ConfigFile = config.ID, config.Raw, config.File
	if err := document.Over(document.LimitLayers, layers, limits.Layers); err != nil {
		return err
	}
	return document.CountLayers(layers, config.DiffIDs)
}

// Parents returns the IDs of the images it was built on, the nearest first, as far as they are known.
func (img *Image) Parents(most int) (ids []string) {
	seen := map[string]bool{}
	for id := img.Parent; id != "" && !seen[id] && len(ids) < most; id = img.ParentOf(id) {
		seen[id], ids = true, append(ids, id)
	}
	return ids
}

// RepoTags returns the references with a repository and a tag as Docker shows them, each once, in the order of their
// full names. It is never nil. OCI layouts may have a tag alone, which does not count.
func (img *Image) RepoTags() []string {
	tags := []string{}
	for _, ref := range img.References {
		if strings.ContainsRune(ref, ':') && !strings.ContainsRune(ref, '@') {
			tags = append(tags, document.Familiar(ref))
		}
	}
	slices.SortFunc(tags, func(a, b string) int { return strings.Compare(fullName(a), fullName(b)) })
	return slices.Compact(tags)
}

// fullName adds to a name what Docker leaves out when it shows it: the registry, and the folder of official images.
func fullName(familiar string) string {
	first, _, nested := strings.Cut(familiar, "/")
	switch {
	case !nested:
		return "docker.io/library/" + familiar
	case first != "localhost" && !strings.ContainsAny(first, ".:"):
		return "docker.io/" + familiar
	}
	return familiar
}

// History returns the history entry of each layer, or nil unless the history names as many layers as there are.
func (img *Image) History() []v1.History {
	list := document.LayerHistory(img.ConfigFile)
	if len(list) != len(img.Layers)-img.ownLayers() {
		return nil
	}
	history := make([]v1.History, len(img.Layers))
	for i, l := range img.Layers {
		switch {
		case l.Role == RoleContainer:
			history[i].CreatedBy = "read-write layer of container " + img.Container.Name
		case l.Role == RoleInit && len(list) > 0:
			history[i].CreatedBy = "init layer of a container that built the image"
		case l.Role == RoleInit:
			history[i].CreatedBy = "init layer of container " + img.Container.Name
		default:
			history[i], list = list[0], list[1:]
		}
	}
	return history
}

// ownLayers counts the layers that are not of the image but of a container. They have no instructions.
func (img *Image) ownLayers() (n int) {
	for _, l := range img.Layers {
		if l.Role == RoleInit || l.Role == RoleContainer {
			n++
		}
	}
	return n
}

// historyWarnings warns if the instructions of the history cannot be matched with the layers.
func historyWarnings(cf *v1.ConfigFile, layers int) []tarfs.Warning {
	switch {
	case layers == 0 || len(document.LayerHistory(cf)) == layers:
		return nil
	case len(cf.History) == 0:
		return []tarfs.Warning{{Code: HistoryAbsent, Layer: tarfs.NoLayer}}
	}
	return []tarfs.Warning{{Code: HistoryDoesNotMatchLayers, Layer: tarfs.NoLayer}}
}
