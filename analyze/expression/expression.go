// Package expression compiles regular expressions when they are first used: the program starts without them.
package expression

import (
	"regexp"
	"sync"
)

// Lazy returns a function that returns the compiled expression. Its first call panics if the text is not one.
func Lazy(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}
