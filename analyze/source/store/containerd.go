package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"sync"
	"time"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source/bolt"
)

// MetaName is the file by which containerd's root directory is known.
const MetaName = "io.containerd.metadata.v1.bolt/meta.db"

// ErrNoContainerd says that a directory is not a root directory of containerd.
var ErrNoContainerd = errors.New("is not a root directory of containerd: it has no " + MetaName)

// A Containerd is containerd's root directory. Source: containerd, core/metadata/buckets.go,
// core/snapshots/storage/bolt.go.
type Containerd struct {
	Images     []ContainerdImage
	Containers []ContainerdContainer
	Damaged    []*RecordError

	files   Files
	subID   IDs
	keys    map[snapshotKey]snapshot
	first   map[string]snapshotKey         // by key, of any namespace
	numbers map[string]map[string]numbered // by snapshotter and the name that it gave the snapshot
	layouts sync.Map                       // by snapshotter; each layer of each image asks
	spare   Spare
}

// A numbered snapshot is what a snapshotter's own database says: the name of the directory, and the bytes on the disk
// when the snapshot was committed, -1 unless it was.
type numbered struct {
	n     uint64
	usage int64
}

// A ContainerdImage is a name and the index or manifest to which it points.
type ContainerdImage struct {
	Namespace, Name, MediaType, Digest string
	Size                               int64
	Updated                            time.Time // when the name was last written; zero if unknown
	Parent                             string    // digest of the image on which Docker's classic builder built it, or ""
}

// Dangling reports whether the name is Docker's own handle of an image without a name. Source: moby,
// daemon/containerd/soft_delete.go.
func (i *ContainerdImage) Dangling() bool { return i.Name == "moby-dangling@"+i.Digest }

// parentLabel is where Docker's classic builder notes the parent. Source: moby, daemon/containerd/image_builder.go.
const parentLabel = "org.mobyproject.image.parent"

// A ContainerdContainer is a container, as its client created it.
type ContainerdContainer struct {
	Namespace, ID, Image, Created, Snapshotter, Key string
	Manifest                                        string // digest of the image's manifest; empty if unknown
}

// A snapshotKey names a snapshot within a namespace.
type snapshotKey struct{ namespace, snapshotter, key string }

// A snapshot is the name that a snapshotter gave a snapshot, and the key of the parent.
type snapshot struct{ name, parent string }

// maxDatabase bounds a database in a compressed tar, in bytes: it must be read as a whole.
const maxDatabase = 256 << 20

// OpenContainerd lists the images and containers of the namespaces.
func OpenContainerd(ctx context.Context, files Files, opt Options) (*Containerd, error) {
	const tries = 3
	for try := 1; ; try++ {
		c := &Containerd{files: files, subID: opt.SubID, keys: map[snapshotKey]snapshot{},
			first: map[string]snapshotKey{}, numbers: map[string]map[string]numbered{}}
		before, err := c.read(ctx, opt.Namespace)
		if err == nil {
			return c, nil
		}
		db, done, again := c.database(MetaName)
		if again != nil {
			return c, c.recover(ctx, err)
		}
		done()
		if try == tries || db.Transaction() == before { // nobody changed it meanwhile: it is damaged
			return c, c.recover(ctx, err)
		}
	}
}

// read reads the metadata database and returns its last transaction.
func (c *Containerd) read(ctx context.Context, namespace string) (uint64, error) {
	db, done, err := c.database(MetaName)
	if err != nil {
		return 0, err
	}
	defer done()
	if err = c.namespaces(ctx, db, namespace); err != nil {
		err = fmt.Errorf("%s: %w", show.Path(MetaName), err)
	}
	return db.Transaction(), err
}

// database opens a database; done closes its file.
func (c *Containerd) database(name string) (db *bolt.DB, done func(), err error) {
	file, err := c.files.Open(name)
	if err != nil {
		return nil, nil, err
	}
	done = func() { file.Close() } // opened for reading: nothing is lost
	if at, placed := file.(part); placed {
		db, err = bolt.Open(at, at.Size())
	} else {
		var whole []byte
		if whole, err = readAll(file, name, maxDatabase); err == nil {
			db, err = bolt.Open(bytes.NewReader(whole), int64(len(whole)))
		}
	}
	if err != nil {
		done()
		return nil, nil, fmt.Errorf("%s: %w", show.Path(name), err)
	}
	return db, done, nil
}

func (c *Containerd) namespaces(ctx context.Context, db *bolt.DB, only string) error {
	return each(db.Root(), func(ns string, b bolt.Bucket) error {
		if err := ctx.Err(); err != nil || only != "" && ns != only {
			return err
		}
		var wrong error
		for _, read := range []func(string, bolt.Bucket) error{c.images, c.containers, c.snapshots} {
			wrong = cmp.Or(wrong, read(ns, b)) // the others can be read
		}
		if wrong != nil {
			wrong = fmt.Errorf("namespace %s: %w", show.Path(ns), wrong)
		}
		return wrong
	}, "v1")
}

// each calls f for the buckets in the bucket at keys; it does nothing if there is no such bucket. It goes on after an
// error and returns the first.
func each(b bolt.Bucket, f func(name string, b bolt.Bucket) error, keys ...string) error {
	b, ok, err := b.Bucket(keys...)
	if err != nil || !ok {
		return err
	}
	var first error
	for item, err := range b.All() {
		if err == nil && item.Bucket != nil {
			err = f(string(item.Key), *item.Bucket)
		}
		first = cmp.Or(first, err)
	}
	return first
}

// texts reads values by their keys.
func texts(b bolt.Bucket, to map[string]*string) error {
	for key, s := range to {
		v, err := b.Value(key)
		if err != nil {
			return err
		}
		*s = string(v)
	}
	return nil
}

func (c *Containerd) images(ns string, b bolt.Bucket) error {
	return each(b, func(name string, b bolt.Bucket) error {
		img := ContainerdImage{Namespace: ns, Name: name}
		target, ok, err := b.Bucket("target")
		if err != nil || !ok {
			return err
		}
		var size, updated string
		values := map[string]*string{"digest": &img.Digest, "mediatype": &img.MediaType, "size": &size}
		if err := texts(target, values); err != nil {
			return err
		}
		if err := texts(b, map[string]*string{"updatedat": &updated}); err != nil {
			return err
		}
		labels, err := labelsOf(b)
		if err != nil {
			return err
		}
		img.Size, _ = binary.Varint([]byte(size))
		img.Updated, img.Parent = timeOf(updated), labels[parentLabel]
		c.Images = append(c.Images, img)
		return nil
	}, "images")
}

func (c *Containerd) containers(ns string, b bolt.Bucket) error {
	return each(b, func(id string, b bolt.Bucket) error {
		box := ContainerdContainer{Namespace: ns, ID: id}
		var created string
		values := map[string]*string{
			"image": &box.Image, "snapshotter": &box.Snapshotter, "snapshotKey": &box.Key, "createdat": &created,
		}
		if err := texts(b, values); err != nil {
			return err
		}
		if at := timeOf(created); !at.IsZero() {
			box.Created = at.Format(time.RFC3339Nano)
		}
		c.Containers = append(c.Containers, box)
		return nil
	}, "containers")
}

// timeOf decodes a time; zero if it is damaged.
func timeOf(text string) time.Time {
	var at time.Time
	if at.UnmarshalBinary([]byte(text)) != nil {
		return time.Time{}
	}
	return at.UTC()
}

// labelsOf reads the labels of an image.
func labelsOf(b bolt.Bucket) (map[string]string, error) {
	list := map[string]string{}
	labels, ok, err := b.Bucket("labels")
	if err != nil || !ok {
		return nil, err
	}
	for item, err := range labels.All() {
		if err != nil {
			return nil, err
		}
		list[string(item.Key)] = string(item.Value)
	}
	return list, nil
}

// snapshots notes the snapshots of a namespace.
func (c *Containerd) snapshots(ns string, b bolt.Bucket) error {
	return each(b, func(snapshotter string, b bolt.Bucket) error {
		_, readable := snapshotters[snapshotter]
		return each(b, func(key string, b bolt.Bucket) error {
			var s snapshot
			if err := texts(b, map[string]*string{"name": &s.name, "parent": &s.parent}); err != nil {
				return err
			}
			at := snapshotKey{ns, snapshotter, key}
			if c.keys[at] = s; readable && c.first[key] == (snapshotKey{}) {
				c.first[key] = at
			}
			return nil
		})
	}, "snapshots")
}

// Namespace returns the namespace in which a snapshotter has a snapshot: the first by name, or "" if there is none.
func (c *Containerd) Namespace(snapshotter, key string) string {
	first := ""
	for at := range c.keys {
		if at.snapshotter == snapshotter && at.key == key && (first == "" || at.namespace < first) {
			first = at.namespace
		}
	}
	return first
}

// Parents returns the keys of the snapshots below one, the nearest first.
func (c *Containerd) Parents(ns, snapshotter, key string) ([]string, error) {
	parent := func(key string) (string, error) { return c.keys[snapshotKey{ns, snapshotter, key}].parent, nil }
	first, _ := parent(key)
	list, err := chain(first, parent)
	slices.Reverse(list)
	return list, err
}

// Snapshot describes the layer in a snapshot's directory; false if there is no snapshot of that key.
func (c *Containerd) Snapshot(role, ns, snapshotter, key string) (Layer, bool, error) {
	dir, usage, err := c.directory(ns, snapshotter, key)
	if dir == "" || err != nil {
		return Layer{}, false, err
	}
	below := ""
	if parent := c.keys[snapshotKey{ns, snapshotter, key}].parent; parent != "" && snapshotter == "native" {
		if below, _, err = c.directory(ns, snapshotter, parent); err != nil {
			return Layer{}, false, err
		}
	}
	l := Layer{Role: role, Directory: dir, Size: -1, Usage: usage, Driver: snapshotter, Files: c.files}
	layout := c.layout(snapshotter)
	l.read(c.files, below, layout)
	if snapshotter != "native" { // its directories also hold the layers below
		l.compare(c.files, layout)
	}
	return l, true, nil
}

// layout says how a snapshotter keeps what its directories cannot say.
func (c *Containerd) layout(snapshotter string) Layout {
	if known, ok := c.layouts.Load(snapshotter); ok {
		return known.(Layout)
	}
	l := Layout{Names: snapshotter == "fuse-overlayfs", SubID: c.subID,
		Rootless: rootless(c.files, home(snapshotter), c.subID), Spare: &c.spare}
	c.layouts.Store(snapshotter, l)
	return l
}

// Unpacked describes the layer that containerd unpacked under a chainID; false if there is none that can be read.
func (c *Containerd) Unpacked(chainID string) (Layer, bool) {
	at, ok := c.first[chainID]
	if !ok {
		return Layer{Usage: -1}, false
	}
	l, ok, err := c.Snapshot(RoleImage, at.namespace, at.snapshotter, at.key)
	if !ok || err != nil { // an error can be ignored: the image is read from its blobs
		return Layer{Usage: -1}, false
	}
	return l, true
}

// snapshotters are those with directories that can be read: the directory of the files within a snapshot.
var snapshotters = map[string]string{"overlayfs": "fs", "fuse-overlayfs": "fs", "native": ""}

// directory returns where the files of a snapshot are, and their bytes on the disk; empty if there is no such snapshot.
func (c *Containerd) directory(ns, snapshotter, key string) (dir string, usage int64, err error) {
	at, ok := c.keys[snapshotKey{ns, snapshotter, key}]
	if !ok {
		return "", -1, nil
	}
	files, ok := snapshotters[snapshotter]
	if !ok {
		const supported = "only overlayfs, fuse-overlayfs and native"
		return "", -1, fmt.Errorf("the snapshotter %s is not supported, %s", show.Path(snapshotter), supported)
	}
	if c.numbers[snapshotter] == nil {
		numbers, err := c.readNumbers(snapshotter)
		if err != nil {
			return "", -1, err
		}
		c.numbers[snapshotter] = numbers
	}
	found, ok := c.numbers[snapshotter][at.name]
	if !ok {
		return "", -1, nil
	}
	return path.Join(home(snapshotter), "snapshots", strconv.FormatUint(found.n, 10), files), found.usage, nil
}

func home(snapshotter string) string { return "io.containerd.snapshotter.v1." + snapshotter }

// readNumbers reads a snapshotter's own database.
func (c *Containerd) readNumbers(snapshotter string) (map[string]numbered, error) {
	name := path.Join(home(snapshotter), "metadata.db")
	db, done, err := c.database(name)
	if err != nil {
		return nil, err
	}
	defer done()
	numbers := map[string]numbered{}
	err = each(db.Root(), func(snapshot string, b bolt.Bucket) error {
		var id, size string
		if err := texts(b, map[string]*string{"id": &id, "size": &size}); err != nil {
			return err
		}
		n, read := binary.Uvarint([]byte(id))
		if read <= 0 {
			return fmt.Errorf("snapshot %s has no number", show.Path(snapshot))
		}
		usage, read := binary.Varint([]byte(size))
		if read <= 0 || usage < 0 {
			usage = -1
		}
		numbers[snapshot] = numbered{n, usage}
		return nil
	}, "v1", "snapshots")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", show.Path(name), err)
	}
	return numbers, nil
}

// Content returns where the content store keeps a blob; the caller has checked the digest.
func Content(name string) string {
	return path.Join("io.containerd.content.v1.content/blobs", digest.Algorithm(name), digest.Hex(name))
}
