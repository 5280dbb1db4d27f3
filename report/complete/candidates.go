package complete

import (
	"context"
	"strings"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/report/arg"
	"layup/report/call"
	"layup/report/render"
)

// A draft is a command line that is not complete, and the word being typed.
type draft struct {
	*call.Draft
	commands []call.Command
	typed    string
}

// candidates returns what the word being typed may become, and the directive for all of them.
func (r request) candidates(ctx context.Context) ([]candidate, int) {
	if r.redirected {
		return nil, filesToo
	}
	d := &draft{r.call.Draft(r.words), r.call.Commands(), r.typed.text}
	if len(r.words) > 0 {
		if f := d.Valued(r.words[len(r.words)-1]); f != nil {
			return d.values(ctx, f, "")
		}
	}
	dashed := d.Flags.ArgsLenAtDash() >= 0
	if flag, _, ok := strings.Cut(d.typed, "="); ok && !dashed && strings.HasPrefix(flag, "--") {
		if f := d.Flags.Lookup(flag[2:]); f != nil {
			return d.values(ctx, f, flag+"=")
		}
	}
	if strings.HasPrefix(d.typed, "-") && !dashed {
		return flagNames(d.Flags), noFiles
	}
	return d.arguments(ctx)
}

// arguments returns what an argument may be.
func (d *draft) arguments(ctx context.Context) ([]candidate, int) {
	given := d.Flags.Args()
	switch {
	case d.Command.Name == "":
		return commandNames(d.commands), noFiles
	case d.Command.Name == "help" && len(given) == 0:
		names := commandNames(d.commands)
		for _, t := range call.Topics() {
			names = append(names, candidate{t.Name, t.About})
		}
		return names, noFiles
	case d.Command.Max >= 0 && len(given) >= d.Command.Max && d.Command.New != nil:
		return nil, noFiles
	case d.Command.Name == "completion":
		var found []candidate
		for _, s := range shells() {
			found = append(found, candidate{word: s.name})
		}
		return found, noFiles
	case len(given) > 0 && strings.HasPrefix(d.Command.Args, "IMAGE ") && strings.Contains(d.Command.Args, "PATH"):
		return d.paths(ctx, given[0]), noFiles
	}
	return nil, filesToo
}

// values returns the known values of a flag; prefix is what precedes them in the word.
func (d *draft) values(ctx context.Context, f *pflag.Flag, prefix string) ([]candidate, int) {
	found, directive := d.known(ctx, f), noFiles
	if _, several := f.Value.(*arg.Words); several { // divided by commas
		value := strings.TrimPrefix(d.typed, prefix)
		prefix += value[:strings.LastIndexByte(value, ',')+1]
	}
	if what, _ := pflag.UnquoteUsage(f); what == "FILE" || what == "DIR" || what == "PATH" {
		directive = filesToo
	}
	for i := range found {
		found[i].word = prefix + found[i].word
	}
	return found, directive
}

// known lists the values of a flag.
func (d *draft) known(ctx context.Context, f *pflag.Flag) []candidate {
	switch v := f.Value.(type) {
	case *arg.Choice:
		return candidatesOf(v.Words...)
	case *arg.Words:
		return candidatesOf(v.Words...)
	}
	switch f.Name {
	case "format":
		if d.Command.Docker {
			return []candidate{{"json", "docker's JSON, on one line"}}
		}
		var found []candidate
		for _, f := range render.For(d.Command.Items) {
			found = append(found, candidate{f.Name, f.About})
		}
		return found
	case "limit":
		limits := analyze.Default().Source.Limits
		var found []candidate
		for _, n := range limits.Names() {
			found = append(found, candidate{word: n + "="})
		}
		return found
	case "type":
		return candidatesOf("f", "d", "l", "c", "b", "p")
	case "image", "image-a":
		return d.references(ctx, 0)
	case "image-b":
		return d.references(ctx, 1)
	case "platform", "platform-a":
		return d.platforms(ctx, 0)
	case "platform-b":
		return d.platforms(ctx, 1)
	case "layer", "upto":
		return d.layers(ctx)
	}
	return nil
}

// candidatesOf makes candidates of words that need no explanation.
func candidatesOf(list ...string) []candidate {
	found := make([]candidate, 0, len(list))
	for _, w := range list {
		found = append(found, candidate{word: w})
	}
	return found
}

func flagNames(flags *pflag.FlagSet) []candidate {
	var names []candidate
	flags.VisitAll(func(f *pflag.Flag) {
		if _, usage := pflag.UnquoteUsage(f); !f.Hidden {
			names = append(names, candidate{"--" + f.Name, usage})
		}
	})
	return names
}

func commandNames(commands []call.Command) []candidate {
	var names []candidate
	for _, r := range commands {
		if !r.Hidden {
			names = append(names, candidate{r.Name, r.About})
		}
	}
	return names
}
