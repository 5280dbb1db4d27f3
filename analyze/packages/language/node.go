// Package language reads what the package managers of programming languages leave in an image: npm, pip, the Go
// toolchain and Maven.
package language

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"layup/analyze/packages/record"
)

// MostBytes is the size of the largest metadata file that is read.
const MostBytes = 1 << 20

// IsNode reports whether a path is the package.json of an installed package of Node.js: node_modules/NAME/package.json
// or node_modules/@SCOPE/NAME/package.json.
func IsNode(name string) bool {
	dir, base := path.Split(name)
	if base != "package.json" {
		return false
	}
	above := path.Dir(path.Clean(dir))
	if strings.HasPrefix(path.Base(above), "@") {
		above = path.Dir(above)
	}
	return path.Base(above) == "node_modules"
}

// Node reads a package.json. The package owns its directory.
func Node(name string, text []byte) ([]record.Package, error) {
	var doc struct {
		Name, Version string
		License       json.RawMessage
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("%w: %v", record.ErrDamaged, err)
	}
	p := record.Package{Name: doc.Name, Version: doc.Version, Place: name, Tree: path.Dir(name)}
	_ = json.Unmarshal(doc.License, &p.License) // older packages have an object: it says nothing that is needed
	if !p.Sound() {
		return nil, nil // a part of a package may have a package.json without a version
	}
	return []record.Package{p}, nil
}
