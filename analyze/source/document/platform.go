package document

import (
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"layup/analyze/expression"
	"layup/analyze/show"
)

// A Platform is what an image runs on.
type Platform struct {
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
	Variant      string `json:"variant"`
	OSVersion    string `json:"os.version"` // of Windows; it tells images of one platform apart
}

// Known reports whether the platform has an OS and an architecture.
func (p Platform) Known() bool { return p.OS != "" && p.Architecture != "" }

// String returns os/arch[/variant], or "" if the platform is unknown.
func (p Platform) String() string {
	if !p.Known() {
		return ""
	}
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// word matches the platforms that a flag can name.
var word = expression.Lazy(`^[A-Za-z0-9_.+-]+(/[A-Za-z0-9_.+-]+){1,2}$`)

// IsWord reports whether a flag can name the platform without quoting.
func (p Platform) IsWord() bool {
	const most = 32 // bytes of a part
	return max(len(p.OS), len(p.Architecture), len(p.Variant)) <= most && word().MatchString(p.String())
}

// ParsePlatform reads os/arch[/variant] as a user types it.
func ParsePlatform(s string) (Platform, error) {
	part := strings.Split(strings.ToLower(s), "/")
	if len(part) < 2 || len(part) > 3 || slices.Contains(part, "") {
		return Platform{}, fmt.Errorf("platform %q: want os/arch or os/arch/variant", s)
	}
	p := Platform{OS: part[0], Architecture: part[1]}
	if len(part) == 3 {
		p.Variant = part[2]
	}
	return p.Normal(), nil
}

// Normal spells architectures as images do, and leaves out the usual variant.
func (p Platform) Normal() Platform {
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

// Fits reports whether an image for the platform have runs on p, which is Normal. If p has no variant and exact is
// false, any variant fits.
func (p Platform) Fits(have Platform, exact bool) bool {
	have = have.Normal()
	return have.OS == p.OS && have.Architecture == p.Architecture &&
		(have.Variant == p.Variant || !exact && p.Variant == "")
}

// Machine returns the platforms that this machine runs, the best one first.
func Machine() []Platform {
	variants := []string{""}
	if runtime.GOARCH == "arm" {
		variants = []string{"v7", "v6", "v5"}
	}
	var list []Platform
	for _, variant := range variants {
		list = append(list, Platform{OS: "linux", Architecture: runtime.GOARCH, Variant: variant})
	}
	return list
}

// PlatformOf returns what a config says it runs on.
func PlatformOf(cf *v1.ConfigFile) Platform {
	return Platform{OS: cf.OS, Architecture: cf.Architecture, Variant: cf.Variant, OSVersion: cf.OSVersion}
}

// Shown returns the platform, with the version of Windows, for a person.
func (p Platform) Shown() string {
	text := p.String()
	if text != "" && p.OSVersion != "" {
		text += " " + p.OSVersion
	}
	if len(text) > show.MaxCut {
		text = text[:show.MaxCut] + "…"
	}
	quoted := strconv.Quote(text)
	return quoted[1 : len(quoted)-1]
}
