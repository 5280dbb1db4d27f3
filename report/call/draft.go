package call

import (
	"strings"

	"github.com/spf13/pflag"

	"layup/analyze"
)

// A Draft is an incomplete command line, parsed as far as possible.
type Draft struct {
	*common
	Command Command        // without New if the command is unknown, and without a name if there is none yet
	Flags   *pflag.FlagSet // those of the command and those of every command
}

// Draft parses the words before the one that the user is typing.
func (c *Call) Draft(words []string) *Draft {
	d := &Draft{common: newCommon(), Flags: newFlagSet()}
	top := newFlagSet()
	d.addTo(top)
	at := 0
	for at < len(words) && strings.HasPrefix(words[at], "-") {
		if !strings.Contains(words[at], "=") && takesNext(top, words[at]) {
			at++
		}
		at++
	}
	at = min(at, len(words))
	rest := withoutImage(words[at:])
	if len(rest) > 0 {
		d.Command.Name = rest[0]
		for _, r := range c.commands {
			if r.Name == rest[0] {
				d.Command = r
				r.New(d.Flags)
			}
		}
	}
	d.addTo(d.Flags)
	// The command reports the line's mistakes when it runs.
	_ = d.Flags.Parse(doubleDashed(d.Flags, words[:at]))
	_ = d.Flags.Parse(doubleDashed(d.Flags, rest[min(1, len(rest)):]))
	return d
}

// Valued returns the flag that takes its value from the word after this one, or nil.
func (d *Draft) Valued(word string) *pflag.Flag {
	if strings.Contains(word, "=") || !strings.HasPrefix(word, "-") {
		return nil
	}
	if d.Flags.Lookup(strings.TrimPrefix(word, "-")) != nil && len(word) > 2 {
		word = "-" + word // find's spelling
	}
	if !takesNext(d.Flags, word) {
		return nil
	}
	if name, long := strings.CutPrefix(word, "--"); long {
		return d.Flags.Lookup(name)
	}
	return d.Flags.ShorthandLookup(word[len(word)-1:])
}

// Options returns what opens an image to list its names: it verifies nothing and opens no connection.
func (d *Draft) Options() (analyze.Options, error) {
	d.registry.Offline, d.noVerify, d.KeepGoing, d.all = true, true, true, false
	return d.options(analyze.Needs{})
}
