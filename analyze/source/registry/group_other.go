//go:build !unix

package registry

import "os/exec"

// grouped does nothing: this system has no groups of processes, and only the command itself is ended.
func grouped(*exec.Cmd) (end func()) { return func() {} }
