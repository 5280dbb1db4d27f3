package arg

import (
	"testing"
	"time"
)

func TestSizesAreReadAsGNUWritesThem(t *testing.T) {
	for s, want := range map[string]int64{"0": 0, "840": 840, "840c": 840, "2w": 4, "3b": 1536, "4k": 4096, "4K": 4096,
		"4KiB": 4096, "4kB": 4000, "4KB": 4000, "10MB": 10_000_000, "10M": 10 << 20, "1.5GB": 1_500_000_000, "2GiB": 2 << 30,
		"1T": 1 << 40} {
		if got, err := ParseSize(s); err != nil || got != want {
			t.Errorf("%s: got %d, %v want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "x", "1x", "1Mb", "-1", "+1", "1e3", "1.2.3", ".", "99999999999999999999", "10000000TB",
		"1 MB"} {
		if got, err := ParseSize(s); err == nil {
			t.Errorf("%q: got %d want an error", s, got)
		}
	}
}

func TestModesAreReadAsChmodWritesThem(t *testing.T) {
	for s, want := range map[string]uint16{"0": 0, "644": 0o644, "0644": 0o644, "7777": 0o7777, "u+s": 0o4000,
		"g+s": 0o2000, "u=rw,go=r": 0o644, "a+x": 0o111, "+x": 0o111, "o+t": 0o1000, "ug+rws": 0o6660} {
		if got, err := ParseMode(s); err != nil || got != want {
			t.Errorf("%s: got %o, %v want %o", s, got, err, want)
		}
	}
	for _, s := range []string{"", "8", "77777", "-1", "u", "u+", "x+s", "u+q", "u+s,"} {
		if got, err := ParseMode(s); err == nil {
			t.Errorf("%q: got %o want an error", s, got)
		}
	}
}

func TestTimesAreMomentsOrDurations(t *testing.T) {
	now := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	for s, want := range map[string]string{"2024-02-29T12:00:00Z": "2024-02-29T12:00:00Z",
		"2024-02-29T12:00:00+02:00": "2024-02-29T10:00:00Z", "2024-02-29": "2024-02-29T00:00:00Z",
		"36h": "2026-05-02T15:02:01Z", "7d": "2026-04-27T03:02:01Z", "1.5d": "2026-05-02T15:02:01Z",
		"2w": "2026-04-20T03:02:01Z", "0s": "2026-05-04T03:02:01Z"} {
		if got, err := ParseTime(s, now); err != nil || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("%s: got %v, %v want %s", s, got, err, want)
		}
	}
	for _, s := range []string{"", "yesterday", "-3h", "-1d", "1e9w", "2024-13-01", "NaNd", "Infd"} {
		if got, err := ParseTime(s, now); err == nil {
			t.Errorf("%q: got %v want an error", s, got)
		}
	}
}
