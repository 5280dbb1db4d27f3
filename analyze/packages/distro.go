package packages

import (
	"strings"

	"layup/tarfs"
)

// A Distro is what the image's os-release says; os-release(5).
type Distro struct {
	ID      string // debian, alpine, fedora…; empty if it is not known
	Version string // VERSION_ID: 12, 3.20
	Name    string // PRETTY_NAME
}

// releaseFile returns the image's os-release.
func releaseFile(view *tarfs.Snapshot) (tarfs.Version, bool) {
	for _, name := range []string{"/etc/os-release", "/usr/lib/os-release"} {
		if v, ok := fileAt(view, name); ok {
			return v, true
		}
	}
	return tarfs.Version{}, false
}

func (s *Set) readDistro() {
	v, ok := releaseFile(s.img.Top())
	if !ok {
		return
	}
	text, err := s.reader.text(v)
	s.reader.complain(v, err)
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		if value = strings.Trim(value, `"'`); len(value) > 256 {
			continue
		}
		switch name {
		case "ID":
			s.Distro.ID = value
		case "VERSION_ID":
			s.Distro.Version = value
		case "PRETTY_NAME":
			s.Distro.Name = value
		}
	}
}
