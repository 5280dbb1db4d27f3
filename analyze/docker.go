package analyze

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"time"
)

// A DockerImage is what GET /images/NAME/json and `docker image inspect` print of an image, with their names and order
// (Docker Engine API up to 1.43; Descriptor is newer).
type DockerImage struct {
	ID              string `json:"Id"`
	RepoTags        []string
	RepoDigests     []string
	Parent          string
	Comment         string
	Created         string // RFC 3339 with nanoseconds, in the zone of the config
	Container       string
	ContainerConfig *DockerConfig
	DockerVersion   string
	Author          string
	Config          *DockerConfig
	Architecture    string
	Variant         string `json:",omitempty"`
	Os              string
	OsVersion       string `json:",omitempty"`
	Size            *int64 `json:",omitempty"` // bytes; nil if the layers were not read
	VirtualSize     *int64 `json:",omitempty"` // equal to Size
	GraphDriver     DockerGraphDriver
	RootFS          DockerRootFS
	Metadata        DockerMetadata
	Descriptor      *DockerDescriptor `json:",omitempty"` // of the manifest; nil if there is none
}

// A DockerGraphDriver says how an engine keeps the layers; zero outside an engine's store.
type DockerGraphDriver struct {
	Data map[string]string
	Name string
}

// A DockerRootFS lists the diffIDs of the layers, oldest first.
type DockerRootFS struct {
	Type   string
	Layers []string `json:",omitempty"`
}

// DockerMetadata is what an engine remembers about an image; zero outside its store.
type DockerMetadata struct {
	LastTagTime time.Time
}

// A DockerDescriptor names the image's manifest.
type DockerDescriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
}

// DockerHistory is one row of an image's history, as GET /images/NAME/history returns it.
type DockerHistory struct {
	Comment   string
	Created   int64 // seconds since 1970; the year 1 if unknown
	CreatedBy string
	ID        string `json:"Id"`
	Size      *int64 // bytes of the unpacked layer, 0 without a layer; nil if unknown
	Tags      []string
}

// missingID is what Docker prints for an image that is gone.
const missingID = "<missing>"

// JSON returns the document as an engine sends it: one line without a line feed and without escapes for HTML.
func (d *DockerImage) JSON() []byte {
	doc, err := engineJSON(d)
	if err != nil { // only a year over 9999 of LastTagTime could be refused
		return []byte("{}")
	}
	return doc
}

// engineJSON writes a document as an engine sends it.
func engineJSON(d any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(d)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// Settings returns the part of the config that a container of the image begins with; nil if there is none.
func (img *Image) Settings() *DockerConfig {
	var stored dockerConfigFile
	_ = json.Unmarshal(img.Config, &stored) // a value of a wrong type counts as absent
	return stored.Config
}

// Docker returns what Docker says of the image after it loads it. Facts that only an engine knows are zero unless the
// image comes from an engine's store.
func (img *Image) Docker() *DockerImage {
	var stored dockerConfigFile
	_ = json.Unmarshal(img.Config, &stored) // a value of a wrong type counts as absent
	cf := img.ConfigFile
	d := &DockerImage{
		ID: img.engineID(), RepoTags: img.RepoTags(), RepoDigests: append([]string{}, img.RepoDigests...),
		Comment: img.comment(stored.Comment), Created: cf.Created.Format(time.RFC3339Nano),
		Container: stored.Container, ContainerConfig: &stored.ContainerConfig, DockerVersion: stored.DockerVersion,
		Author: stored.Author, Config: stored.Config, Architecture: cf.Architecture, Variant: cf.Variant,
		Os: cmp.Or(cf.OS, "linux"), OsVersion: cf.OSVersion,
		RootFS: DockerRootFS{cf.RootFS.Type, img.diffIDs()},
	}
	if img.ID == "" { // an archive from before images had configs, or a bare layer
		d.RootFS.Type = "layers"
	}
	d.Parent = img.Parent
	if m := img.ManifestDescriptor; m.Digest != "" {
		d.Descriptor = &DockerDescriptor{m.MediaType, m.Digest, m.Size}
	}
	if e := img.Engine; e != nil {
		d.GraphDriver = DockerGraphDriver{Name: e.GraphDriver, Data: e.GraphData}
		d.Metadata.LastTagTime = e.LastTagTime
	}
	d.Size = img.dockerSize()
	d.VirtualSize = d.Size
	return d
}

// engineID returns the ID by which Docker knows the image.
func (img *Image) engineID() string {
	if img.Engine == nil {
		return img.ID
	}
	return cmp.Or(img.Engine.ID, img.ID)
}

// dockerSize returns the size that Docker prints: what its engine recorded, else the bytes of the unpacked layers; nil
// if they were not all read.
func (img *Image) dockerSize() *int64 {
	if img.Engine != nil && img.Engine.Size >= 0 {
		return &img.Engine.Size
	}
	sizes := img.dockerSizes()
	if len(sizes) < len(img.Layers) || slices.Contains(sizes, -1) {
		return nil
	}
	var total int64
	for _, n := range sizes {
		total += n
	}
	return &total
}

// dockerSizes returns the bytes of each unpacked layer, as the engine recorded them if it did; -1 if unknown.
func (img *Image) dockerSizes() []int64 {
	sizes := img.UnpackedSizes()
	if img.Engine == nil || len(img.Engine.Sizes) != len(img.Layers) {
		return sizes
	}
	recorded := slices.Clone(img.Engine.Sizes)
	for i := range sizes {
		if recorded[i] < 0 {
			recorded[i] = sizes[i]
		}
	}
	return recorded
}

// comment is the config's own, else that of the last row of the history (Docker 1.10 and later).
func (img *Image) comment(own string) string {
	if h := img.ConfigFile.History; own == "" && len(h) > 0 {
		return h[len(h)-1].Comment
	}
	return own
}

// DockerHistory returns the rows of `docker history`, newest first, with those that made no layer.
func (img *Image) DockerHistory() []DockerHistory {
	history := img.ConfigFile.History
	sizes := img.dockerSizes()
	rows := make([]DockerHistory, len(history))
	ids := append([]string{img.engineID()}, img.Parents(len(history))...)
	layer := 0
	for i, h := range history {
		row := DockerHistory{Comment: h.Comment, Created: h.Created.Unix(), CreatedBy: h.CreatedBy, ID: missingID}
		switch {
		case h.EmptyLayer:
			row.Size = new(int64)
		case layer < len(sizes) && sizes[layer] >= 0:
			row.Size = &sizes[layer]
		}
		if !h.EmptyLayer {
			layer++
		}
		newest := len(history) - 1 - i
		if newest < len(ids) && ids[newest] != "" {
			row.ID = ids[newest]
		}
		rows[newest] = row
	}
	if len(rows) > 0 {
		rows[0].Tags = img.RepoTags()
	}
	return rows
}

// A DockerConfig is the config of a container as Docker up to 28 prints it, with fields that newer ones leave out.
type DockerConfig struct {
	Hostname        string
	Domainname      string
	User            string
	AttachStdin     bool
	AttachStdout    bool
	AttachStderr    bool
	ExposedPorts    map[string]struct{} `json:",omitempty"`
	Tty             bool
	OpenStdin       bool
	StdinOnce       bool
	Env             []string
	Cmd             DockerWords
	Healthcheck     *DockerHealthcheck `json:",omitempty"`
	ArgsEscaped     bool               `json:",omitempty"`
	Image           string
	Volumes         map[string]struct{}
	WorkingDir      string
	Entrypoint      DockerWords
	NetworkDisabled bool   `json:",omitempty"`
	MacAddress      string `json:",omitempty"`
	OnBuild         []string
	Labels          map[string]string
	StopSignal      string      `json:",omitempty"`
	StopTimeout     *int        `json:",omitempty"`
	Shell           DockerWords `json:",omitempty"`
}

// A DockerHealthcheck says how an engine checks a container; its times are nanoseconds.
type DockerHealthcheck struct {
	Test          []string      `json:",omitempty"`
	Interval      time.Duration `json:",omitempty"`
	Timeout       time.Duration `json:",omitempty"`
	StartPeriod   time.Duration `json:",omitempty"`
	StartInterval time.Duration `json:",omitempty"`
	Retries       int           `json:",omitempty"`
}

// DockerWords is a list of strings that old builders wrote as one string.
type DockerWords []string

// UnmarshalJSON reads a list or a string.
func (w *DockerWords) UnmarshalJSON(text []byte) error {
	var list []string
	if json.Unmarshal(text, &list) == nil {
		*w = list
		return nil
	}
	var one string
	err := json.Unmarshal(text, &one)
	*w = DockerWords{one}
	return err
}

// A dockerConfigFile has the fields of an image's config that engines read and package source does not.
type dockerConfigFile struct {
	Comment         string        `json:"comment"`
	Container       string        `json:"container"`
	ContainerConfig DockerConfig  `json:"container_config"`
	DockerVersion   string        `json:"docker_version"`
	Author          string        `json:"author"`
	Config          *DockerConfig `json:"config"`
}
