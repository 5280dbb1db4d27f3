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
	if n < 0 {
		return "-" + sizeOf(-float64(n))
	}
	return sizeOf(float64(n))
}

// sizeOf is what go-units makes of a size, at a third of the cost: lists have millions.
func sizeOf(size float64) string {
	const most = 999.5 // rounds up
	unit := 0
	for size >= most && unit < len(sizeUnits)-1 {
		size /= 1000
		unit++
	}
	if unit > 0 {
		size = max(size, 1) // it was rounded up to the next unit
	}
	var b [16]byte
	return string(append(strconv.AppendFloat(b[:0], size, 'g', 3, 64), sizeUnits[unit]...))
}

var sizeUnits = [...]string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}

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
