package analyze

import (
	"regexp"
	"strings"
	"time"
)

// An Instruction is what made a layer.
type Instruction struct {
	Raw      string // created_by as the history has it; empty if unknown
	Readable string // without the builders' noise, on one line
	Created  string // RFC 3339, as the history has it; empty if unknown
}

// Instruction returns what made a layer. The fields are empty for tarfs.NoLayer and where the history does not name as many layers as there are.
func (img *Image) Instruction(layer int) Instruction {
	history := img.History()
	if layer < 0 || layer >= len(history) {
		return Instruction{}
	}
	h := history[layer]
	in := Instruction{Raw: h.CreatedBy, Readable: readable(h.CreatedBy)}
	if !h.Created.IsZero() {
		in.Created = h.Created.UTC().Format(time.RFC3339Nano)
	}
	return in
}

var (
	// The classic builder and buildah write what they did not run behind "#(nop)".
	nop = regexp.MustCompile(`^(?:/bin/sh -c|cmd /S /C|powershell \S+ \S*) +#\(nop\) +`)
	// Build arguments: their number, then NAME=VALUE as often; values may hold spaces, so the shell's name ends them.
	arguments = regexp.MustCompile(`^\|\d+ (?s:.*?)((?:/\S*/)?(?:sh|bash|ash|dash|zsh|ksh)(?: -\S+| pipefail| errexit| nounset)* -\S*c |cmd /S /C |powershell )`)
	shell     = regexp.MustCompile(`^(?:/\S*/)?(?:sh|bash|ash|dash|zsh|ksh)(?: -\S+| pipefail| errexit| nounset)*? -\S*c +`)
	batch     = regexp.MustCompile(`^(?:cmd /S /C|powershell -Command) +`)
)

// readable turns created_by into the instruction as a Dockerfile would have it.
func readable(raw string) string {
	s := strings.TrimSpace(raw)
	s = strings.TrimSpace(strings.TrimSuffix(s, "# buildkit"))
	if at := nop.FindString(s); at != "" {
		return oneLine(s[len(at):])
	}
	run := strings.HasPrefix(s, "RUN ")
	s = strings.TrimPrefix(s, "RUN ")
	if at := arguments.FindStringSubmatchIndex(s); at != nil {
		s = s[at[2]:]
	}
	for _, prefix := range []*regexp.Regexp{shell, batch} {
		if at := prefix.FindString(s); at != "" {
			s, run = s[len(at):], true
			break
		}
	}
	if run {
		s = "RUN " + s
	}
	return oneLine(s)
}

// oneLine joins what white space divides by single spaces.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
