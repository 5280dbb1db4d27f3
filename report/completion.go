package report

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/report/render"
)

const completionDetails = `
The scripts ask "layup __complete WORD..." for the candidates: one a line, a tab before what explains it,
then :0 where file names complete, too, or :4 where they do not.
`

const bashCompletion = `_layup() {
    local line words=("${COMP_WORDS[@]:1:COMP_CWORD}") cur="${COMP_WORDS[COMP_CWORD]}" files=1
    COMPREPLY=()
    [ "$cur" = "=" ] && words+=("")
    while IFS= read -r line; do
        case "$line" in
        :4) files=0 ;;
        :0) ;;
        *) COMPREPLY+=("${line%%$'\t'*}") ;;
        esac
    done < <(layup __complete "${words[@]}" 2>/dev/null)
    if [ "$files" = 1 ] && [ ${#COMPREPLY[@]} = 0 ]; then
        compopt -o default 2>/dev/null
    fi
}
complete -F _layup layup
`

const zshCompletion = `#compdef layup
_layup() {
    local line files=1
    local -a found
    while IFS= read -r line; do
        case "$line" in
        :4) files=0 ;;
        :0) ;;
        *) found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
        esac
    done < <(layup __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
    if (( ${#found} )); then
        _describe layup found
    elif (( files )); then
        _files
    fi
}
compdef _layup layup
`

const fishCompletion = `function __layup_complete
    set -l words (commandline -opc) (commandline -ct)
    for line in (layup __complete $words[2..] 2>/dev/null)
        switch $line
            case ':4'
            case ':0'
                __fish_complete_path (commandline -ct)
            case '*'
                echo $line
        end
    end
end
complete -c layup -f -a '(__layup_complete)'
`

func newCompletion(*pflag.FlagSet) Answer {
	return func(ctx context.Context, c *Call) (int, error) {
		scripts := map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}
		script, ok := scripts[c.Args[0]]
		if !ok {
			return failed, usage("usage: layup completion bash|zsh|fish", "completion: unknown shell %q", c.Args[0])
		}
		return answered, c.print(ctx, script)
	}
}

// What follows the candidates, as other tools' scripts read it, too.
const (
	filesToo = ":0"
	noFiles  = ":4"
)

func newComplete(*pflag.FlagSet) Answer {
	return func(ctx context.Context, c *Call) (int, error) {
		words, typed := c.Args, ""
		if len(words) > 0 {
			words, typed = words[:len(words)-1], words[len(words)-1]
		}
		words = slices.DeleteFunc(words, func(w string) bool { return w == "=" }) // bash makes --sort=size three words
		found, directive := candidates(words, typed)
		var b strings.Builder
		for _, line := range found {
			if strings.HasPrefix(line, typed) {
				b.WriteString(line + "\n")
			}
		}
		return answered, c.print(ctx, b.String()+directive+"\n")
	}
}

// candidates returns what may stand in place of the word that is being typed, after the words before it.
func candidates(words []string, typed string) ([]string, string) {
	flags := newFlagSet()
	name, found := commandAmong(words, flags)
	if len(words) > 0 {
		if f := valueOf(flags, words[len(words)-1]); f != nil {
			return values(f, "", typed)
		}
	}
	if flag, value, ok := strings.Cut(typed, "="); ok && strings.HasPrefix(typed, "--") {
		if f := flags.Lookup(flag[2:]); f != nil {
			return values(f, flag+"=", value)
		}
	}
	switch {
	case strings.HasPrefix(typed, "-"):
		return flagNames(flags), noFiles
	case !found || name == "help":
		return commandNames(), noFiles
	case name == "completion":
		return []string{"bash", "zsh", "fish"}, noFiles
	}
	return nil, filesToo
}

// commandAmong finds the command's name in the words, and adds its flags and the common ones.
func commandAmong(words []string, flags *pflag.FlagSet) (name string, found bool) {
	com := newFlagSet()
	newCommon().addTo(com)
	for i := 0; i < len(words) && !found; i++ {
		switch {
		case !strings.HasPrefix(words[i], "-"):
			name, found = words[i], true
		case !strings.Contains(words[i], "=") && takesNext(com, words[i]):
			i++
		}
	}
	for _, r := range All() {
		if found && r.Name == name {
			r.New(flags)
		}
	}
	flags.AddFlagSet(com)
	return name, found
}

// valueOf returns the flag whose value follows the word, if there is one.
func valueOf(flags *pflag.FlagSet, word string) *pflag.Flag {
	if !strings.HasPrefix(word, "-") || strings.Contains(word, "=") || !takesNext(flags, word) {
		return nil
	}
	if name, long := strings.CutPrefix(word, "--"); long {
		return flags.Lookup(name)
	}
	return flags.ShorthandLookup(word[len(word)-1:])
}

// values returns what a flag takes, where that is known, each behind a prefix; typed is what there is of it.
func values(f *pflag.Flag, prefix, typed string) ([]string, string) {
	list, directive := []string(nil), noFiles
	switch v := f.Value.(type) {
	case *choice:
		list = v.words
	case *words:
		list = v.words
		prefix += typed[:strings.LastIndexByte(typed, ',')+1]
	default:
		switch f.Name {
		case "format":
			list = formatNames()
		case "limit":
			list = limitNames()
		case "type":
			list = []string{"f", "d", "l", "c", "b", "p"}
		case "output", "tmpdir", "authfile", "ca-file", "cert-dir":
			directive = filesToo
		}
	}
	found := make([]string, 0, len(list))
	for _, w := range list {
		found = append(found, prefix+w)
	}
	return found, directive
}

func flagNames(flags *pflag.FlagSet) []string {
	var names []string
	flags.VisitAll(func(f *pflag.Flag) {
		if _, usage := pflag.UnquoteUsage(f); !f.Hidden {
			names = append(names, fmt.Sprintf("--%s\t%s", f.Name, usage))
		}
	})
	return names
}

func commandNames() []string {
	var names []string
	for _, r := range All() {
		if !r.Hidden {
			names = append(names, r.Name+"\t"+r.About)
		}
	}
	return names
}

func formatNames() []string {
	var names []string
	for _, f := range render.Formats {
		names = append(names, f.Name+"\t"+f.About)
	}
	return names
}

// limitNames are what --limit takes, up to the sign.
func limitNames() []string {
	limits := analyze.Default().Source.Limits
	var names []string
	for _, n := range limits.Names() {
		names = append(names, n+"=")
	}
	return names
}
