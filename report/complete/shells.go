package complete

import (
	"context"

	"github.com/spf13/pflag"

	"layup/report/call"
)

const completionDetails = `
Commands, flags and their values are completed. So are the paths inside the image, if it is a local file
that can be read in a moment: 0.3 s, or what LAYUP_COMPLETION_TIME says (2s). In zsh, run compinit first.

The scripts ask "layup __complete --shell=SHELL WORD..." for the candidates: one a line, a tab before
what explains it. The last line is for all of them: a colon and the sum of 2 if no space follows and 4
if file names do not also complete. Docker asks without --shell.
`

// A shell is one that completion has a script for.
type shell struct{ name, script string }

func shells() []shell { return []shell{{"bash", bashScript}, {"zsh", zshScript}, {"fish", fishScript}} }

// bash divides words at characters that paths contain. The script sends the line as typed and gets quoted candidates.
const bashScript = `_layup() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        case "$line" in
        :0) [ ${#COMPREPLY[@]} = 0 ] && compopt -o default 2>/dev/null ;;
        :6) compopt -o nospace 2>/dev/null ;;
        :4) ;;
        *) COMPREPLY+=("${line%%$'\t'*}") ;;
        esac
    done < <(layup __complete --shell=bash "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2>/dev/null)
}
complete -F _layup layup
`

// The script sends the words as typed. zsh takes quoted candidates with -Q, and omits the space for each alone.
const zshScript = `#compdef layup
_layup() {
    local line
    local -a told words_only open
    while IFS= read -r line; do
        case "$line" in
        :0)
            if (( ! ${#told} && ! ${#words_only} && ! ${#open} )); then
                _files || { compset -P '[a-z-]##:' && _files; }
                return
            fi ;;
        :4|:6) ;;
        *$'\t'*) told+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
        */) open+=("$line") ;;
        */*) words_only+=("$line") ;;
        *=) open+=("$line") ;;
        *) words_only+=("$line") ;;
        esac
    done < <(layup __complete --shell=zsh "${(@)words[2,CURRENT-1]}" "$IPREFIX$QIPREFIX$PREFIX" 2>/dev/null)
    (( ${#told} )) && _describe layup told -Q
    (( ${#words_only} )) && compadd -Q -- "${words_only[@]}"
    (( ${#open} )) && compadd -Q -S '' -- "${open[@]}"
}
if [ "$funcstack[1]" = _layup ]; then
    _layup "$@"
else
    compdef _layup layup
fi
`

// fish unquotes all words except the one being typed, and quotes the candidates itself.
const fishScript = `function __layup_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    for line in (layup __complete --shell=fish $words[2..-1] "$typed" 2>/dev/null)
        switch $line
            case ':0'
                __fish_complete_path "$typed"
            case ':4' ':6'
            case '*'
                echo $line
        end
    end
end
complete -c layup -f -a '(__layup_complete)'
`

// Script is the command completion.
func Script() call.Command {
	return call.Command{Name: "completion", Group: call.Other, Brief: "for bash, zsh and fish",
		Args: "bash|zsh|fish", Min: 1, Max: 1, Plain: true, New: newCompletion,
		Details: completionDetails,
		About:   "print a completion script for a shell",
		Examples: []string{"source <(layup completion bash)", "layup completion zsh > ~/.zfunc/_layup",
			"layup completion fish > ~/.config/fish/completions/layup.fish"}}
}

func newCompletion(*pflag.FlagSet) call.Answer {
	return func(ctx context.Context, c *call.Call) (int, error) {
		for _, s := range shells() {
			if s.name == c.Args[0] {
				return call.Answered, c.Print(ctx, s.script)
			}
		}
		return call.Failed, call.Usage("usage: layup completion bash|zsh|fish", "completion: unknown shell %q", c.Args[0])
	}
}
