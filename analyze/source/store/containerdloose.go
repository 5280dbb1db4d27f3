package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"layup/analyze/digest"
	"layup/analyze/show"
)

// Directories lists the directories of all snapshots.
func (c *Containerd) Directories(ctx context.Context) ([]Place, error) {
	var list []Place
	for _, snapshotter := range slices.Sorted(maps.Keys(snapshotters)) {
		dir := path.Join(home(snapshotter), "snapshots")
		names, err := entries(c.files, dir)
		if err != nil {
			return nil, err
		}
		keys := c.keysOf(snapshotter)
		layout := c.layout(snapshotter)
		for _, name := range names {
			at := path.Join(dir, name, snapshotters[snapshotter])
			if _, err := strconv.ParseUint(name, 10, 64); err != nil || !isDir(c.files, at) {
				continue
			}
			l := plain(c.files, at, snapshotter == "native", layout)
			l.Files = c.files
			list = append(list, Place{Name: path.Join(dir, name), Of: keys[name], Layer: l})
		}
	}
	return list, ctx.Err()
}

// keysOf says what the snapshots of a snapshotter are, by the names of their directories.
func (c *Containerd) keysOf(snapshotter string) map[string]string {
	list := map[string]string{}
	numbers, _ := c.readNumbers(snapshotter) // without them nothing names the directories
	for name, n := range numbers {
		parts := strings.SplitN(name, "/", 3) // NAMESPACE/N/KEY
		if len(parts) == 3 {
			list[strconv.FormatUint(n.n, 10)] = "snapshot " + show.Safe(digest.Short(parts[2])) + " of " + show.Safe(parts[0])
		}
	}
	return list
}

// unnamed lists the indexes and manifests in the content store that no other one names: without its database nothing
// else says what containerd holds.
func (c *Containerd) unnamed(ctx context.Context) ([]ContainerdImage, error) {
	const dir = "io.containerd.content.v1.content/blobs/sha256"
	names, err := entries(c.files, dir)
	if err != nil {
		return nil, err
	}
	var list []ContainerdImage
	below := map[string]bool{}
	for _, name := range names {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		info, err := c.files.Stat(path.Join(dir, name))
		if err != nil || info.Size > maxBlob || !digest.IsHex(name) {
			continue
		}
		doc, err := ReadFile(c.files, path.Join(dir, name), maxBlob)
		if err != nil || len(doc) == 0 || doc[0] != '{' {
			continue
		}
		var said struct {
			MediaType         string
			Manifests, Layers []struct{ Digest string }
			Config            *struct{ Digest string }
		}
		if json.Unmarshal(doc, &said) != nil || said.Manifests == nil && (said.Layers == nil || said.Config == nil) {
			continue
		}
		for _, m := range said.Manifests {
			below[m.Digest] = true
		}
		list = append(list, ContainerdImage{MediaType: said.MediaType, Digest: digest.FromHex(name), Size: info.Size})
	}
	return slices.DeleteFunc(list, func(img ContainerdImage) bool { return below[img.Digest] }), nil
}

// recover goes on after the database is damaged: what the content store holds is listed without names. It returns
// errors that concern the whole store.
func (c *Containerd) recover(ctx context.Context, err error) error {
	if _, privilege := errors.AsType[*PrivilegeError](err); privilege || ctx.Err() != nil {
		return err
	}
	if errors.Is(err, fs.ErrNotExist) {
		if !isDir(c.files, "io.containerd.content.v1.content/blobs") {
			return ErrNoContainerd
		}
		err = fmt.Errorf("%s: does not exist", MetaName)
	}
	c.Damaged = append(c.Damaged, &RecordError{MetaName, err})
	found, err := c.unnamed(ctx)
	for _, img := range found {
		if !slices.ContainsFunc(c.Images, func(known ContainerdImage) bool { return known.Digest == img.Digest }) {
			c.Images = append(c.Images, img)
		}
	}
	return err
}
