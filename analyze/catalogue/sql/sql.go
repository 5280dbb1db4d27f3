// Package sql writes what lets SQL engines ask a catalogue: the tables, the views that know what is live and what is
// hidden, and queries.
package sql

import (
	"cmp"
	_ "embed"
	"fmt"
	"path/filepath"
	"strings"

	template "github.com/DataDog/datadog-agent/pkg/template/text"

	"layup/analyze/near"
	"layup/analyze/source/advice"
)

//go:embed views.sql
var views string

//go:embed queries.sql
var queries string

// A dialect is how an engine writes what standard SQL leaves open. $AT stands for the location of the catalogue.
type dialect struct {
	Head     string // how to run it
	Tables   string // statements before the views
	Images   string // the tables
	Layers   string
	Files    string // with the name f
	Part     string // the part of a row of f, as layers name it
	Parts    string // a query: the parts in files/, as layers name them
	Stack    string // 32 digits for a list of layers
	Listed   string // a query: each stack with its layers and their places from 0
	Contains string // whether entries contains gone
	Setuid   string // whether mode has 04000 or 02000

	LinkSelect, LinkJoin string // how a row of f becomes one for the path of its link and each parent, as spot
	PathSelect, PathJoin string // for its path
}

// Dialects are the names of engines.
var Dialects = []string{"duckdb", "clickhouse", "trino"}

// Views returns the statements that make the tables and views of a catalogue in an engine.
func Views(engine, location string) (string, error) { return write(views, engine, location) }

// Queries returns queries over the views, each with a comment.
func Queries(engine, location string) (string, error) { return write(queries, engine, location) }

func write(text, engine, location string) (string, error) {
	d, err := dialectOf(engine, location)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	err = template.Must(template.New(engine).Parse(text)).Execute(&out, d)
	return out.String(), err
}

func dialectOf(engine, location string) (dialect, error) {
	if strings.ContainsAny(location, "*?[]{}") {
		return dialect{}, fmt.Errorf("%q: engines take it for a pattern: give the catalogue another name", location)
	}
	remote := strings.HasPrefix(location, "s3://")
	if !remote {
		absolute, err := filepath.Abs(location)
		if err != nil {
			return dialect{}, err
		}
		location = filepath.ToSlash(absolute)
	}
	location = strings.TrimRight(location, "/")
	switch engine {
	case "duckdb":
		return duckdb(location, remote), nil
	case "clickhouse":
		return clickhouse(location, remote), nil
	case "trino":
		return trino(location, remote), nil
	}
	return dialect{}, &advice.Hinted{Err: fmt.Errorf("%q: is none of %s", engine, strings.Join(Dialects, ", ")),
		Hint: cmp.Or(near.Hint(engine, Dialects), "DuckDB needs no server: layup catalogue sql duckdb -C fleet")}
}

// quote writes a text as SQL does.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
