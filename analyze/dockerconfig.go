package analyze

import (
	"encoding/json"
	"time"
)

// A DockerConfig is the config of a container as engines up to Docker 28 print it: every field, also those that newer
// ones left out.
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

// A dockerConfigFile is what an engine reads of an image's config and the source's own reading leaves out.
type dockerConfigFile struct {
	Comment         string        `json:"comment"`
	Container       string        `json:"container"`
	ContainerConfig DockerConfig  `json:"container_config"`
	DockerVersion   string        `json:"docker_version"`
	Author          string        `json:"author"`
	Config          *DockerConfig `json:"config"`
}

// parseDockerConfig reads a stored config, whose syntax was checked when it was opened. A value of a wrong type counts
// as absent.
func parseDockerConfig(doc []byte) dockerConfigFile {
	var c dockerConfigFile
	if json.Unmarshal(doc, &c) != nil {
		return c // json goes on behind a value of a wrong type
	}
	return c
}
