package docker

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/show"
	"layup/report/call"
	"layup/report/render"
)

const historyDetails = `
Prints what docker history prints, the newest first. IMAGE is the ID in the first row and <missing> below, as Docker
prints it for an image that was loaded. --format takes json (one object a line), 'table TEMPLATE' or a template; the
fields are ID, CreatedSince, CreatedAt, CreatedBy, Size and Comment. If layers must be fetched for their sizes, SIZE
is - unless --size is given or the template asks for it.

layup layers shows more: what each layer changed, and from there the way to the owner of each file.
`

const historyStatuses = `  0  answered
  1  no such file or image, or the template failed
  2  could not answer: usage, unreadable, corrupt, unsupported, refused
  3  answered in part, with --keep-going
  130 and 143 after SIGINT and SIGTERM
`

// A chronicle is what the user asks of the command history.
type chronicle struct {
	human, size bool
	ids, whole  bool
	template    *render.DockerTemplate
	table, json bool
	now         time.Time
}

// History is the command history.
func History() call.Command {
	return call.Command{Name: "history", Group: call.Image, Brief: "as docker history",
		Args: "IMAGE", Min: 1, Max: 1, Docker: true, New: newHistory,
		Details: historyDetails, Statuses: historyStatuses,
		About:    "print what docker history prints",
		Examples: []string{"layup history nginx.tar", "layup history --no-trunc --format json nginx.tar"}}
}

func newHistory(f *pflag.FlagSet) call.Answer {
	h := &chronicle{now: time.Now()}
	f.StringP("format", "f", "", "`FORMAT` of docker history: table (the default), json, a Go template, or "+
		"'table TEMPLATE'")
	f.BoolVarP(&h.ids, "quiet", "q", false, "print the IDs alone")
	f.BoolVar(&h.whole, "no-trunc", false, "print IDs and instructions whole")
	f.BoolVarP(&h.human, "human", "H", true, "print sizes and times for people; -H=false prints bytes and dates")
	f.BoolVarP(&h.size, "size", "s", false, "read the layers for SIZE even if they have to be fetched")
	return h.answer
}

func (h *chronicle) answer(ctx context.Context, c *call.Call) (int, error) {
	source := h.source(c)
	var err error
	if h.template, err = render.ParseDocker(source); err != nil {
		c.Verbatim(err.Error())
		return call.Refuted, nil
	}
	h.json = source == "{{json .}}"
	images, err := c.Load(ctx, c.Args, needed(h.size || c.Format != "" && strings.Contains(source, "Size")))
	if err != nil {
		return call.Failed, err
	}
	defer images.Close()
	texts, errs := make([]string, len(images)), make([]error, len(images))
	for n, l := range images {
		if errs[n] = l.Err; l.Err != nil {
			continue
		}
		texts[n], errs[n] = h.one(c, l.Image)
		if len(l.Image.ConfigFile.History) == 0 {
			c.Note(l.Where() + ": the image has no history; layup layers lists its layers")
		}
	}
	text, err := h.layOut(texts)
	if err != nil {
		return call.Failed, err
	}
	if h.json && c.Terminal().TTY {
		text = string(render.SafeJSON([]byte(text)))
	}
	if err := c.Print(ctx, toTerminal(c, text)); err != nil {
		return call.Failed, err
	}
	complainAsDocker(c, images, errs)
	return dockerStatus(images, errs), nil
}

// one returns what the template makes of an image's history: its rows, and the titles before them if it is a table.
func (h *chronicle) one(c *call.Call, img *analyze.Image) (string, error) {
	if img.Container != nil {
		return "", errContainer
	}
	var b strings.Builder
	for _, row := range img.DockerHistory() {
		if c.Terminal().TTY && !h.json { // a line feed could fake a row there
			row.CreatedBy, row.Comment = show.Line(row.CreatedBy), show.Line(row.Comment)
		}
		text, err := h.template.Execute(newHistoryRow(row, h.human, !h.whole, h.now), false)
		if err != nil {
			return "", err
		}
		b.WriteString(text + "\n")
	}
	if h.table {
		return h.template.Header(historyTitles) + "\n" + b.String(), nil
	}
	return b.String(), nil
}

// layOut aligns the columns of tables, and puts an empty line between two tables.
func (h *chronicle) layOut(texts []string) (string, error) {
	if !h.table {
		return strings.Join(texts, ""), nil
	}
	var b strings.Builder
	for _, text := range texts {
		if b.Len() > 0 && text != "" {
			b.WriteString("\n")
		}
		if err := render.DockerTable(&b, text); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}

// source returns the template that the flags ask for, with \t and \n replaced, as docker does.
func (h *chronicle) source(c *call.Call) string {
	format := c.Format
	rest, table := strings.CutPrefix(format, "table")
	h.table = table || format == ""
	switch {
	case format == "json":
		return "{{json .}}"
	case format != "" && format != "table":
		return strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(strings.Trim(rest, " "))
	case h.ids:
		h.table = false
		return "{{.ID}}"
	case !h.human:
		return "{{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"
	}
	return "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"
}
