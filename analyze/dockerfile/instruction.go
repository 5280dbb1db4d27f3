package dockerfile

import (
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"layup/analyze/digest"
	"layup/analyze/expression"
	"layup/analyze/show"
)

var (
	// copied is what the classic builder writes in place of the sources of COPY and ADD.
	copied     = expression.Lazy(`^(COPY|ADD) ((?:--\S+ )*)(file|dir|multi):([0-9a-f]+) in (.+)$`)
	variable   = expression.Lazy(`\s[A-Za-z_][A-Za-z0-9_.\-/]*=`)
	port       = expression.Lazy(`^\d+(?:-\d+)?(?:/[a-z]+)?$`)
	quoted     = expression.Lazy(`"(?:[^"\\]|\\.)*"`)
	checked    = expression.Lazy(`^&\{\[(.*)\] "([^"]*)" "([^"]*)" "([^"]*)"(?: "([^"]*)")? '(.*)'\}$`)
	simpleWord = expression.Lazy(`^[A-Za-z0-9_.,:/@%+=~^-]+$`)
)

// instruction returns an instruction of a Dockerfile for what the history says, and the names that it sets. It is empty
// if that is not an instruction.
func instruction(said string) (text string, names []string) {
	word, rest, _ := strings.Cut(said, " ")
	rest = strings.TrimSpace(rest)
	switch word {
	case "RUN":
		return show.Lines(strings.ReplaceAll(strings.TrimSpace(script(rest)), "\t", "    ")), nil
	case "COPY", "ADD":
		text = said
		if m := copied().FindStringSubmatch(strings.TrimSpace(said)); m != nil {
			text = m[1] + " " + m[2] + m[3] + ":" + digest.Short(digest.FromHex(m[4])) + " " + strings.TrimSpace(m[5])
		}
	case "ENV", "LABEL", "ARG":
		text, names = settings(word, rest)
	case "EXPOSE":
		text = ports(rest)
	case "VOLUME", "SHELL":
		text = word + " " + words(rest)
	case "CMD", "ENTRYPOINT":
		text = word + " " + arguments(rest)
	case "HEALTHCHECK":
		text = word + " " + health(rest)
	case "USER", "WORKDIR", "STOPSIGNAL", "ONBUILD", "MAINTAINER":
		text = said
	default:
		return "", nil
	}
	return harmless(text), names
}

// harmless escapes what a terminal would obey, and ends of lines: only RUN has several. Tabs are spaces.
func harmless(text string) string {
	return show.Line(strings.ReplaceAll(strings.TrimSpace(text), "\t", "    "))
}

// script writes RUN: several lines as a here-document, a long one over several lines.
func script(text string) string {
	if text = strings.TrimSpace(text); strings.Contains(text, "\n") {
		mark, lines := "EOF", map[string]bool{}
		for line := range strings.SplitSeq(text, "\n") {
			lines[line] = true
		}
		for lines[mark] {
			mark += "F"
		}
		return "RUN <<" + mark + "\n" + text + "\n" + mark
	}
	return "RUN " + folded(text)
}

// widest is how long a command may be on one line.
const widest = 100

// folded breaks a long command before each && that is not quoted, and at runs of spaces, which stand for the lines of
// the Dockerfile.
func folded(text string) string {
	const next = " \\\n    "
	turn := next
	if len(text) <= widest {
		turn = " "
	}
	var b strings.Builder
	quote := byte(0)
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && quote != '\'' && i+1 < len(text):
			b.WriteByte(c)
			i++
			c = text[i]
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && c == ' ':
			rest := strings.TrimLeft(text[i:], " ")
			run := len(text) - i - len(rest)
			if after, ok := strings.CutPrefix(rest, "&& "); ok {
				b.WriteString(turn + "&& ")
				i = len(text) - len(strings.TrimLeft(after, " ")) - 1
				continue
			}
			if i += run - 1; run > 1 {
				b.WriteString(turn)
				continue
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}

// settings writes ENV, LABEL or ARG. The history does not quote values.
func settings(word, rest string) (text string, names []string) {
	at := variable().FindAllStringIndex(" "+rest, -1)
	if len(at) == 0 {
		return word + " " + rest, nil // ARG without a value
	}
	var list []string
	spaced := " " + rest
	for i, place := range at {
		end := len(spaced)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		name := strings.TrimSpace(spaced[place[0] : place[1]-1])
		names = append(names, name)
		list = append(list, assigned(name, spaced[place[1]:end]))
	}
	return word + " " + strings.Join(list, " "), names
}

// assigned writes NAME=VALUE so that a Dockerfile means the value.
func assigned(name, value string) string {
	switch {
	case value == "", simpleWord().MatchString(value), quoted().FindString(value) == value:
		return name + "=" + value
	}
	return name + `="` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "\n", "\\n").Replace(value) + `"`
}

// words writes what Go prints of a list of words, as JSON.
func words(text string) string {
	inner, ok := strings.CutPrefix(text, "[")
	if !ok || strings.Contains(text, `"`) {
		return arguments(text)
	}
	return listed(strings.Fields(strings.TrimSuffix(inner, "]")))
}

// arguments writes what Go prints of a list of quoted words, as JSON.
func arguments(text string) string {
	if !strings.HasPrefix(text, "[") || !strings.HasSuffix(text, "]") {
		return text
	}
	return "[" + strings.Join(quoted().FindAllString(text, -1), ", ") + "]"
}

// listed is the form of a command that no shell reads.
func listed(words []string) string {
	var list []string
	for _, w := range words {
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(w); err == nil {
			list = append(list, strings.TrimSpace(b.String()))
		}
	}
	return "[" + strings.Join(list, ", ") + "]"
}

// ports writes EXPOSE for a list of ports, or what Go prints of a set of them; empty for other texts.
func ports(text string) string {
	text = strings.TrimPrefix(strings.TrimPrefix(text, "map"), "[")
	list := strings.Fields(strings.ReplaceAll(strings.TrimSuffix(text, "]"), ":{}", ""))
	if len(list) == 0 || slices.ContainsFunc(list, func(p string) bool { return !port().MatchString(p) }) {
		return ""
	}
	return "EXPOSE " + strings.Join(list, " ")
}

// health reads what Go prints of a health check.
func health(text string) string {
	m := checked().FindStringSubmatch(text)
	if m == nil {
		return text
	}
	var test []string
	for _, q := range quoted().FindAllString(m[1], -1) {
		if word, err := strconv.Unquote(q); err == nil {
			test = append(test, word)
		}
	}
	period := func(text string) time.Duration {
		d, _ := time.ParseDuration(text)
		return d
	}
	retries, _, _, _ := strconv.UnquoteChar(m[6], '\'')
	if m[6] == "" {
		retries = 0
	}
	return healthcheck(test, period(m[2]), period(m[3]), period(m[4]), period(m[5]), int(retries))
}

// healthcheck writes the rest of HEALTHCHECK.
func healthcheck(test []string, interval, timeout, start, startInterval time.Duration, retries int) string {
	var flags []string
	for _, f := range []struct {
		name string
		d    time.Duration
	}{{"interval", interval}, {"timeout", timeout}, {"start-period", start}, {"start-interval", startInterval}} {
		if f.d > 0 {
			flags = append(flags, "--"+f.name+"="+f.d.String())
		}
	}
	if retries > 0 {
		flags = append(flags, "--retries="+strconv.Itoa(retries))
	}
	switch {
	case len(test) == 0, test[0] == "NONE":
		return "NONE"
	case test[0] == "CMD-SHELL":
		flags = append(flags, "CMD "+strings.Join(test[1:], " "))
	default:
		flags = append(flags, "CMD "+listed(test[1:]))
	}
	return strings.Join(flags, " ")
}

// sorted returns the keys of a map.
func sorted[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

// pairsOf yields words and their values, which alternate.
func pairsOf(list ...string) iter.Seq2[string, string] {
	return func(yield func(word, value string) bool) {
		for i := 0; i+1 < len(list) && yield(list[i], list[i+1]); i += 2 {
		}
	}
}
