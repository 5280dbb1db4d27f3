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
	ID           string // of the image, cut to twelve digits unless --no-trunc is given
	CreatedAt    string // in RFC 3339, in the machine's zone
	CreatedSince string // the time since then; N/A up to the year 2000, which stands for unknown
	CreatedBy    string // the instruction, with spaces for tabs
	Size         string // of the unpacked layer; - if it is not known
	Comment      string

	row          analyze.DockerHistory
	human, trunc bool
}

func newHistoryRow(row analyze.DockerHistory, human, trunc bool, now time.Time) *historyRow {
	h := &historyRow{ID: row.ID, Size: "-", Comment: row.Comment, row: row, human: human, trunc: trunc}
	if trunc && strings.Contains(row.ID, ":") {
		h.ID = digest.Short(row.ID)
	}
	created := time.Unix(row.Created, 0)
	h.CreatedAt = created.Format(time.RFC3339)
	switch {
	case !human:
		h.CreatedSince = h.CreatedAt
	case !created.After(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)):
		h.CreatedSince = "N/A"
	default:
		h.CreatedSince = render.DockerAge(now.Sub(created)) + " ago"
	}
	h.CreatedBy = strings.ReplaceAll(row.CreatedBy, "\t", " ")
	if trunc {
		h.CreatedBy = render.DockerCut(h.CreatedBy, createdByWidth)
	}
	if row.Size != nil {
		h.Size = strconv.FormatInt(*row.Size, 10)
		if human {
			h.Size = render.DockerSize(*row.Size)
		}
	}
	return h
}

// createdByWidth is the number of columns that docker shows of CREATED BY.
const createdByWidth = 45

// Format prints what docker prints for {{.}}.
func (h historyRow) Format(s fmt.State, _ rune) {
	size := h.Size
	if h.row.Size != nil {
		size = strconv.FormatInt(*h.row.Size, 10)
	}
	fmt.Fprintf(s, "{{<nil>} %t %t {%s %d %s %s %s %v}}", h.trunc, h.human, h.row.Comment, h.row.Created, h.row.CreatedBy,
		h.row.ID, size, h.row.Tags)
}

// MarshalJSON writes the fields in the order of their names, with escapes for HTML, as docker does.
func (h *historyRow) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"ID": h.ID, "CreatedSince": h.CreatedSince, "CreatedAt": h.CreatedAt,
		"CreatedBy": h.CreatedBy, "Size": h.Size, "Comment": h.Comment})
}
