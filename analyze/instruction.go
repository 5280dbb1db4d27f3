package analyze

import (
	"strconv"
	"strings"
	"time"

	"layup/analyze/expression"
	"layup/analyze/provenance"
	"layup/analyze/show"
	"layup/analyze/source"
	"layup/tarfs"
)

// An Instruction is what made a layer.
type Instruction struct {
	Raw      string // created_by as the history has it; empty if unknown
	Comment  string // of the history; empty if there is none
	Readable string // as in a Dockerfile, without the builders' noise, on one line: ⏎ ends a line of a script
	Created  string // RFC 3339 in UTC; empty if unknown

	Line *provenance.Line // of the Dockerfile; nil if it is unknown, or nobody asked
}

var classicSources = expression.Lazy(`^(COPY|ADD) (?:--\S+ )*(?:file|dir|multi):[0-9a-f]+ in `)

// Short is the instruction as tables show it, on one line: the Dockerfile's own, after its place, or else what the
// history says, without the digest that the classic builder writes in place of the sources of COPY and ADD.
func (i Instruction) Short() string {
	if i.Line != nil {
		return i.Line.String() + " " + show.OneLine(i.Line.OneLine())
	}
	return classicSources().ReplaceAllString(show.OneLine(i.Readable), "$1 … in ")
}

// Instruction returns what made a layer. It is empty for tarfs.NoLayer. If the history and the image differ in how many
// layers they have, only its line can be known.
func (img *Image) Instruction(layer int) Instruction {
	var i Instruction
	if layer >= 0 && layer < len(img.instructions) {
		i = img.instructions[layer]
	}
	if layer >= 0 && layer < len(img.lines) {
		i.Line = img.lines[layer]
	}
	return i
}

// instructions reads the history once: it may be long, and a report needs every row. Nix says what it did in comments
// alone. jib gives all layers one created_by, and comments that tell them apart.
func instructions(one *source.Image) []Instruction {
	var list []Instruction
	comments := map[string]map[string]bool{} // by created_by
	history := one.History()
	for _, h := range history {
		if comments[h.CreatedBy] == nil {
			comments[h.CreatedBy] = map[string]bool{}
		}
		comments[h.CreatedBy][h.Comment] = true
	}
	for _, h := range history {
		in := Instruction{Raw: h.CreatedBy, Comment: h.Comment, Readable: readable(h.CreatedBy)}
		if h.CreatedBy == "" || len(comments[h.CreatedBy]) > 1 {
			in.Readable = strings.TrimSpace(in.Readable + " " + oneLine(h.Comment))
		}
		if !h.Created.IsZero() {
			in.Created = h.Created.UTC().Format(time.RFC3339Nano)
		}
		list = append(list, in)
	}
	return list
}

// A Step is an entry of the image's history.
type Step struct {
	Layer       int // that it made, or tarfs.NoLayer
	Instruction Instruction
	Author      string
}

// Steps returns the history, oldest first, with the steps that made no layer. The layers are unknown if the history and
// the image differ in how many layers they have.
func (img *Image) Steps() []Step {
	var list []Step
	layer, aligned := 0, img.instructions != nil
	for _, h := range img.ConfigFile.History {
		s := Step{Layer: tarfs.NoLayer, Author: h.Author}
		switch {
		case !h.EmptyLayer && aligned:
			s.Layer, s.Instruction = layer, img.Instruction(layer)
		default:
			s.Instruction = Instruction{Raw: h.CreatedBy, Comment: h.Comment, Readable: readable(h.CreatedBy)}
			if !h.Created.IsZero() {
				s.Instruction.Created = h.Created.UTC().Format(time.RFC3339Nano)
			}
		}
		if !h.EmptyLayer {
			layer++
		}
		list = append(list, s)
	}
	return list
}

const (
	// posix is a shell of a SHELL instruction with its options, up to the one that takes the script.
	posix = `(?:[^\s=]*/)?(?:sh|bash|ash|dash|zsh|ksh|mksh|busybox sh)` +
		`(?: (?:-[a-zA-Z]*o [a-z]+|--?[a-zA-Z-]+))*? -[a-zA-Z]*c[a-zA-Z]*`
	batch = `(?i:cmd(?:\.exe)?(?: /[a-z]+)*? /c|` +
		`(?:\S*[/\\])?(?:powershell|pwsh)(?:\.exe)?(?: -[a-z]+(?: [a-z]+)?)*? -(?:command|c))`
)

var (
	shell = expression.Lazy(`^(?:` + posix + `|` + batch + `)\s+`)
	// inner is a shell after something else.
	inner = expression.Lazy(`\s((?:` + posix + `|` + batch + `)\s)`)
	// nop marks what the classic builder, with any shell, and buildah did not run. In PowerShell assignments precede it.
	nop = expression.Lazy(`^(?:` + posix + `|` + batch + `(?:\s+\$[^;]*;)*)\s+#\(nop\)\s*`)
	// plain is a shell that a builder added: people quote the script.
	plain     = expression.Lazy(`^/bin/sh -c\s+[^'"\s]`)
	arguments = expression.Lazy(`^\|(\d+)\s`)
	argument  = expression.Lazy(`\s[A-Za-z_][A-Za-z0-9_]*=`)
)

// readable turns created_by into an instruction of a Dockerfile, on one line.
func readable(raw string) string { return oneLine(written(raw)) }

// Written is the instruction without the builders' noise, with the spaces and lines that the history has.
func (i Instruction) Written() string { return written(i.Raw) }

// written turns created_by into an instruction of a Dockerfile. It removes only known noise.
func written(raw string) string {
	s, built := strings.CutSuffix(strings.TrimSpace(raw), "# buildkit")
	s, run := strings.CutPrefix(strings.TrimSpace(s), "RUN ")
	if rest, ok := withoutArguments(s); ok { // only RUN has arguments, and only builders write them
		s, run, built = rest, true, true
	}
	if at := nop().FindString(s); at != "" && !run {
		return s[len(at):]
	}
	if !run || built || plain().MatchString(s) { // else kaniko: it keeps even the shell of a Dockerfile
		if at := shell().FindString(s); at != "" {
			s, run = s[len(at):], true
		}
	}
	if run {
		s = "RUN " + s
	}
	return s
}

// withoutArguments drops the build arguments before a command: their number, then each NAME=VALUE. Values are not
// quoted and may hold spaces, so the first shell after the last name ends them. A command without a shell begins at the
// next word.
func withoutArguments(s string) (string, bool) {
	head := arguments().FindStringSubmatch(s)
	if head == nil {
		return s, false
	}
	n, err := strconv.Atoi(head[1])
	if err != nil {
		return s, false
	}
	rest, found := s[len(head[0])-1:], 0
	for ; found < n; found++ { // one at a time, because there may be millions
		at := argument().FindStringIndex(rest)
		if at == nil {
			break
		}
		rest = rest[at[1]:]
	}
	if at := inner().FindStringSubmatchIndex(rest); at != nil {
		return rest[at[2]:], true
	}
	if found != n { // buildah counts words, and always has a shell
		return s, false
	}
	if n > 0 {
		_, rest, _ = strings.Cut(rest, " ")
	}
	return strings.TrimSpace(rest), true
}

// oneLine joins words by single spaces, and lines by a mark, because the ends of lines matter to a shell.
func oneLine(s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		if words := strings.Fields(line); len(words) > 0 {
			lines = append(lines, strings.Join(words, " "))
		}
	}
	return strings.Join(lines, " ⏎ ")
}
