package show

import (
	"math"
	"testing"
)

func TestSizeIsWhatDockerPrints(t *testing.T) {
	for _, c := range []struct {
		bytes int64
		want  string
	}{
		{0, "0B"}, {1, "1B"}, {999, "999B"}, {1000, "1kB"}, {1024, "1.02kB"}, {5_200_000, "5.2MB"}, {187_654_321, "188MB"},
		{999_499, "999kB"}, {999_999, "1MB"}, {999_999_999, "1GB"}, {1_230_000_000_000, "1.23TB"}, {2e15, "2PB"},
		{math.MaxInt64, "9.22EB"}, {-1500, "-1.5kB"}, {math.MinInt64, "-9.22EB"},
	} {
		if got := Size(c.bytes); got != c.want {
			t.Errorf("Size(%d) = %s, want %s", c.bytes, got, c.want)
		}
	}
}

func TestWhenIsUTC(t *testing.T) {
	for sec, want := range map[int64]string{
		1600000000:     "2020-09-13 12:26:40Z",
		-1:             "1969-12-31 23:59:59Z",
		firstSecond:    "0000-01-01 00:00:00Z",
		lastSecond:     "9999-12-31 23:59:59Z",
		lastSecond + 1: "@253402300800",
		math.MinInt64:  "@-9223372036854775808",
	} {
		if got := When(sec); got != want {
			t.Errorf("When(%d) = %s, want %s", sec, got, want)
		}
	}
}

func TestCountsHaveTheirPlural(t *testing.T) {
	for n, want := range map[int]string{0: "0 images, 0 entries", 1: "1 image, 1 entry", 2: "2 images, 2 entries"} {
		if got := Count(n, "image") + ", " + Count(n, "entry", "entries"); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

func TestThousandsAreGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -100: "-100",
		-1000: "-1,000"} {
		if got := Grouped(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}
