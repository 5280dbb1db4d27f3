//go:build !linux

package store

import (
	"errors"
	"os"
)

// Directory is an error where the system cannot tell the attributes that an engine's store rests on.
func Directory(root *os.Root) (Files, error) {
	return nil, errors.New("a store in a directory can be read on Linux only; a tar of it can be read here")
}
