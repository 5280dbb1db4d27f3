// Command layup answers questions about container images from files, without an engine: which layer owns each path,
// what every layer did, and what is hidden.
package main

import (
	"bytes"
	"context"
	"math"
	"os"
	"os/signal"
	"path"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"layup/report"
)

// The exit statuses of a command that a signal ended: 128 plus the signal's number.
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
	context.AfterFunc(onInterrupt, again) // a second Ctrl-C ends the program at once
	ctx, args := report.Plugin(ctx, os.Args)
	status := report.Main(ctx, args, os.Stdin, os.Stdout, os.Stderr)
	switch {
	case onInterrupt.Err() != nil:
		status = interrupted
	case ctx.Err() != nil:
		status = terminated
	}
	os.Exit(status)
}

// keepHeapSmall makes the garbage collector run often. Most of the heap is tables of images: they hold no pointers, so
// the collector spends almost no time on them, but at its usual pace garbage may grow as large as they are. The first
// collection waits until the heap has 10 MB: many questions end before it.
func keepHeapSmall() {
	if os.Getenv("GOGC") != "" {
		return
	}
	const first = 250 // the least heap is 4 MB at 100
	debug.SetGCPercent(first)
	runtime.SetFinalizer(&collected{}, func(*collected) {
		if chosen := debug.SetGCPercent(25); chosen != first { // a command has its own pace
			debug.SetGCPercent(chosen)
		}
	})
}

// collected is the first that the garbage collector frees. It has a pointer: small values without one share memory.
type collected struct{ _ *collected }

// limitMemory sets a soft limit of nine tenths of a container's memory: near it the garbage collector works harder.
func limitMemory() {
	if limit := cgroupMemory("/sys/fs/cgroup"); limit < math.MaxInt64 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit / 10 * 9)
	}
}

// cgroupMemory returns the least memory.max, in bytes, of the process's control group (version 2) and its parents.
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
