//go:build !linux

package layout

import "errors"

func exchange(string, string) error { return errors.ErrUnsupported }
