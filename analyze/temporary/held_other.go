//go:build !unix

package temporary

import "os"

// openRename says that an open file cannot be renamed.
const openRename = false

// Lock does nothing: this system has other locks.
func Lock(*os.File) error { return nil }

// ours reports false: without locks nobody knows whether a process still uses a temporary name.
func ours(*os.Root, string) bool { return false }

func untouched(*os.Root, string, string) bool { return false }
