// Command layup answers questions about container images from files, without an engine: which layer owns each path, what every layer did,
// what lies hidden.
package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"os/signal"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"layup/report"
)

// The exit statuses of a command that a signal ended: 128 and the signal's number.
const (
	interrupted = 130
	terminated  = 143
)

func main() {
	limitMemory()
	keepHeapSmall()
	signal.Ignore(syscall.SIGPIPE) // a closed pipe is an error of a write, and ends the command quietly
	onInterrupt, again := signal.NotifyContext(context.Background(), os.Interrupt)
	ctx, _ := signal.NotifyContext(onInterrupt, syscall.SIGTERM)
	context.AfterFunc(onInterrupt, again) // a second Ctrl-C does not wait for what the first one has removed
	args := os.Args[1:]
	if report.IsPlugin(os.Args[0]) {
		ctx, args = report.WithDocker(ctx), report.PluginArgs(args)
	}
	status := report.Main(ctx, args, os.Stdin, os.Stdout, os.Stderr)
	switch {
	case onInterrupt.Err() != nil:
		status = interrupted
	case ctx.Err() != nil:
		status = terminated
	}
	os.Exit(status)
}

// keepHeapSmall has garbage collected often: the tables of images, most of the heap, hold no pointers and cost the collector next to nothing,
// while at the usual pace garbage may grow as large as they are.
func keepHeapSmall() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(25)
	}
}

// limitMemory has the garbage collector work harder before a container's memory ends: a soft limit of nine tenths of it.
func limitMemory() {
	if limit := cgroupMemory("/sys/fs/cgroup"); limit < math.MaxInt64 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit / 10 * 9)
	}
}

// cgroupMemory returns the least memory.max of the process's control group (version 2) and those above it, in bytes.
func cgroupMemory(root string) int64 {
	least := int64(math.MaxInt64)
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return least
	}
	group := "/"
	for line := range bytes.Lines(own) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(string(line)), "0::"); ok {
			group = path.Clean("/" + name)
		}
	}
	for ; ; group = path.Dir(group) {
		if text, err := os.ReadFile(path.Join(root, group, "memory.max")); err == nil {
			if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
				least = min(least, n)
			}
		}
		if group == "/" {
			return least
		}
	}
}
