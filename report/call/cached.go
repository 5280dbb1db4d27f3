package call

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"layup/analyze/cache"
	"layup/report/arg"
)

// cache opens the cache of what earlier processes verified; nil if none is to be used, or if it cannot be.
func (c *common) cache() *cache.Cache {
	if c.noCache || strings.EqualFold(os.Getenv("LAYUP_CACHE"), "off") {
		return nil
	}
	opened, _ := OpenCache() // without it everything is read
	return opened
}

// OpenCache opens the cache that the environment names.
func OpenCache() (*cache.Cache, error) {
	dir := cache.Default(os.Getenv)
	if dir == "" {
		return nil, fmt.Errorf("no directory for a cache is known: LAYUP_CACHE_DIR names one")
	}
	limit, err := sizeOf("LAYUP_CACHE_SIZE", cache.DefaultLimit)
	if err != nil {
		return nil, err
	}
	least, err := sizeOf("LAYUP_CACHE_LEAST", cache.DefaultLeast)
	if err != nil {
		return nil, err
	}
	version := build()
	if version == "" {
		return nil, errors.New("the program's own file cannot be seen: nothing tells which build wrote an object")
	}
	opened, err := cache.Open(dir, version, limit)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	opened.Least = least
	return opened, nil
}

// sizeOf reads a variable of the environment that is a number of bytes.
func sizeOf(name string, normal int64) (int64, error) {
	text := os.Getenv(name)
	if text == "" {
		return normal, nil
	}
	n, err := arg.ParseSize(text)
	if err != nil {
		return 0, fmt.Errorf("%s=%s: %w", name, text, err)
	}
	return n, nil
}

// build tells this program from other builds: by its version, and by its file, for code may change without a commit.
// It is empty if the file is not known.
func build() string {
	version, commit, _ := Build()
	name, err := os.Executable()
	if err != nil {
		return ""
	}
	info, err := os.Stat(name)
	if err != nil {
		return ""
	}
	return fmt.Sprint(version, " ", commit, " ", info.Size(), " ", info.ModTime().UnixNano())
}
