package report

import (
	"fmt"
	"strings"

	"layup/analyze/extract"
	"layup/analyze/show"
	"layup/report/call"
	"layup/tarfs"
)

// summary says what was made.
func summary(r extract.Result) string {
	var parts []string
	for _, t := range []tarfs.Type{tarfs.File, tarfs.Dir, tarfs.Symlink, tarfs.Char, tarfs.Block, tarfs.Fifo} {
		if n := r.Count[t]; n > 0 || t == tarfs.File {
			parts = append(parts, show.Count(n, typeWords[t][0], typeWords[t][1]))
		}
	}
	return strings.Join(parts, ", ") + "; " + show.Size(r.Bytes)
}

// leftOut says what was not made and returns the exit status that it asks for: what nobody asked for is not a failure.
func leftOut(c *call.Call, r extract.Result) int {
	status := call.Answered
	for _, l := range r.LeftOut {
		paths := show.Count(l.Count, "path")
		if l.Kind == extract.Unstorable {
			status = call.Partly
			c.Fail(fmt.Errorf("left out: %s that cannot be made here (%v): %s", paths, l.Err, listed(l)))
			continue
		}
		var text string
		switch l.Kind {
		case extract.LeftDevices:
			text = show.Count(l.Count, "device") + " (--devices makes them, as root): " + listed(l)
		case extract.LeftSetuid:
			text = "setuid or setgid of " + paths + " (--setuid keeps it, of others' files with --same-owner): " + listed(l)
		case extract.LeftCapability:
			text = "capabilities of " + paths + " (--setuid keeps them): " + listed(l)
		case extract.LeftOwners:
			text = "the owner of " + paths + ": everything is yours (--same-owner keeps it, as root)"
		case extract.LeftXattrs:
			text = "attributes of " + paths + " (--same-owner keeps them, as root): " + listed(l)
		case extract.Unsupported:
			text = fmt.Sprintf("attributes of %s that cannot be set here (%v): %s", paths, l.Err, listed(l))
		case extract.Times:
			text = "the time of " + paths + ", which this file system cannot hold: " + listed(l)
		}
		c.Note("left out: " + text)
	}
	return status
}

// listed are the first paths that something was left out of.
func listed(l extract.LeftOut) string {
	var names []string
	for _, p := range l.Paths {
		names = append(names, show.Safe(p))
	}
	if l.Count > len(names) {
		names = append(names, "…")
	}
	return strings.Join(names, " ")
}
