package docker

import (
	"testing"
	"time"

	"layup/analyze"
)

// A time up to the year 2000 stands for unknown; a time in the future counts as now.
func TestHistorySaysHowLongAgo(t *testing.T) {
	now := time.Date(2024, 6, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		created time.Time
		want    string
	}{
		{now.Add(-3 * time.Hour), "3 hours ago"},
		{now.Add(24 * 365 * time.Hour), "Less than a second ago"},
		{time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), "Less than a second ago"},
		{time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), "N/A"},
		{time.Date(2000, 1, 1, 0, 0, 1, 0, time.UTC), "24 years ago"},
		{time.Unix(0, 0), "N/A"},
		{time.Time{}, "N/A"},
	} {
		row := newHistoryRow(analyze.DockerHistory{Created: c.created.Unix()}, true, false, now)
		if got := row.CreatedSince; got != c.want {
			t.Errorf("%v: got %s want %s", c.created, got, c.want)
		}
	}
}
