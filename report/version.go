package report

import (
	"context"
	"runtime"
	"slices"

	"github.com/spf13/pflag"

	"layup/report/call"
	"layup/report/item"
	"layup/report/render"
)

// schemaVersion is that of the JSON documents; it changes when a member changes its meaning or goes.
const schemaVersion = 1

var versionFieldsOfBuild = []render.Field{{Name: "version"}, {Name: "commit"}, {Name: "go"}, {Name: "platform"}, {Name: "schemaVersion", Kind: render.Int}}

func newVersion(*pflag.FlagSet) call.Answer {
	return func(ctx context.Context, c *call.Call) (int, error) {
		version, commit := call.Build()
		row := []render.Value{render.T(version), render.Known(commit), render.T(runtime.Version()), render.T(runtime.GOOS + "/" + runtime.GOARCH), render.I(schemaVersion)}
		f := versionFieldsOfBuild
		section := render.Section{Fields: f, Rows: slices.Values([][]render.Value{row}), Columns: []render.Column{
			item.Text(f, "VERSION", "version"), item.Text(f, "COMMIT", "commit"), item.Text(f, "GO", "go"), item.Text(f, "PLATFORM", "platform"), item.Text(f, "SCHEMA", "schemaVersion")}}
		return call.Answered, c.WriteDoc(ctx, render.Doc{Command: c.Command.Name, Sections: []render.Section{section}})
	}
}
