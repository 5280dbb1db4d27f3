// Package record is what readers of package databases return: packages as their manager recorded them. Nothing in it is
// proven: it is what the image says.
package record

import "errors"

// A Package is one package of a database.
type Package struct {
	Name, Version, Architecture string
	Source, SourceVersion       string   // what it was built from; empty if the database does not say, or says the same
	License                     string   // as the database writes it; empty if it does not say
	Leftover                    bool     // the package was removed, but its settings are still there
	Place                       string   // in which file it was found; empty for what the system's manager installed
	Files                       []File   // what the database itself says of its files
	Lists, Sums                 []string // paths of further files that name them, or their digests: the first that exists
	Tree                        string   // the package owns all below this directory, except what another one below has
}

// A File is a path that a package owns, and what the database knows of its content.
type File struct {
	Path  string // from the root, as the database spells it: it may lead through symlinks
	Sum   string // raw digest of the content; its length tells the hash: MD5, SHA-1, SHA-256, SHA-384 or SHA-512
	Link  string // the target of a symlink; empty if it is none, or if the database does not say
	Ghost bool   // the package owns the path, but does not ship the file
}

// ErrDamaged is the cause of errors about a database that cannot be read. What could be read comes with the error.
var ErrDamaged = errors.New("damaged package database")

// The limits of what is read of one database: more is damage, or worse.
const (
	MostText     = 1 << 10  // bytes of a name, a version or an architecture
	MostPath     = 4 << 10  // bytes of a path
	MostFiles    = 1 << 19  // files of all packages
	MostPaths    = 48 << 20 // bytes of their paths
	MostPackages = 100_000
)

// Sound reports whether a package has a name and a version of reasonable lengths.
func (p *Package) Sound() bool {
	return p.Name != "" && p.Version != "" && len(p.Name) <= MostText && len(p.Version) <= MostText &&
		len(p.Architecture) <= MostText && len(p.Source) <= MostText && len(p.License) <= MostPath
}
