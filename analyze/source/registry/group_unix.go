//go:build unix

package registry

import (
	"os/exec"
	"syscall"
)

// grouped makes a command, which has not started, and what it will start a group of processes. The end of the command's
// context ends the group, and so does end.
func grouped(cmd *exec.Cmd) (end func()) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return func() {
		if cmd.Process != nil {
			_ = cmd.Cancel() // nothing may be left
		}
	}
}
