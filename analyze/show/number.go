package show

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Count is a number of things: 1 image, 2 images. The plural is the singular with an s unless it is given.
func Count(n int, one string, many ...string) string {
	switch {
	case n == 1:
		return "1 " + one
	case len(many) > 0:
		one = many[0]
	default:
		one += "s"
	}
	return fmt.Sprintf("%d %s", n, one)
}

// Grouped is a number with commas between thousands, easy to compare digit by digit.
func Grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for at := len(s) - 3; at > 0 && s[at-1] != '-'; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}

// Percent is the percentage of a whole with four digits after the point, rounded down; 0 if the whole is 0.
func Percent(part, whole int64) float64 {
	if whole == 0 {
		return 0
	}
	return math.Floor(float64(part)/float64(whole)*1e6) / 1e4
}

// PercentText is Percent as text with two digits after the point, or <0.01.
func PercentText(part, whole int64) string {
	if p := Percent(part, whole); part == 0 || p >= 0.01 {
		return strconv.FormatFloat(math.Floor(p*100)/100, 'f', 2, 64)
	}
	return "<0.01"
}

// Size is n bytes as docker images prints them: three digits and a decimal unit, 5.2MB. If three
// digits round up to 1000, docker prints 1e+03kB and Size prints 1MB.
func Size(n int64) string {
	if n < 0 {
		return "-" + sizeOf(-float64(n))
	}
	return sizeOf(float64(n))
}

// sizeOf formats a size as go-units does, at a third of the cost: lists have millions.
func sizeOf(size float64) string {
	const most = 999.5 // rounds up to 1000
	units := [...]string{"B", "kB", "MB", "GB", "TB", "PB", "EB"}
	unit := 0
	for size >= most && unit < len(units)-1 {
		size /= 1000
		unit++
	}
	if unit > 0 {
		size = max(size, 1) // it may have been rounded up to the next unit
	}
	var b [16]byte
	return string(append(strconv.AppendFloat(b[:0], size, 'g', 3, 64), units[unit]...))
}

const (
	firstSecond = -62167219200 // 0000-01-01T00:00:00Z
	lastSecond  = 253402300799 // 9999-12-31T23:59:59Z
)

// Dated reports whether a time, in seconds since 1970, has a year of four digits, as RFC 3339 demands.
func Dated(sec int64) bool { return sec >= firstSecond && sec <= lastSecond }

// When is a time for tables, in UTC: 2020-09-13 12:26:40Z, or @SECONDS outside the years 0000 to 9999.
func When(sec int64) string {
	if !Dated(sec) {
		return "@" + strconv.FormatInt(sec, 10)
	}
	return time.Unix(sec, 0).UTC().Format("2006-01-02 15:04:05Z07:00")
}
