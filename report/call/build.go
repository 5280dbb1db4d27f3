package call

import (
	"cmp"
	"fmt"
	"runtime/debug"
)

// What the linker writes into a release: its version, the commit, and the day (YYYY-MM-DD). They are empty otherwise.
var release, releaseCommit, releaseDay string

// Build returns the version and the commit of the program, and of a release its day (YYYY-MM-DD). Of another build
// they are what the Go tool wrote into the program: the module's version, and the commit if it was built in a checkout.
func Build() (version, commit, day string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return cmp.Or(release, "unknown"), releaseCommit, releaseDay
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	commit = settings["vcs.revision"]
	if settings["vcs.modified"] == "true" {
		commit = fmt.Sprint(commit, "+changes")
	}
	return cmp.Or(release, info.Main.Version), cmp.Or(releaseCommit, commit), releaseDay
}
