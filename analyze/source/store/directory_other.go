//go:build !linux

package store

import (
	"errors"
	"os"
)

// Directory returns an error: this system does not have the attributes of an engine's store.
func Directory(root *os.Root) (Files, error) {
	return nil, errors.New("a store in a directory can be read on Linux only; a tar of it can be read here")
}
