package docker

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"layup/analyze"
	"layup/analyze/digest"
	"layup/report/render"
)

// historyTitles are the titles of docker history's columns, by field.
var historyTitles = map[string]string{"ID": "IMAGE", "CreatedSince": "CREATED", "CreatedAt": "CREATED AT",
	"CreatedBy": "CREATED BY", "Size": "SIZE", "Comment": "COMMENT"}

// A historyRow is a row of the history as docker's templates see it.
type historyRow struct {
	row          analyze.DockerHistory
	human, trunc bool
	now          time.Time
}

// createdByWidth is the number of columns that docker shows of CREATED BY.
const createdByWidth = 45

// ID is the image's ID, cut to twelve digits unless --no-trunc is given.
func (h *historyRow) ID() string {
	if h.trunc && strings.Contains(h.row.ID, ":") {
		return digest.Short(h.row.ID)
	}
	return h.row.ID
}

// CreatedAt is the time in RFC 3339, in the machine's zone.
func (h *historyRow) CreatedAt() string { return time.Unix(h.row.Created, 0).Format(time.RFC3339) }

// CreatedSince is the time since then; N/A up to the year 2000, which stands for unknown.
func (h *historyRow) CreatedSince() string {
	created := time.Unix(h.row.Created, 0)
	switch {
	case !h.human:
		return h.CreatedAt()
	case !created.After(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)):
		return "N/A"
	}
	return render.DockerAge(h.now.Sub(created)) + " ago"
}

// CreatedBy is the instruction, with spaces for tabs.
func (h *historyRow) CreatedBy() string {
	text := strings.ReplaceAll(h.row.CreatedBy, "\t", " ")
	if h.trunc {
		return render.DockerCut(text, createdByWidth)
	}
	return text
}

// Size is the size of the unpacked layer; - if it is not known.
func (h *historyRow) Size() string {
	switch {
	case h.row.Size == nil:
		return "-"
	case h.human:
		return render.DockerSize(*h.row.Size)
	}
	return strconv.FormatInt(*h.row.Size, 10)
}

// Comment is the comment of the history.
func (h *historyRow) Comment() string { return h.row.Comment }

// Format prints what docker prints for {{.}}.
func (h historyRow) Format(s fmt.State, _ rune) {
	size := h.Size()
	if h.row.Size != nil {
		size = strconv.FormatInt(*h.row.Size, 10)
	}
	fmt.Fprintf(s, "{{<nil>} %t %t {%s %d %s %s %s %v}}", h.trunc, h.human, h.row.Comment, h.row.Created, h.row.CreatedBy,
		h.row.ID, size, h.row.Tags)
}

// MarshalJSON writes the fields in the order of their names, with escapes for HTML, as docker does.
func (h *historyRow) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"ID": h.ID(), "CreatedSince": h.CreatedSince(), "CreatedAt": h.CreatedAt(),
		"CreatedBy": h.CreatedBy(), "Size": h.Size(), "Comment": h.Comment()})
}
