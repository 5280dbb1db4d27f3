package source

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// A platform is what an image runs on; it is known when both OS and architecture are.
type platform struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
	Variant      string `json:"variant"`
	OSVersion    string `json:"os.version"` // of Windows; it tells images of one platform apart
}

func (p platform) known() bool { return p.OS != "" && p.Architecture != "" }

// String returns os/arch[/variant], or nothing where that is unknown.
func (p platform) String() string {
	if !p.known() {
		return ""
	}
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// parsePlatform reads what a user typed.
func parsePlatform(s string) (platform, error) {
	part := strings.Split(strings.ToLower(s), "/")
	if len(part) < 2 || len(part) > 3 || slices.Contains(part, "") {
		return platform{}, fmt.Errorf("platform %q: want os/arch or os/arch/variant", s)
	}
	p := platform{OS: part[0], Architecture: part[1]}
	if len(part) == 3 {
		p.Variant = part[2]
	}
	return p.normal(), nil
}

// normal spells architectures as images do, and leaves out a variant that is the usual one.
func (p platform) normal() platform {
	p.OS, p.Architecture, p.Variant = strings.ToLower(p.OS), strings.ToLower(p.Architecture), strings.ToLower(p.Variant)
	switch p.Architecture {
	case "x86_64", "x86-64":
		p.Architecture = "amd64"
	case "aarch64":
		p.Architecture = "arm64"
	case "armhf":
		p.Architecture, p.Variant = "arm", "v7"
	case "armel":
		p.Architecture, p.Variant = "arm", "v6"
	case "i386", "i686", "x86":
		p.Architecture = "386"
	}
	switch p.Architecture + "/" + p.Variant {
	case "arm64/v8", "arm64/8", "amd64/v1":
		p.Variant = ""
	case "arm/", "arm/7":
		p.Variant = "v7"
	}
	return p
}

// fits reports whether an image of platform have serves who asks for p; a question without variant takes any.
func (p platform) fits(have platform, exact bool) bool {
	have = have.normal()
	return have.OS == p.OS && have.Architecture == p.Architecture && (have.Variant == p.Variant || !exact && p.Variant == "")
}

// machine returns the platforms that this machine runs, best first.
func machine() []platform {
	p := platform{OS: "linux", Architecture: runtime.GOARCH}
	if p.Architecture != "arm" {
		return []platform{p}
	}
	var list []platform
	for _, variant := range []string{"v7", "v6", "v5"} {
		list = append(list, platform{OS: p.OS, Architecture: p.Architecture, Variant: variant})
	}
	return list
}
