package report

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"

	"github.com/spf13/pflag"

	"layup/report/render"
)

// schemaVersion is that of the JSON documents; it changes when a member changes its meaning or goes.
const schemaVersion = 1

var versionFieldsOfBuild = []render.Field{{Name: "version"}, {Name: "commit"}, {Name: "go"}, {Name: "platform"}, {Name: "schemaVersion", Kind: render.Int}}

func newVersion(*pflag.FlagSet) Answer {
	return func(ctx context.Context, c *Call) (int, error) {
		version, commit := build()
		row := []render.Value{render.T(version), known(commit), render.T(runtime.Version()), render.T(runtime.GOOS + "/" + runtime.GOARCH), render.I(schemaVersion)}
		f := versionFieldsOfBuild
		section := render.Section{Fields: f, Rows: slices.Values([][]render.Value{row}), Columns: []render.Column{
			text(f, "VERSION", "version"), text(f, "COMMIT", "commit"), text(f, "GO", "go"), text(f, "PLATFORM", "platform"), text(f, "SCHEMA", "schemaVersion")}}
		return answered, c.writeDoc(ctx, render.Doc{Command: c.Report.Name, Sections: []render.Section{section}})
	}
}

// build returns what the Go tool wrote into the program: the module's version, and the commit where it was built in a checkout.
func build() (version, commit string) {
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
