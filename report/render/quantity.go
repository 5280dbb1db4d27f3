package render

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/docker/go-units"
)

// Size is n bytes as docker images prints them: three digits and a decimal unit, 5.2MB.
// Where three digits round up to 1000 docker prints 1e+03kB; this is 1MB.
func Size(n int64) string {
	sign, size := "", float64(n)
	if n < 0 {
		sign, size = "-", -size
	}
	s := units.HumanSizeWithPrecision(size, 3)
	if strings.Contains(s, "e+") {
		for unit := 1e3; unit < 1e19; unit *= 1e3 {
			if size < unit {
				s = units.HumanSizeWithPrecision(unit, 3)
				break
			}
		}
	}
	return sign + s
}

// DockerSize is n bytes exactly as docker history prints them, 1e+03kB included.
func DockerSize(n int64) string { return units.HumanSizeWithPrecision(float64(n), 3) }

// DockerAge is a duration in words, as docker history prints it: 9 minutes, About an hour, Less than a second.
func DockerAge(d time.Duration) string { return units.HumanDuration(d) }

// shortDigits is how many hexadecimal digits of a digest docker shows.
const shortDigits = 12

// Short is the first 12 digits of a digest, without its algorithm; what is shorter stays whole.
func Short(digest string) string {
	if _, hex, found := strings.Cut(digest, ":"); found {
		digest = hex
	}
	for i := range digest {
		if n := utf8.RuneCountInString(digest[:i]); n == shortDigits {
			return digest[:i]
		}
	}
	return digest
}

// When is a time for tables, in UTC: 2020-09-13 12:26:40Z, or @SECONDS outside the years 0000 to 9999.
func When(sec int64) string {
	if !dated(sec) {
		return "@" + strconv.FormatInt(sec, 10)
	}
	return time.Unix(sec, 0).UTC().Format("2006-01-02 15:04:05Z07:00")
}
