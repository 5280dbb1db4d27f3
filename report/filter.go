package report

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"layup/analyze/filter"
	"layup/report/arg"
	"layup/tarfs"
)

// filter turns the flags into one test; now is what durations count back from.
func (s *search) filter(patterns []string, now time.Time) (filter.Test, error) {
	var tests []filter.Test
	add := func(t filter.Test) { tests = append(tests, t) }
	if s.live {
		add(filter.Live)
	}
	if s.hidden {
		add(filter.Hidden)
	}
	if s.layer.Given {
		add(filter.Layer(s.layer.N))
	}
	for _, f := range []struct {
		name, value string
		build       func(value string) (filter.Test, error)
	}{
		{"type", s.types, typeTest}, {"size", s.size, sizeTest}, {"perm", s.perm, modeTest},
		{"uid", s.uid, idTest(filter.UID)}, {"gid", s.gid, idTest(filter.GID)},
		{"newer", s.newer, func(value string) (filter.Test, error) {
			t, err := arg.ParseTime(value, now)
			return filter.Newer(t), err
		}},
		{"since", s.since, func(value string) (filter.Test, error) {
			t, err := arg.ParseTime(value, now)
			return filter.Newer(t.Add(-1)), err
		}},
		{"sha256", s.digest, filter.Digest},
		{"sha256-file", s.list, func(name string) (test filter.Test, err error) {
			if s.digests, err = readDigests(name); err != nil {
				return nil, err
			}
			return s.digests.Test, nil
		}},
	} {
		if f.value == "" {
			continue
		}
		t, err := f.build(f.value)
		if err != nil {
			return nil, fmt.Errorf("--%s %q: %w", f.name, f.value, err)
		}
		add(t)
	}
	if s.sensitive {
		add(filter.Sensitive)
	}
	if len(patterns) == 0 {
		return filter.All(tests...), nil
	}
	var list filter.Patterns
	read := filter.Glob
	if s.regex {
		read = filter.Regexp
	}
	for _, p := range patterns {
		m, err := read(p, s.fold)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	add(filter.Match(list))
	return filter.All(tests...), nil
}

// readDigests reads a file with a list of digests.
func readDigests(name string) (*filter.List, error) {
	f, err := os.Open(name)
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read from
	return filter.ReadList(f)
}

// typeTest knows find's letters and our words.
func typeTest(list string) (filter.Test, error) {
	var types []tarfs.Type
words:
	for word := range strings.SplitSeq(list, ",") {
		word = strings.TrimSpace(word)
		for i, letter := range "fdlcbp" {
			if t := tarfs.Type(i); word == string(letter) || word == t.String() {
				types = append(types, t)
				continue words
			}
		}
		return nil, errors.New("not one of f, d, l, c, b, p")
	}
	return filter.Types(types...), nil
}

// signed divides a value into find's sign, if it has one of signs, and the rest.
func signed(s, signs string) (sign byte, rest string) {
	if s != "" && strings.IndexByte(signs, s[0]) >= 0 {
		return s[0], s[1:]
	}
	return 0, s
}

func sizeTest(value string) (filter.Test, error) {
	sign, rest := signed(value, "+-")
	n, err := arg.ParseSize(rest)
	return filter.Size(filter.Bound{Sign: sign, N: n}), err
}

func modeTest(value string) (filter.Test, error) {
	sign, rest := signed(value, "-/")
	mode, err := arg.ParseMode(rest)
	return filter.Mode(sign, mode), err
}

// idTest reads the number of a user or group.
func idTest(build func(filter.Bound) filter.Test) func(string) (filter.Test, error) {
	return func(value string) (filter.Test, error) {
		sign, rest := signed(value, "+-")
		n, err := strconv.ParseUint(rest, 10, 32)
		if err != nil {
			return nil, errors.New("not a number")
		}
		return build(filter.Bound{Sign: sign, N: int64(n)}), nil
	}
}
