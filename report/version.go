package report

import (
	"context"
	"runtime"
	"strconv"

	"github.com/spf13/pflag"

	"layup/report/call"
	"layup/report/render"
)

// schemaVersion is that of the JSON documents; it changes when a member changes its meaning or disappears.
const schemaVersion = 1

// A build is what a version is made from.
type build struct{ version, commit, day string }

var buildTable = render.Table[build]{
	render.TextOf("version", func(b build) string { return b.version }).Column("VERSION"),
	render.TextOf("commit", func(b build) string { return b.commit }).Column("COMMIT"),
	render.TextOf("date", func(b build) string { return b.day }).Column("DATE"),
	render.TextOf("go", func(build) string { return runtime.Version() }).Column("GO"),
	render.TextOf("platform", func(build) string { return runtime.GOOS + "/" + runtime.GOARCH }).Column("PLATFORM"),
	render.IntOf("schemaVersion", func(build) int { return schemaVersion }),
	render.Cell("SCHEMA", func(build) string { return strconv.Itoa(schemaVersion) }),
}

func newVersion(*pflag.FlagSet) call.Answer {
	return func(ctx context.Context, c *call.Call) (int, error) {
		version, commit, day := call.Build()
		section := buildTable.Section([]build{{version, commit, day}})
		return call.Answered, c.WriteDoc(ctx, render.Doc{Command: c.Command.Name, Sections: []render.Section{section}})
	}
}
