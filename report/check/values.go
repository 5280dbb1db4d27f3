package check

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"layup/analyze/filter"
	"layup/analyze/rules"
	"layup/report/arg"
)

// A ruleBuilder makes a rule from the text of its value.
type ruleBuilder func(value string) (rules.Rule, error)

// bare builds a rule that takes no value.
func bare(rule func() rules.Rule) ruleBuilder {
	return func(string) (rules.Rule, error) { return rule(), nil }
}

// sized builds a rule about bytes.
func sized(read func(string) (int64, error), rule func(int64) rules.Rule) ruleBuilder {
	return func(value string) (rules.Rule, error) {
		limit, err := read(value)
		return rule(limit), err
	}
}

// parseDiveSize reads sizes as dive does: 20MB, 20 mb, 20M are all millions, 20MiB powers of 1024.
func parseDiveSize(s string) (int64, error) {
	plain := strings.ToLower(strings.NewReplacer(" ", "", ",", "").Replace(s))
	unit := strings.TrimSuffix(strings.TrimLeft(plain, "0123456789."), "b")
	number := strings.TrimRight(plain, "abcdefghijklmnopqrstuvwxyz")
	if unit != "" {
		unit = strings.ToUpper(unit[:1]) + unit[1:] + "B"
	}
	return arg.ParseSize(number + unit)
}

// ratio builds a rule about a number from 0 to most, which may be followed by a percent sign if it is a percentage.
func ratio(most float64, rule func(float64) rules.Rule) ruleBuilder {
	return func(value string) (rules.Rule, error) {
		if most == 100 {
			value = strings.TrimSuffix(value, "%")
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || math.IsNaN(n) || n < 0 || n > most {
			return rules.Rule{}, fmt.Errorf("not a number from 0 to %v", most)
		}
		return rule(n), nil
	}
}

func maxLayers(value string) (rules.Rule, error) {
	limit, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		err = errors.New("not a number from 0 on")
	}
	return rules.MaxLayers(int(limit)), err
}

// excepting builds a rule that takes globs of exceptions.
func excepting(rule func(filter.Patterns) rules.Rule) ruleBuilder {
	return func(list string) (rules.Rule, error) {
		globs, err := filter.Globs(splitGlobs(list)...)
		r := rule(globs)
		if list != "" {
			r.Limit = "but " + list
		}
		return r, err
	}
}

// splitGlobs divides a list at its commas, but not at those within braces or after a backslash.
func splitGlobs(list string) []string {
	var globs []string
	depth, start := 0, 0
	add := func(end int) {
		if glob := strings.TrimSpace(list[start:end]); glob != "" {
			globs = append(globs, glob)
		}
		start = end + 1
	}
	for i := 0; i < len(list); i++ {
		switch list[i] {
		case '\\':
			i++
		case '{':
			depth++
		case '}':
			depth--
		case ',':
			if depth <= 0 {
				add(i)
			}
		}
	}
	add(len(list))
	return globs
}
