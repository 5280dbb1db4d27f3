package call

import (
	"fmt"
	"runtime/debug"
)

// Build returns what the Go tool wrote into the program: the module's version, and the commit if it was built in a
// checkout.
func Build() (version, commit string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown", ""
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	commit = settings["vcs.revision"]
	if settings["vcs.modified"] == "true" {
		commit = fmt.Sprint(commit, "+changes")
	}
	return info.Main.Version, commit
}
