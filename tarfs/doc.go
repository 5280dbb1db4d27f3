// Package tarfs merges the tar archives of a container image's layers into one tree that remembers who wrote what.
//
// [Scan] reads one layer into a table, a [Layer]. [Merge] stacks tables into a [Tree]: every path that any layer ever
// held, with all its versions. A [Version] knows which layer wrote it, which layer hid it, and how. A [Snapshot] is
// what is visible after one of the layers: as overlay engines (Docker, containerd, podman) show it, or as the OCI image
// specification describes it. If the two differ, or an engine refuses a layer, the tree has a [Warning].
//
// There are two ways to look at the files. The tree itself holds everything, hidden files and odd names too, with the
// exact bytes of every name. [Snapshot.FS] is an io/fs file system: it follows the rules of io/fs, so it cannot show
// all of that.
//
// Layers are counted from 0, the oldest first. Paths begin with a slash and are separated by slashes.
//
// A table does not hold the content of files. [Version.Extents] says where in the layer's uncompressed tar the content
// is; [Stored] and [Expand] read it from there. The package does not open files or networks, and does not decompress.
// Input is hostile: [Limits] bound what a layer may ask for.
package tarfs
