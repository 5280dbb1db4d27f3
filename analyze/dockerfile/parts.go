package dockerfile

import (
	"strings"

	"layup/analyze/expression"
	"layup/analyze/provenance"
)

var (
	escapeDirective = expression.Lazy("(?i)^#\\s*escape\\s*=\\s*([\\\\`])\\s*$")
	directive       = expression.Lazy(`^#\s*[A-Za-z][A-Za-z0-9]*\s*=\s*.+$`)
	hereDocument    = expression.Lazy(`(?:^|\s)\d*<<(-?)(?:"([^"<]+)"|'([^'<]+)'|([A-Za-z0-9_.]+))`)
)

// partsOf divides a Dockerfile into instructions, each with the lines that continue it and its here-documents, and
// lines between them. Source: BuildKit, frontend/dockerfile/parser.
func partsOf(f provenance.Dockerfile) []Part {
	lines := strings.Split(strings.ReplaceAll(strings.TrimSuffix(f.Text, "\n"), "\r\n", "\n"), "\n")
	escape, beginning := `\`, true
	var list []Part
	for i := 0; i < len(lines); {
		end := i + 1
		beginning = beginning && directive().MatchString(lines[i])
		if at := escapeDirective().FindStringSubmatch(lines[i]); at != nil && beginning {
			escape = at[1]
		} else if !idle(lines[i]) {
			end = instructionEnd(lines, i, escape)
		}
		list = append(list, Part{Name: f.Name, Line: i + 1, EndLine: end, Text: strings.Join(lines[i:end], "\n")})
		i = end
	}
	return list
}

// idle reports whether a line is empty or a comment.
func idle(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || line[0] == '#'
}

// instructionEnd returns the line after an instruction that begins at line i.
func instructionEnd(lines []string, i int, escape string) int {
	end := i + 1
	for last := lines[i]; continued(last, escape) && end < len(lines); end++ {
		if !idle(lines[end]) {
			last = lines[end]
		}
	}
	switch keyword(lines[i]) {
	case "RUN", "COPY", "ADD":
	default:
		return end
	}
	for _, here := range hereDocument().FindAllStringSubmatch(strings.Join(lines[i:end], "\n"), -1) {
		mark := here[2] + here[3] + here[4]
		for i, line := range lines[end:] {
			if here[1] == "-" {
				line = strings.TrimLeft(line, "\t")
			}
			if line == mark {
				end += i + 1
				break
			}
		}
	}
	return end
}

// continued reports whether a line ends with one escape character.
func continued(line, escape string) bool {
	before, ok := strings.CutSuffix(strings.TrimRight(line, " \t"), escape)
	return ok && !strings.HasSuffix(before, escape)
}
