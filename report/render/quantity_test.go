package render

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestSizeIsWhatUnitsMakeOfIt(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range int64(200_000) {
		n := i
		switch i % 4 {
		case 1:
			n = rnd.Int64() >> rnd.IntN(63)
		case 2: // about where digits are rounded up
			n = (9995 + rnd.Int64N(3) - 1) * int64(math.Pow10(rnd.IntN(15)))
		case 3:
			n = 5*rnd.Int64N(200_000)*int64(math.Pow10(rnd.IntN(10))) + rnd.Int64N(3) - 1
		}
		if want := DockerSize(n); n >= 0 && !strings.Contains(want, "e+") && Size(n) != want {
			t.Fatalf("%d: got %s, want %s", n, Size(n), want)
		}
	}
}

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

func TestShortIsTwelveDigits(t *testing.T) {
	for digest, want := range map[string]string{
		"sha256:9f86d081884c7d659a2feaa0c55ad015": "9f86d081884c",
		"9f86d081884c7d659a2f":                    "9f86d081884c",
		"sha256:9f86":                             "9f86",
		"sha256:9f86d081884c":                     "9f86d081884c",
		"sha256:":                                 "",
		"":                                        "",
		"x:ééééééééééééé":                         "éééééééééééé",
	} {
		if got := Short(digest); got != want {
			t.Errorf("Short(%q) = %q, want %q", digest, got, want)
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
