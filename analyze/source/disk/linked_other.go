//go:build !unix

package disk

import "io/fs"

// Linked is false: this system does not tell how many names a file has.
func Linked(fs.FileInfo) bool { return false }
