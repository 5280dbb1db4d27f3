//go:build !unix

package cache

import "io/fs"

func owned(fs.FileInfo) bool { return true }

func writable(fs.FileInfo) bool { return false }
