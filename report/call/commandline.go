package call

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"layup/analyze/near"
	"layup/analyze/show"
)

// parse parses a command line: common flags, a command's name, then flags and arguments in any order.
func parse(commands []Command, args []string) (*Call, Answer, error) {
	com := newCommon()
	top := newFlagSet()
	com.addTo(top)
	top.BoolVar(&com.version, "version", false, "")
	top.SetInterspersed(false)
	if err := top.Parse(args); err != nil {
		return nil, nil, flagError(err, top, args, "")
	}
	name, rest := "help", []string(nil)
	switch {
	case com.version:
		name = "version"
	case com.help:
		com.help, rest = false, top.Args()[:min(1, top.NArg())]
	case top.NArg() > 0:
		words := withoutImage(top.Args())
		name, rest = words[0], words[1:]
	}
	report, err := command(commands, name)
	if err != nil {
		return nil, nil, err
	}
	return parseCommand(com, commands, report, rest)
}

// parseCommand parses what follows a command's name.
func parseCommand(com *common, commands []Command, report Command, args []string) (*Call, Answer, error) {
	flags := newFlagSet()
	answer := report.New(flags)
	com.addTo(flags)
	if report.Name == "__complete" { // its arguments are another command line
		return &Call{common: com, commands: commands, Command: report, Args: args}, answer, nil
	}
	if err := flags.Parse(doubleDashed(flags, args)); err != nil {
		return nil, nil, flagError(err, flags, args, report.Name)
	}
	call := &Call{common: com, commands: commands, own: flags, Command: report, Args: flags.Args()}
	com.share(flags)
	if com.help {
		for _, arg := range args {
			if instead := habit(report.Name, arg); instead != "" { // a cluster of letters, with h for something else
				return nil, nil, Usage(instead, "%s: %s asks for help", report.Name, arg)
			}
		}
		call.Args = []string{report.Name}
		return call, NewHelp(nil), nil
	}
	if err := call.checkArgs(); err != nil {
		return nil, nil, err
	}
	return call, answer, nil
}

// command returns the command of that name.
func command(commands []Command, name string) (Command, error) {
	var names []string
	for _, r := range commands {
		if r.Name == name {
			return r, nil
		}
		if !r.Hidden {
			names = append(names, r.Name)
		}
	}
	return Command{}, Usage(commandHint(name, names), "unknown command %q", name)
}

// commandHint is what to type instead of a word that is not a command.
func commandHint(name string, names []string) string {
	_, err := os.Stat(name)
	switch meant, known := near.Word(name, names), habit("", name); {
	case known != "":
		return known
	case meant != "":
		return near.Meant("layup " + meant)
	case err == nil:
		return "a command comes first: layup ls " + show.Shell(name)
	case strings.Contains(name, ".tar"):
		return "a command comes first, and there is no such file: layup ls IMAGE"
	case strings.ContainsAny(name, ":/"):
		return "a command comes first, and an image is a file: docker save -o image.tar " + show.Shell(name) +
			" && layup ls image.tar"
	}
	return "layup help  lists the commands"
}

// checkArgs checks the arguments against what the command takes.
func (c *Call) checkArgs() error {
	hint := "usage: " + c.Command.usage(c.Command.Args)
	least, most := c.Command.Min, c.Command.Max
	if c.Command.Fleet && c.own.Changed("catalogue") {
		if c.own.Lookup("catalogue").Value.String() == "" {
			return Usage("a variable of a script may be unset", "%s: -C: the name of the catalogue is empty", c.Command.Name)
		}
		if least--; most == 1 || strings.HasPrefix(c.Command.Args, "SOURCE") {
			most = 0 // there is nothing but the image
		}
	}
	switch {
	case len(c.Args) < least:
		return c.Lacks(strings.TrimSuffix(strings.Fields(c.Command.Args)[len(c.Args)+c.Command.Min-least], "..."))
	case strings.Contains(c.Command.Args, "PATH") && slices.Contains(c.Args[min(1, least):], ""):
		return NoPath(c.Command.Name)
	case most >= 0 && len(c.Args) > most:
		return Usage(hint, "%s: one argument too many: %q", c.Command.Name, c.Args[most])
	}
	return nil
}

// Lacks says which argument is missing.
func (c *Call) Lacks(missing string) error {
	hint := "usage: " + c.Command.usage(c.Command.Args)
	if missing == "IMAGE" || missing == "SOURCE" {
		hint += "  (" + missing + " is a file, a directory, or - for standard input)"
	}
	return Usage(hint, "%s: %s is missing", c.Command.Name, strings.ReplaceAll(missing, "|", " or "))
}

// NoPath says that a path is empty.
func NoPath(command string) error {
	return Usage("/ is the root; a variable of a script may be unset", "%s: PATH is empty", command)
}

// doubleDashed turns find's spelling of long flags, -name X, into --name X. It leaves the values of flags alone.
func doubleDashed(flags *pflag.FlagSet, args []string) []string {
	args = slices.Clone(args)
	for i := 0; i < len(args) && args[i] != "--"; i++ {
		name, _, valued := strings.Cut(args[i], "=")
		if len(name) > 2 && name[0] == '-' && flags.Lookup(name[1:]) != nil {
			args[i] = "-" + args[i]
		}
		if !valued && takesNext(flags, args[i]) {
			i++
		}
	}
	return args
}

// takesNext reports whether the argument is a flag whose value is the next argument.
func takesNext(flags *pflag.FlagSet, arg string) bool {
	var f *pflag.Flag
	switch {
	case strings.HasPrefix(arg, "--"):
		f = flags.Lookup(arg[2:])
	case len(arg) > 1 && arg[0] == '-':
		// In a cluster only the last letter can take the next argument; an earlier one that takes a value has it in the
		// cluster.
		for i := range len(arg) - 1 {
			f = flags.ShorthandLookup(arg[i+1 : i+2])
			if f == nil || f.NoOptDefVal == "" {
				return f != nil && i == len(arg)-2
			}
		}
	}
	return f != nil && f.NoOptDefVal == ""
}

// flagError returns an error of pflag in the program's words; command is empty for flags before the command's name.
func flagError(err error, flags *pflag.FlagSet, args []string, command string) error {
	where := ""
	if command != "" {
		where = command + ": "
	}
	if e, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return unknownFlag(e, flags, args, where, command)
	}
	if e, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return fmt.Errorf("%s--%s: %q: %w", where, e.GetFlag().Name, e.GetValue(), valueCause(e.Unwrap()))
	}
	if e, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		name, _ := pflag.UnquoteUsage(e.GetFlag())
		return fmt.Errorf("%s--%s needs a value: %s", where, e.GetFlag().Name, name)
	}
	return fmt.Errorf("%s%w", where, err)
}

// valueCause replaces an error of strconv, which means nothing to a user.
func valueCause(err error) error {
	if _, ok := errors.AsType[*strconv.NumError](err); ok {
		return errors.New("not a value that the flag takes")
	}
	return err
}

const ownFlagsFollow = "a command's own flags follow its name: layup ls -l IMAGE"

// unknownFlag suggests what replaces the flag of a program that people know, else the nearest flag.
func unknownFlag(e *pflag.NotExistError, flags *pflag.FlagSet, args []string, where, command string) error {
	hint := strings.TrimSpace("layup help " + command)
	for _, typed := range []string{wholeFlag(e, args), "-" + e.GetSpecifiedName()} {
		if instead := habit(command, typed); instead != "" {
			if slices.ContainsFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "-"+typed) }) {
				typed = "-" + typed
			}
			return Usage(instead, "%sunknown flag %s", where, typed)
		}
	}
	if e.GetSpecifiedShortnames() != "" {
		typed := e.GetSpecifiedShortnames()
		if meant := nearestFlag(typed, flags); meant != "" && len(typed) > 2 {
			hint = near.Meant(meant)
		}
		if command == "" {
			hint = ownFlagsFollow
		}
		return Usage(hint, "%sunknown flag -%s", where, e.GetSpecifiedName())
	}
	if meant := nearestFlag(e.GetSpecifiedName(), flags); meant != "" {
		hint = near.Meant(meant)
	} else if command == "" {
		hint = ownFlagsFollow
	}
	return Usage(hint, "%sunknown flag --%s", where, e.GetSpecifiedName())
}

// nearestFlag returns the flag most like what was typed, with its dashes, or nothing.
func nearestFlag(typed string, flags *pflag.FlagSet) string {
	var names []string
	flags.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if name := near.Word(typed, names); name != "" {
		return "--" + name
	}
	return ""
}

// Changed reports whether a flag, of this command or of every command, is on the command line.
func (c *Call) Changed(name string) bool { return c.own.Changed(name) }

// Line returns the command line as a shell takes it: the command, the flags that were given, the arguments. It masks
// passwords and leaves out the flags of these names.
func (c *Call) Line(without ...string) string {
	words := []string{"layup", c.Command.Name}
	add := func(f *pflag.Flag, value string) {
		switch {
		case f.NoOptDefVal == "":
			words = append(words, "--"+f.Name, value)
		case value == "true":
			words = append(words, "--"+f.Name)
		default:
			words = append(words, "--"+f.Name+"="+value)
		}
	}
	c.own.VisitAll(func(f *pflag.Flag) {
		list, several := f.Value.(pflag.SliceValue)
		switch {
		case !f.Changed || slices.Contains(without, f.Name):
		case several:
			for _, value := range list.GetSlice() {
				add(f, value)
			}
		default:
			add(f, f.Value.String())
		}
	})
	words = Masked(append(words, c.Args...))
	for i, word := range words {
		words[i] = show.Shell(word)
	}
	return strings.Join(words, " ")
}
