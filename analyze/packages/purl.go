package packages

import (
	"fmt"
	"strings"

	"layup/analyze/expression"
)

// PURL returns the package URL; github.com/package-url/purl-spec. It is empty if the name makes none.
func (p *Package) PURL(d Distro) string {
	var at []string // namespace and name
	var with []qualifier
	version := p.Version
	kind := map[string]string{Dpkg: "deb", APK: "apk", RPM: "rpm", Node: "npm", Python: "pypi", Go: "golang",
		Java: "maven"}[p.Manager]
	switch p.Manager {
	case Dpkg, APK, RPM:
		if d.ID != "" {
			at = append(at, strings.ToLower(d.ID))
		}
		at = append(at, p.Name)
		with = append(with, qualifier{"arch", p.Architecture})
		if d.ID != "" {
			with = append(with, qualifier{"distro", strings.TrimSuffix(d.ID+"-"+d.Version, "-")})
		}
		if epoch, rest, ok := strings.Cut(version, ":"); ok && p.Manager == RPM {
			version, with = rest, append(with, qualifier{"epoch", epoch})
		}
		with = append(with, qualifier{"upstream", p.Source})
	case Python:
		at = []string{pythonName().ReplaceAllString(strings.ToLower(p.Name), "-")}
	case Java:
		at = strings.Split(p.Name, ":")
	default:
		at = strings.Split(p.Name, "/")
	}
	var b strings.Builder
	b.WriteString("pkg:" + kind)
	for _, part := range at {
		if part == "" {
			return ""
		}
		b.WriteString("/" + encode(part))
	}
	b.WriteString("@" + encode(version))
	sign := "?"
	for _, q := range with {
		if q.value != "" {
			b.WriteString(sign + q.name + "=" + encode(q.value))
			sign = "&"
		}
	}
	return b.String()
}

// pythonName matches what is one dash in the name of a distribution; PEP 503.
var pythonName = expression.Lazy(`[-_.]+`)

// A qualifier is one member of the query of a package URL. They are sorted by name.
type qualifier struct{ name, value string }

// encode writes what is not plain as %XX.
func encode(s string) string {
	plain := func(c byte) bool {
		return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~:", c) >= 0
	}
	var b strings.Builder
	for i := range len(s) {
		if plain(s[i]) {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String()
}
