package call

import (
	"fmt"
	"strings"

	"layup/analyze"
)

// setLimit understands the value of --limit.
func setLimit(opt *analyze.Options, arg string) error {
	name, value, ok := strings.Cut(arg, "=")
	if !ok {
		return fmt.Errorf("--limit %q: want NAME=VALUE", arg)
	}
	if err := opt.Source.Limits.Set(name, value); err != nil {
		return fmt.Errorf("--limit %q: %w", arg, err)
	}
	return nil
}
