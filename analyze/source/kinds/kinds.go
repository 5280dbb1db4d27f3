// Package kinds opens a source by its name. Its table lists every kind of source there is.
package kinds

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"layup/analyze/source"
	"layup/analyze/source/archive"
	"layup/analyze/source/daemon"
	"layup/analyze/source/engine"
	"layup/analyze/source/input"
	"layup/analyze/source/registryroot"
	"layup/analyze/source/repository"
	"layup/tarfs"
)

// Options say how a source is opened and read.
type Options struct {
	source.Options
	As       string // what a path without a prefix must be: archive.Layer, or empty
	Store    engine.Options
	Registry repository.Options
}

// Opened is an opened source, with the name within it.
type Opened struct {
	source.Source
	Name   string // as the user wrote it
	Inside string // the image or container that the name itself chooses
	store  bool   // of an engine
}

// An opener opens a source. It takes the whole name, and what follows the prefix; it returns the name within the
// source.
type opener func(ctx context.Context, name, rest string, opt *Options) (s source.Source, inside string, err error)

// A kind is a source that a prefix names.
type kind struct {
	prefix string
	open   opener
	store  bool   // of an engine
	whole  bool   // the name may mean everything in it
	asks   bool   // a server: nothing opens it unless the user names it in a command
	home   string // the path if the name has none; empty if it must have one
}

// kinds are the sources by prefix. The last one has no prefix: it is a path, recognised by its content. A bare word is
// always a path.
var kinds = []kind{
	{prefix: "docker-archive:", open: file(archive.Docker)},
	{prefix: "oci-archive:", open: file(archive.OCIArchive)},
	{prefix: "oci:", open: file(archive.OCI)},
	{prefix: "docker://", open: remote, asks: true},
	{prefix: "registry:", open: remote, asks: true},
	{prefix: "docker-root:", open: storeOf(engine.DockerRoot), store: true, whole: true, home: "/var/lib/docker"},
	{prefix: "containerd-root:", open: storeOf(engine.ContainerdRoot), store: true, whole: true,
		home: "/var/lib/containerd"},
	{prefix: "containers-storage:", open: storeOf(engine.ContainersStorage), store: true, whole: true,
		home: "/var/lib/containers/storage"},
	{prefix: "registry-root:", open: registryDisk, whole: true},
	{prefix: "docker-daemon:", open: running, asks: true},
	{prefix: "dir:", open: file(archive.Dir)},
	{prefix: "", open: anyPath},
}

// Open opens what a name means. Errors begin with the name. If there is advice, an *advice.Hinted or an
// *advice.Misnamed is in the chain.
func Open(ctx context.Context, name string, opt Options) (*Opened, error) {
	k, rest, err := kindOf(name)
	if err != nil {
		return nil, source.Named(name, err)
	}
	whole := k.prefix + rest
	s, inside, err := k.open(ctx, whole, rest, &opt)
	if err != nil {
		return nil, source.Named(whole, k.advise(name, rest, err))
	}
	return &Opened{Source: s, Name: whole, Inside: inside, store: k.store}, nil
}

// kindOf finds the source that a name means, and what follows its prefix: a path is whole.
func kindOf(name string) (kind, string, error) {
	if name == "" {
		return kind{}, "", errors.New("an empty name names no image")
	}
	i := slices.IndexFunc(kinds, func(k kind) bool { return strings.HasPrefix(name, k.prefix) })
	k := kinds[i]
	return k, k.path(name[len(k.prefix):]), nil
}

// path adds to what follows a prefix the directory that it leaves out, and puts the home directory in place of ~.
// A shell expands ~ only at the beginning of a word.
func (k kind) path(rest string) string {
	if k.home != "" && (rest == "" || rest[0] == ':') {
		return k.home + rest
	}
	if below, ok := strings.CutPrefix(rest, "~"); ok && !k.asks && k.prefix != "" &&
		(below == "" || strings.IndexByte("/:@", below[0]) >= 0) {
		if home, err := os.UserHomeDir(); err == nil {
			return home + below
		}
	}
	return rest
}

// Whole returns a name with its path in full: without ~, and with the directory that it leaves out.
func Whole(name string) string {
	k, rest, err := kindOf(name)
	if err != nil {
		return name
	}
	return k.prefix + rest
}

// Asks reports whether opening the name asks a server: a registry or an engine.
func Asks(name string) bool {
	k, _, err := kindOf(name)
	return err == nil && k.asks
}

// IsWholeStore reports whether a name means the store of an engine or the disk of a registry, and no image or container
// in it.
func IsWholeStore(name string) bool {
	k, rest, err := kindOf(name)
	if err != nil || !k.whole {
		return false
	}
	_, inside := engine.SplitName(rest)
	return inside == ""
}

// anyPath opens a path by its content.
func anyPath(ctx context.Context, name, rest string, opt *Options) (source.Source, string, error) {
	a, err := archive.Open(ctx, name, rest, opt.As, &opt.Options)
	return a, "", err
}

// file opens a path that must hold one kind of archive.
func file(kind string) opener {
	return func(ctx context.Context, name, rest string, opt *Options) (source.Source, string, error) {
		path, inside := input.SplitImage(rest)
		a, err := archive.Open(ctx, name, path, kind, &opt.Options)
		return a, inside, err
	}
}

// remote opens a repository of a registry.
func remote(ctx context.Context, name, rest string, opt *Options) (source.Source, string, error) {
	r, err := repository.Open(ctx, name, rest, &opt.Options, opt.Registry)
	return r, "", err
}

// storeOf opens the store of an engine.
func storeOf(kind string) opener {
	return func(ctx context.Context, name, rest string, opt *Options) (source.Source, string, error) {
		path, inside := engine.SplitName(rest)
		s, err := engine.Open(ctx, name, path, kind, &opt.Options, opt.Store)
		return s, inside, err
	}
}

// registryDisk opens the disk of a registry.
func registryDisk(ctx context.Context, name, rest string, opt *Options) (source.Source, string, error) {
	path, inside := engine.SplitName(rest)
	r, err := registryroot.Open(ctx, name, path, inside, &opt.Options)
	return r, inside, err
}

// running asks a running engine.
func running(ctx context.Context, name, rest string, opt *Options) (source.Source, string, error) {
	s, err := daemon.Open(ctx, name, rest, opt.Registry.List, &opt.Options)
	return s, "", err
}

// Choose returns the one image that the selection leaves, or all of them. See source.Choose.
func (o *Opened) Choose(ctx context.Context, sel source.Selection) (images []*source.Image, note string, err error) {
	sel.Inside, sel.Containers = o.Inside, o.store
	images, note, err = source.Choose(ctx, o.Source, sel)
	return images, note, source.Named(o.Name, err)
}

// Warnings are about the input as a whole, for a list of what it holds.
func (o *Opened) Warnings() []tarfs.Warning {
	if s, ok := o.Source.(interface{ Warnings() []tarfs.Warning }); ok {
		return s.Warnings()
	}
	return nil
}

// List lists what the source holds.
func (o *Opened) List(ctx context.Context) ([]source.Listed, error) {
	list, err := source.List(ctx, o.Source)
	return list, source.Named(o.Name, err)
}

// Subjects returns the images to verify that the selection leaves, of a source that was opened with an Audit.
func (o *Opened) Subjects(ctx context.Context, sel source.Selection,
	a *source.Audit) (subjects []source.Subject, note string, err error) {
	sel.Inside, sel.Containers = o.Inside, o.store
	subjects, note, err = source.Subjects(ctx, o.Source, sel, a)
	return subjects, note, source.Named(o.Name, err)
}
