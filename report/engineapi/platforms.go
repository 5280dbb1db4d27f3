package engineapi

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"layup/analyze"
	"layup/analyze/source/document"
)

// The versions of the API since which a client may ask for manifests in a list and for a platform.
const (
	listManifests   = 47
	historyPlatform = 48
	inspectPlatform = 49
)

// A manifest is an element of Manifests: one platform of an image. Source: moby, api/types/image/manifest.go.
type manifest struct {
	ID         string
	Descriptor *analyze.DockerDescriptor
	Available  bool
	Size       struct{ Content, Total int64 }
	Kind       string
	ImageData  manifestImage
}

type manifestImage struct {
	Platform   platform
	Containers []string
	Size       struct{ Unpacked int64 }
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	OSVersion    string `json:"os.version,omitempty"`
	Variant      string `json:"variant,omitempty"`
}

// isTrue reads a flag of a query, as an engine does.
func isTrue(value string) bool {
	on, err := strconv.ParseBool(value)
	return on && err == nil
}

// wanted reads the parameter platform; nil if there is none.
func wanted(text string) (*document.Platform, error) {
	if text == "" {
		return nil, nil
	}
	var p platform
	if err := json.Unmarshal([]byte(text), &p); err != nil || p.OS == "" || p.Architecture == "" {
		return nil, fmt.Errorf("invalid platform: %+q", text)
	}
	want := document.Platform{OS: p.OS, Architecture: p.Architecture, OSVersion: p.OSVersion, Variant: p.Variant}.Normal()
	return &want, nil
}

// group returns the images of an image's index, or the image alone.
func (s *Server) group(img *Image) (list []*Image) {
	if img.Index == "" {
		return []*Image{img}
	}
	for i := range s.images {
		if s.images[i].Index == img.Index {
			list = append(list, &s.images[i])
		}
	}
	return list
}

// onPlatform returns the image of an index that runs on a platform; nil if there is none.
func (s *Server) onPlatform(img *Image, want document.Platform) *Image {
	list := s.group(img)
	for _, exact := range []bool{true, false} {
		if i := slices.IndexFunc(list, func(img *Image) bool { return want.Fits(img.Platform, exact) }); i >= 0 {
			return list[i]
		}
	}
	return nil
}

// manifests describes the platforms of an image's index. Images without manifests have none.
func (s *Server) manifests(img *Image) []manifest {
	var list []manifest
	for _, one := range s.group(img) {
		d := one.Inspect.Descriptor
		if d == nil {
			continue
		}
		p := one.Platform
		m := manifest{ID: d.Digest, Descriptor: d, Available: true, Kind: "image", ImageData: manifestImage{
			Platform: platform{p.Architecture, p.OS, p.OSVersion, p.Variant}, Containers: []string{}}}
		if one.Inspect.Size != nil {
			m.ImageData.Size.Unpacked = *one.Inspect.Size
		}
		m.Size.Content, m.Size.Total = one.Stored, one.Stored+m.ImageData.Size.Unpacked
		list = append(list, m)
	}
	return list
}
