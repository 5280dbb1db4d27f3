//go:build !unix

package docker

import "io/fs"

// ownedByUs reports whether a file belongs to the user who runs the program, which only Unix tells.
func ownedByUs(fs.FileInfo) bool { return false }

// lockDirectory locks nothing here.
func lockDirectory(string) (unlock func()) { return func() {} }
