package call

import (
	"fmt"

	"layup/analyze/show"
	"layup/tarfs"
)

// shown is how many warnings of a code the standard error lists before it only counts.
const shown = 5

// warn prints the first warnings of each code. Those of low severity are shown by -v only.
func (c *console) warn(about string, warnings []tarfs.Warning) {
	if c.quiet {
		return
	}
	var codes []tarfs.Code
	count := map[tarfs.Code]int{}
	for _, w := range warnings {
		if count[w.Code] == 0 {
			codes = append(codes, w.Code)
		}
		count[w.Code] += 1 + w.More
	}
	for _, code := range codes {
		if code.Severity != tarfs.Low || c.verbose {
			c.warnCode(about, code, count[code], warnings)
		}
	}
}

// Warn prints warnings about an input, unless -q is given.
func (c *Call) Warn(warnings []tarfs.Warning) { c.console.warn("", warnings) }

// warnCode prints the first warnings of one code and counts the others.
func (c *console) warnCode(about string, code tarfs.Code, count int, warnings []tarfs.Warning) {
	printed := 0
	for _, w := range warnings {
		if w.Code != code {
			continue
		}
		if printed == shown {
			c.line(fmt.Sprintf("%swarning: %s: %d more", about, code, count-printed))
			return
		}
		printed++
		where := ""
		if w.Layer != tarfs.NoLayer {
			where = fmt.Sprintf(" layer %d:", w.Layer)
		}
		if w.Path != "" {
			where += " " + show.Safe(w.Path) + ":"
		}
		c.line(fmt.Sprintf("%swarning: %s:%s %s", about, code, where, w.Text()))
	}
}
