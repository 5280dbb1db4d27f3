package call

import (
	"context"
	"regexp"
	"strings"
)

// pluginKey marks the context of a program that docker started.
type pluginKey struct{}

func isPlugin(ctx context.Context) bool { return ctx.Value(pluginKey{}) != nil }

// afterDocker returns a text with each command as the user of the plugin types it: after docker.
func afterDocker(commands []Command, text string) string {
	names := []string{"COMMAND"}
	for _, r := range commands {
		names = append(names, r.Name)
	}
	typed := regexp.MustCompile(`(^|[\s"<(])(layup (?:` + strings.Join(names, "|") + `)\b)`)
	return typed.ReplaceAllString(text, "${1}docker ${2}")
}

// AsPlugin returns the context of a command that docker started.
func AsPlugin(ctx context.Context) context.Context {
	return context.WithValue(ctx, pluginKey{}, true)
}
