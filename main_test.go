package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const argumentsVariable = "LAYUP_TEST_ARGUMENTS"

// TestAsProgram is not a test: if the variable is set, this binary is the program.
func TestAsProgram(t *testing.T) {
	args, ok := os.LookupEnv(argumentsVariable)
	if !ok {
		t.Skip("runs as the program for other tests")
	}
	os.Args = append([]string{"layup"}, strings.Split(args, "\n")...)
	main()
}

// program is a command that runs layup with the arguments.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("signals and descriptors are those of Unix")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAsProgram$")
	cmd.Env = append(os.Environ(), argumentsVariable+"="+strings.Join(args, "\n"))
	return cmd
}

// status is the exit status of a command that has ended, -1 if a signal ended it.
func status(t *testing.T, err error) int {
	t.Helper()
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0
}

func TestSignalsEndEvenABlockedRead(t *testing.T) {
	for signal, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		// the end of the program does not wait for that of its input, which never comes
		var stdout, stderr bytes.Buffer
		cmd := program(t, "ls", "--progress", "plain", "-")
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		begun := tar.NewWriter(stdin) // more than a pipe holds, so the program reads and waits for the rest
		err = begun.WriteHeader(&tar.Header{Name: "f", Size: 1 << 30})
		if _, writeErr := begun.Write(make([]byte, 256<<10)); err != nil || writeErr != nil {
			t.Fatal(err, writeErr)
		}
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if got := status(t, cmd.Wait()); got != want || stdout.Len() > 0 || stderr.Len() > 0 {
			t.Errorf("%v: exit %d want %d, %q %q", signal, got, want, stdout.String(), stderr.String())
		}
		stdin.Close()
	}
}

// An unfinished extraction has a temporary name, and an interrupted program removes it.
func TestInterruptedExtractionLeavesNothing(t *testing.T) {
	image := manyFiles(t, 20_000)
	for _, exists := range []bool{false, true} {
		for signal, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143, syscall.SIGKILL: -1} {
			parent := t.TempDir()
			target, building := filepath.Join(parent, "out"), filepath.Join(parent, ".out.layup-*")
			if exists {
				if building = filepath.Join(target, ".layup-*"); os.Mkdir(target, 0o755) != nil {
					t.Fatal("no directory")
				}
			}
			var stderr bytes.Buffer
			cmd := program(t, "extract", image, "-C", target)
			cmd.Stderr = &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for range 60_000 { // a minute
				if begun, _ := filepath.Glob(filepath.Join(building, "tree", "f1")); len(begun) > 0 {
					break
				}
				time.Sleep(time.Millisecond)
			}
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if got := status(t, cmd.Wait()); got != want || stderr.Len() > 0 {
				t.Errorf("%v: exit %d want %d, %q", signal, got, want, stderr.String())
			}
			left, err := filepath.Glob(filepath.Join(filepath.Dir(building), "*"))
			if signal == syscall.SIGKILL { // nothing could remove it, but its name is temporary
				left = slices.DeleteFunc(left, func(name string) bool { return strings.Contains(filepath.Base(name), ".layup-") })
			}
			if len(left) > 0 || err != nil {
				t.Errorf("%v, into an existing directory: %v: left: %.10q", signal, exists, left)
			}
		}
	}
}

// manyFiles is a layer of many small files.
func manyFiles(t *testing.T, n int) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "layer.tar")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(f)
	for i := range n {
		err = errors.Join(err, w.WriteHeader(&tar.Header{Name: fmt.Sprintf("f%d", i), Mode: 0o600, Size: 1}))
		_, writeErr := w.Write([]byte{'x'})
		err = errors.Join(err, writeErr)
	}
	if err := errors.Join(err, w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestReaderThatGoesAwayEndsTheProgramQuietly(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	var stderr bytes.Buffer
	cmd := program(t, "ls", "-R", "fixtures/myfile.tar")
	cmd.Stdout, cmd.Stderr = w, &stderr
	if got := status(t, cmd.Run()); got != 0 || stderr.Len() > 0 {
		t.Errorf("exit %d, %q", got, stderr.String())
	}
	w.Close()
}

func TestLostOutputIsExitTwo(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells")
	}
	for redirection, want := range map[string]string{
		">&-":         "layup: write stdout: it is closed\n",
		"> /dev/full": "layup: write stdout: no space left on device\n",
		"> /dev/null": "",
	} {
		var stderr bytes.Buffer
		cmd := program(t, "ls", "fixtures/myfile.tar")
		cmd.Args = append([]string{"sh", "-c", `"$0" "$@" ` + redirection + `; exit $?`}, cmd.Args...)
		cmd.Path = "/bin/sh"
		cmd.Stderr = &stderr
		got := status(t, cmd.Run())
		if (got == 2) != (want != "") || stderr.String() != want {
			t.Errorf("%s: exit %d, %q want %q", redirection, got, stderr.String(), want)
		}
	}
}
