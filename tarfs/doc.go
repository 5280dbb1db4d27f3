// Package tarfs merges the tar archives of a container image's layers into one tree that remembers who wrote what.
//
// Scan reads one layer into a table; Merge stacks tables into a Tree. A Tree holds every path that any layer ever held, with every version
// of it: which layer wrote it, which layer hid it and how. A Snapshot is what is visible after one of the layers, as overlay engines
// (Docker, containerd, podman) would show it, or as the OCI image specification describes it. What departs from either is a Warning.
//
// The package knows nothing of files, networks, compression or tables of a terminal: it reads a Reader, and says where in a layer's
// tar a file's content lies.
package tarfs
