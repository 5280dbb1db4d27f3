package arg

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// sizeUnits are those of find (c, w, b, k, M, G), of GNU (KB is 1000, KiB and K are 1024) and ours for no unit: bytes.
var sizeUnits = map[string]float64{
	"": 1, "c": 1, "B": 1, "w": 2, "b": 512,
	"k": 1 << 10, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	"kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
}

// ParseSize reads a number of bytes: 840, 4KiB, 1.5MB.
func ParseSize(s string) (int64, error) {
	digits := strings.TrimLeft(s, "0123456789.")
	unit, known := sizeUnits[digits]
	n, err := strconv.ParseFloat(s[:len(s)-len(digits)], 64)
	if err != nil || !known {
		return 0, errors.New("not a size like 840, 4KiB or 1.5MB")
	}
	if n*unit >= math.MaxInt64 {
		return 0, errors.New("too large")
	}
	return int64(n * unit), nil
}

// ParseMode reads permissions: octal, or chmod's letters (u+s, go=w, a+x) added up from none.
func ParseMode(s string) (uint16, error) {
	if n, err := strconv.ParseUint(s, 8, 16); err == nil && n <= 0o7777 {
		return uint16(n), nil
	}
	mode := uint16(0)
	for clause := range strings.SplitSeq(s, ",") {
		i := strings.IndexAny(clause, "+=")
		if i < 0 {
			return 0, errors.New("not an octal mode like 644 nor letters like u+s")
		}
		bits, ok := symbolicMode(clause[:i], clause[i+1:])
		if !ok {
			return 0, errors.New("not letters like u+s or go=w")
		}
		mode |= bits
	}
	return mode, nil
}

// symbolicMode returns the bits that what (of rwxst) sets for who (of ugoa; nobody means all).
func symbolicMode(who, what string) (bits uint16, ok bool) {
	mask, special := uint16(0), uint16(0)
	if who == "" {
		who = "a"
	}
	for _, w := range who {
		switch w {
		case 'u':
			mask, special = mask|0o700, special|0o4000
		case 'g':
			mask, special = mask|0o070, special|0o2000
		case 'o':
			mask |= 0o007
		case 'a':
			mask, special = mask|0o777, special|0o6000
		default:
			return 0, false
		}
	}
	for _, w := range what {
		switch w {
		case 'r':
			bits |= 0o444 & mask
		case 'w':
			bits |= 0o222 & mask
		case 'x':
			bits |= 0o111 & mask
		case 's':
			bits |= special
		case 't':
			bits |= 0o1000
		default:
			return 0, false
		}
	}
	return bits, what != ""
}

// ParseTime reads a point in time: RFC 3339, a date (its first second in UTC), or a duration before now, in which d is
// a day and w a week.
func ParseTime(s string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	for unit, days := range map[string]float64{"d": 1, "w": 7} {
		if n, err := strconv.ParseFloat(strings.TrimSuffix(s, unit), 64); err == nil && strings.HasSuffix(s, unit) &&
			n >= 0 && n*days < 1e5 {
			return now.Add(-time.Duration(n * days * 24 * float64(time.Hour))), nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return time.Time{}, errors.New("not a time like 2026-01-31T12:00:00Z nor a duration like 36h or 7d")
	}
	return now.Add(-d), nil
}
