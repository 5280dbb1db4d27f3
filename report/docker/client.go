package docker

import "layup/analyze"

// clientImage is the type into which docker's client (version 28) decodes an image's document. Names and order are the
// client's. A template sees this type first, by the names of Go: .ID, not .Id.
type clientImage struct {
	ID              string `json:"Id"`
	RepoTags        []string
	RepoDigests     []string
	Parent          string
	Comment         string
	Created         string                `json:",omitempty"`
	Container       string                `json:",omitempty"`
	ContainerConfig *analyze.DockerConfig `json:",omitempty"`
	DockerVersion   string
	Author          string
	Config          *clientConfig
	Architecture    string
	Variant         string `json:",omitempty"`
	Os              string
	OsVersion       string `json:",omitempty"`
	Size            int64
	VirtualSize     int64 `json:",omitempty"`
	GraphDriver     analyze.DockerGraphDriver
	RootFS          clientRootFS
	Metadata        analyze.DockerMetadata
	Descriptor      *clientDescriptor `json:",omitempty"`
	Manifests       []any             `json:",omitempty"`
}

type clientRootFS struct {
	Type   string   `json:",omitempty"`
	Layers []string `json:",omitempty"`
}

// clientConfig embeds two types, as {{.Config}} shows.
type clientConfig struct {
	ImageConfig
	DockerOCIImageConfigExt
}

// ImageConfig is the part of a config that OCI defines. It is exported because templates name embedded types.
type ImageConfig struct {
	User         string              `json:",omitempty"`
	ExposedPorts map[string]struct{} `json:",omitempty"`
	Env          []string            `json:",omitempty"`
	Entrypoint   []string            `json:",omitempty"`
	Cmd          []string            `json:",omitempty"`
	Volumes      map[string]struct{} `json:",omitempty"`
	WorkingDir   string              `json:",omitempty"`
	Labels       map[string]string   `json:",omitempty"`
	StopSignal   string              `json:",omitempty"`
	ArgsEscaped  bool                `json:",omitempty"`
}

// DockerOCIImageConfigExt is the part of a config that Docker adds. It is exported because templates name embedded
// types.
type DockerOCIImageConfigExt struct {
	Healthcheck *analyze.DockerHealthcheck `json:",omitempty"`
	OnBuild     []string                   `json:",omitempty"`
	Shell       []string                   `json:",omitempty"`
}

type clientDescriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	URLs         []string          `json:"urls,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	Data         []byte            `json:"data,omitempty"`
	Platform     *struct{}         `json:"platform,omitempty"`
	ArtifactType string            `json:"artifactType,omitempty"`
}
