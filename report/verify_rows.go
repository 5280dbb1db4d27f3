package report

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"layup/analyze/show"
	"layup/analyze/source"
	"layup/report/call"
	"layup/report/render"
	"layup/tarfs"
)

// countOf counts the checks of a kind that ended so.
func countOf(checks []source.Check, what string, verdict source.Verdict) int {
	n := 0
	for _, c := range checks {
		if c.What == what && c.Verdict == verdict {
			n++
		}
	}
	return n
}

func checkRows(checks []source.Check) [][]render.Value {
	rows := make([][]render.Value, 0, len(checks))
	for _, c := range checks {
		layer, name, path, size, pass := render.Value{}, render.Value{}, render.Value{}, render.Value{}, render.Value{}
		if c.Layer != tarfs.NoLayer {
			layer = render.I(int64(c.Layer))
		}
		if c.Name != "" {
			name = render.N(c.Name)
		}
		if c.Path != "" {
			path = render.N(c.Path)
		}
		if c.Size >= 0 {
			size = render.I(c.Size)
		}
		if c.Verdict != source.Unproven {
			pass = render.B(c.Verdict == source.Passed)
		}
		rows = append(rows, []render.Value{render.T(c.What), layer, render.Known(c.Digest), name, path, render.Known(c.Expected), render.Known(c.Found), size, pass, render.Known(c.Code), render.Known(c.Message)})
	}
	return rows
}

// checkColumns are those of the table; brief cuts digests to what tells them apart.
func checkColumns(brief bool) []render.Column {
	f := verifyFields
	what, layer, pass := at(f, "what"), at(f, "layer"), at(f, "pass")
	digest, name, path, found := at(f, "digest"), at(f, "name"), at(f, "path"), at(f, "found")
	code, message := at(f, "code"), at(f, "message")
	return []render.Column{
		{Title: "RESULT", Cell: func(row []render.Value) string { return verdictWord(row[pass]) }},
		{Title: "CHECK", Cell: func(row []render.Value) string {
			if row[layer].Absent() {
				return row[what].String()
			}
			return row[what].String() + " " + row[layer].String()
		}},
		sizeColumn(f, "SIZE", "size"),
		{Title: "OF", Cut: true, Cell: func(row []render.Value) string {
			of := cmp.Or(row[path].String(), row[digest].String(), row[name].String(), row[found].String())
			switch {
			case !brief || !row[path].Absent():
				return of
			case !row[digest].Absent():
				return render.Short(of)
			}
			return filepath.Base(of)
		}},
		{Title: "REMARK", Cut: true, Cell: func(row []render.Value) string {
			if brief && row[pass].Bool() {
				return row[code].String()
			}
			if row[code].Absent() || strings.HasPrefix(row[message].String(), row[code].String()) {
				return row[message].String()
			}
			return row[code].String() + ": " + row[message].String()
		}},
	}
}

// verdictWord is the verdict in a word.
func verdictWord(pass render.Value) string {
	switch {
	case pass.Absent():
		return "-"
	case pass.Bool():
		return "pass"
	}
	return "FAIL"
}

// mostLaments is how many failures the standard error lists; the document has all.
const mostLaments = 20

// lament prints the failures and reports whether there are any.
func lament(c *call.Call, v *record) bool {
	checks := v.File
	for _, one := range v.Images {
		checks = append(checks, one.Checks...)
	}
	checks = append(checks, v.Others...)
	failures := 0
	for _, check := range checks {
		if check.Verdict != source.Failed {
			continue
		}
		if failures++; failures <= mostLaments {
			c.Fail(fmt.Errorf("%s: %s", c.Args[0], failureLine(check)))
		}
	}
	if failures > mostLaments {
		c.Fail(fmt.Errorf("%s: and %d more", c.Args[0], failures-mostLaments))
	}
	if failures > 0 {
		c.Fail(fmt.Errorf("%s: verification failed: %d of %d checks", c.Args[0], failures, len(checks)))
	}
	return failures > 0
}

// failureLine tells a failure in one line.
func failureLine(check source.Check) string {
	of := check.What
	if check.Layer != tarfs.NoLayer {
		of = "layer " + strconv.Itoa(check.Layer)
		if check.What != "layer" {
			of += ": " + check.What
		}
	}
	switch {
	case check.Path != "":
		of += " " + show.Safe(check.Path)
	case check.Digest != "":
		of += " (" + render.Short(check.Digest) + ")"
	}
	if check.What == "entry" || check.What == "stream" || check.What == "image" && check.Code != source.CodeStructure {
		return fmt.Sprintf("%s: %s: %s", of, check.Code, check.Message)
	}
	return of + ": " + check.Message
}
