package analyze

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A dockerContainer is what `docker inspect` prints of a container, with its names and order (Docker Engine API 1.41).
type dockerContainer struct {
	ID              string `json:"Id"`
	Created         json.RawMessage
	Path            string
	Args            []string
	State           dockerState
	Image           string
	ResolvConfPath  string
	HostnamePath    string
	HostsPath       string
	LogPath         string
	Name            string
	RestartCount    int
	Driver          string
	Platform        string
	MountLabel      string
	ProcessLabel    string
	AppArmorProfile string
	ExecIDs         []string
	HostConfig      json.RawMessage
	GraphDriver     DockerGraphDriver
	Mounts          []dockerMount
	Config          json.RawMessage
	NetworkSettings dockerNetworks
	ImageManifest   json.RawMessage `json:"ImageManifestDescriptor,omitempty"` // since API 1.48, of containerd's store
}

type dockerState struct {
	Status     string
	Running    bool
	Paused     bool
	Restarting bool
	OOMKilled  bool
	Dead       bool
	Pid        int
	ExitCode   int
	Error      string
	StartedAt  string
	FinishedAt string
	Health     json.RawMessage `json:",omitempty"`
}

type dockerMount struct {
	Type        string `json:",omitempty"`
	Name        string `json:",omitempty"`
	Source      string
	Destination string
	Driver      string `json:",omitempty"`
	Mode        string
	RW          bool
	Propagation string
}

// dockerNetworks are the settings of all networks; those of the network called bridge are also at the top.
type dockerNetworks struct {
	Bridge                 string
	SandboxID              string
	HairpinMode            bool
	LinkLocalIPv6Address   string
	LinkLocalIPv6PrefixLen int
	Ports                  json.RawMessage
	SandboxKey             string
	SecondaryIPAddresses   json.RawMessage
	SecondaryIPv6Addresses json.RawMessage
	EndpointID             string
	Gateway                string
	GlobalIPv6Address      string
	GlobalIPv6PrefixLen    int
	IPAddress              string
	IPPrefixLen            int
	IPv6Gateway            string
	MacAddress             string
	Networks               map[string]*dockerEndpoint
}

type dockerEndpoint struct {
	IPAMConfig          json.RawMessage
	Links               json.RawMessage
	Aliases             json.RawMessage
	NetworkID           string
	EndpointID          string
	Gateway             string
	IPAddress           string
	IPPrefixLen         int
	IPv6Gateway         string
	GlobalIPv6Address   string
	GlobalIPv6PrefixLen int
	MacAddress          string
	DriverOpts          json.RawMessage
}

// A storedContainer is config.v2.json: some of its fields have other names, or another form.
type storedContainer struct {
	dockerContainer
	OS          string
	Manifest    json.RawMessage `json:"ImageManifest"`
	MountPoints map[string]*dockerMount
}

// ErrNoDocument says that the store holds no document about a container.
var ErrNoDocument = errors.New("only Docker keeps such a document of a container in its store")

// DockerContainer returns what `docker inspect` says of the container, on one line, as the engine last wrote it down.
// Facts that only a running engine knows are absent, such as the processes of docker exec.
func (img *Image) DockerContainer() ([]byte, error) {
	box := img.Container
	if box == nil || box.Config == nil {
		return nil, ErrNoDocument
	}
	var stored storedContainer
	if err := json.Unmarshal(box.Config, &stored); err != nil {
		return nil, fmt.Errorf("config.v2.json: %w", err)
	}
	d := stored.dockerContainer
	d.ID, d.Image, d.Platform = box.ID, box.ImageID, cmp.Or(stored.OS, "linux")
	d.State.Status = box.State
	d.ExecIDs, d.HostConfig = nil, nil
	if len(box.Host) > 0 {
		d.HostConfig = box.Host
	}
	if e := img.Engine; e != nil {
		d.GraphDriver = DockerGraphDriver{Name: e.GraphDriver, Data: e.GraphData}
	}
	d.Mounts = []dockerMount{}
	for _, at := range slices.Sorted(maps.Keys(stored.MountPoints)) {
		if m := stored.MountPoints[at]; m != nil {
			m.Source = cmp.Or(m.Source, box.Volumes[m.Name])
			d.Mounts = append(d.Mounts, *m)
		}
	}
	if string(d.State.Health) == "null" {
		d.State.Health = nil
	}
	if string(stored.Manifest) != "null" {
		d.ImageManifest = stored.Manifest
	}
	d.NetworkSettings.complete()
	return engineJSON(d)
}

// complete copies the settings of the network called bridge to the top, as the engine does.
func (n *dockerNetworks) complete() {
	if len(n.Ports) == 0 || string(n.Ports) == "null" {
		n.Ports = json.RawMessage("{}")
	}
	b := n.Networks["bridge"]
	if b == nil {
		b = new(dockerEndpoint)
	}
	n.EndpointID, n.Gateway, n.MacAddress = b.EndpointID, b.Gateway, b.MacAddress
	n.IPAddress, n.IPPrefixLen = b.IPAddress, b.IPPrefixLen
	n.IPv6Gateway, n.GlobalIPv6Address, n.GlobalIPv6PrefixLen = b.IPv6Gateway, b.GlobalIPv6Address, b.GlobalIPv6PrefixLen
}
