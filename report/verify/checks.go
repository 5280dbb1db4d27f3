package verify

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"layup/analyze/digest"
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

// checksTable lists checks; brief cuts digests to what tells them apart.
func checksTable(brief bool) render.Table[source.Check] {
	return render.Table[source.Check]{
		render.Cell("RESULT", func(c source.Check) string { return verdicts[c.Verdict] }).Tone(render.ToneOf),
		render.TextOf("what", func(c source.Check) string { return c.What }),
		render.Cell("CHECK", func(c source.Check) string {
			if c.Layer == tarfs.NoLayer {
				return c.What
			}
			return fmt.Sprintf("%s %d", c.What, c.Layer)
		}),
		render.IntOf("layer", func(c source.Check) int { return c.Layer }),
		render.TextOf("digest", func(c source.Check) string { return c.Digest }),
		render.NameOf("name", func(c source.Check) string { return c.Name }),
		render.NameOf("path", func(c source.Check) string { return c.Path }),
		render.TextOf("expected", func(c source.Check) string { return c.Expected }),
		render.TextOf("found", func(c source.Check) string { return c.Found }),
		render.IntOf("size", func(c source.Check) int64 { return c.Size }).Column("SIZE", render.Sized),
		render.Cell("OF", func(c source.Check) string { return subject(c, brief) }).Cut(),
		render.Of("pass", render.Bool, func(c source.Check) render.Value {
			if c.Verdict == source.Unproven {
				return render.Value{}
			}
			return render.B(c.Verdict == source.Passed)
		}),
		render.TextOf("code", func(c source.Check) string { return c.Code }),
		render.TextOf("message", func(c source.Check) string { return c.Message }),
		render.Cell("REMARK", func(c source.Check) string { return remark(c, brief) }).Wrap(),
	}
}

var verdicts = map[source.Verdict]string{source.Unproven: "-", source.Passed: "pass", source.Failed: "FAIL"}

// subject is what a check is of.
func subject(c source.Check, brief bool) string {
	of := cmp.Or(c.Path, c.Digest, c.Name, c.Found)
	switch {
	case !brief || c.Path != "":
		return of
	case c.Digest != "":
		return digest.Short(of)
	}
	return filepath.Base(of)
}

func remark(c source.Check, brief bool) string {
	switch {
	case c.Verdict == source.Passed && c.Layer != tarfs.NoLayer && c.Name != "":
		return c.Name // of an artifact's file
	case brief && c.Verdict == source.Passed:
		return c.Code
	case c.Code == "" || strings.HasPrefix(c.Message, c.Code):
		return c.Message
	}
	return c.Code + ": " + c.Message
}

// mostFailures is how many failures the standard error lists; the document has all.
const mostFailures = 20

// complain prints the failures and reports whether there are any.
func complain(c *call.Call, v *record) bool {
	checks := v.File
	for _, one := range v.Images {
		checks = append(checks, one.Checks...)
	}
	checks = append(checks, v.Others...)
	failures, hint := 0, ""
	for _, check := range checks {
		if check.Verdict != source.Failed {
			continue
		}
		hint = cmp.Or(hint, next(check.Code))
		if failures++; failures <= mostFailures {
			c.Fail(fmt.Errorf("%s: %s", v.name, failureLine(check)))
		}
	}
	if hint != "" {
		c.Hint(hint)
	}
	if failures > mostFailures {
		c.Fail(fmt.Errorf("%s: and %d more", v.name, failures-mostFailures))
	}
	if failures > 0 {
		c.Fail(fmt.Errorf("%s: verification failed: %d of %d checks", v.name, failures, len(checks)))
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
		if check.Layer != tarfs.NoLayer && check.Name != "" {
			of += " " + show.Safe(check.Name)
		}
		of += " (" + digest.Short(check.Digest) + ")"
	}
	if check.What == "entry" || check.What == "stream" || check.What == "image" && check.Code != source.CodeStructure {
		return fmt.Sprintf("%s: %s: %s", of, check.Code, check.Message)
	}
	return of + ": " + check.Message
}
