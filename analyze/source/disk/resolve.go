package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

var (
	// ErrOutside says that a link leads out of the directory.
	ErrOutside = errors.New("a link leads out of the directory")
	errLoop    = fmt.Errorf("more than %d links", maxLinks)
	errTooLong = errors.New("links and directories of the input make paths of too many names")
)

const (
	maxLinks = 40       // to one file
	maxWork  = 32 << 20 // see Dir.work
	shallow  = 8        // the names of a path that need no more work than any file
	deepName = 64       // the work of a name after those
)

// A Path is where a name leads.
type Path struct {
	Real string // without links
	Link string // the target, if the name itself is that of a link
}

// Resolve follows the links in a name. The error is fs.ErrNotExist if it leads nowhere, and ErrOutside if it leads out
// of the directory. Resolve remembers directories and links: thousands of names may lead through one long path.
func (d *Dir) Resolve(name string) (p Path, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	rest := strings.Split(name, "/")
	for links := 0; len(rest) > 0 && err == nil; {
		part := rest[0]
		switch rest = rest[1:]; part {
		case "", ".":
			continue
		case "..":
			if p.Real == "" {
				return p, ErrOutside
			}
			p.Real = strings.TrimPrefix(path.Dir("/"+p.Real), "/")
			continue
		}
		at := path.Join(p.Real, part)
		var to string
		if to, err = d.look(at); to == "" {
			p.Real = at
			continue
		}
		if len(rest) == 0 && links == 0 {
			p.Link = to
		}
		switch links++; {
		case links > maxLinks:
			err = errLoop
		case path.IsAbs(to):
			err = ErrOutside
		}
		rest = append(strings.Split(to, "/"), rest...)
	}
	if err == nil {
		err = d.spend(p.Real) // to open it
	}
	return p, err
}

// look returns the target of a link; empty for what is not one.
func (d *Dir) look(at string) (to string, err error) {
	if d.work += len(at); d.work > maxWork {
		return "", errTooLong
	}
	to, known := d.seen[at]
	if known {
		return to, nil
	}
	if err := d.spend(at); err != nil {
		return "", err
	}
	info, err := d.Root.Lstat(at)
	if err != nil {
		return "", err
	}
	link := info.Mode()&fs.ModeSymlink != 0
	if link {
		if to, err = d.Root.Readlink(at); err != nil {
			return "", err
		}
	}
	if link || info.IsDir() {
		if d.seen == nil {
			d.seen = map[string]string{}
		}
		d.seen[at] = to
	}
	return to, nil
}

// spend counts the work of opening a path, which goes through all its names.
func (d *Dir) spend(at string) error {
	d.work += deepName * max(0, strings.Count(at, "/")-shallow)
	if d.work > maxWork {
		return errTooLong
	}
	return nil
}
