package analyze

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A dockerContainer is what an engine says of a container: the element that `docker inspect` prints, in its order and
// under its names (Docker Engine API 1.41).
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

// dockerNetworks are the settings of all networks, then those of the network called bridge.
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

// A storedContainer is what config.v2.json has under other names, or in another form.
type storedContainer struct {
	dockerContainer
	OS          string
	MountPoints map[string]*storedMount
}

type storedMount struct {
	Source, Destination, Name, Driver, Type, Mode, Propagation string
	RW                                                         bool
}

// ErrNoDocument says that the store holds no document of a container.
var ErrNoDocument = errors.New("only Docker keeps such a document of a container in its store")

// DockerContainer returns what `docker inspect` says of the container, as the engine wrote it down last, on one line.
// What only a running engine knows, such as the processes of docker exec, is absent.
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
	d.ExecIDs = nil
	d.HostConfig = orNull(box.Host)
	d.Created, d.Config = orNull(d.Created), orNull(d.Config)
	if e := img.Engine; e != nil {
		d.GraphDriver = DockerGraphDriver{Name: e.GraphDriver, Data: e.GraphData}
	}
	d.Mounts = []dockerMount{}
	for _, at := range slices.Sorted(maps.Keys(stored.MountPoints)) {
		if m := stored.MountPoints[at]; m != nil {
			d.Mounts = append(d.Mounts,
				dockerMount{m.Type, m.Name, m.Source, m.Destination, m.Driver, m.Mode, m.RW, m.Propagation})
		}
	}
	if string(d.State.Health) == "null" {
		d.State.Health = nil
	}
	d.NetworkSettings.complete()
	return engineJSON(d)
}

func orNull(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("null")
	}
	return raw
}

// complete repeats the settings of the network called bridge, as the engine does.
func (n *dockerNetworks) complete() {
	if n.Ports = orNull(n.Ports); string(n.Ports) == "null" {
		n.Ports = json.RawMessage("{}")
	}
	n.SecondaryIPAddresses, n.SecondaryIPv6Addresses = orNull(n.SecondaryIPAddresses), orNull(n.SecondaryIPv6Addresses)
	for _, e := range n.Networks {
		if e != nil {
			e.IPAMConfig, e.Links = orNull(e.IPAMConfig), orNull(e.Links)
			e.Aliases, e.DriverOpts = orNull(e.Aliases), orNull(e.DriverOpts)
		}
	}
	b := n.Networks["bridge"]
	if b == nil {
		b = new(dockerEndpoint)
	}
	n.EndpointID, n.Gateway, n.MacAddress = b.EndpointID, b.Gateway, b.MacAddress
	n.IPAddress, n.IPPrefixLen = b.IPAddress, b.IPPrefixLen
	n.IPv6Gateway, n.GlobalIPv6Address, n.GlobalIPv6PrefixLen = b.IPv6Gateway, b.GlobalIPv6Address, b.GlobalIPv6PrefixLen
}
