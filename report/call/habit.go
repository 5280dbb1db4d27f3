package call

import (
	"strings"

	"github.com/spf13/pflag"
)

const listed = "nothing is left out of a listing: a leading dot hides no name"

// habits says, by command and word, what replaces a word or flag of find, ls, tree, docker or another tool that people
// type by habit.
var habits = map[string]string{
	" cp":       "layup cat IMAGE PATH  writes one file, layup extract IMAGE -C DIR  all of them",
	" du":       "layup layers IMAGE  counts each layer, layup ls -R --sort size IMAGE  each file",
	" grep":     "layup find IMAGE PATTERN  searches names, layup cat IMAGE PATH | grep TEXT  a file",
	" export":   "layup extract IMAGE -o FILE.tar  writes the merged files as a tar",
	" save":     "layup pull docker://REF -o FILE.tar  fetches an image from a registry",
	" copy":     "layup pull docker://REF -o FILE.tar  fetches an image from a registry",
	" config":   "layup inspect IMAGE  shows the configuration",
	" manifest": "layup images FILE  lists the images in it, with digests and platforms",
	" digest":   "layup images FILE  lists the images in it, with digests and platforms",
	" list":     "layup images FILE  lists the images in it, with digests and platforms",
	" tags":     "layup images docker://HOST/REPOSITORY  lists its tags",
	" validate": "layup verify IMAGE  checks every digest and size",
	" blame": "layup owner IMAGE PATH  names the layer that wrote it, layup log IMAGE PATH  every " +
		"one that touched it",
	" secrets":        "layup hidden --sensitive IMAGE  lists what looks like a key or a password in lower layers",
	" scan":           "layup check IMAGE  checks an image against rules",
	" dive":           "layup waste IMAGE  says where the space went, layup tree IMAGE  draws the files",
	" -V":             "layup --version",
	"find -iname":     "layup find -i --name PATTERN IMAGE",
	"find -path":      "a pattern with / is matched against whole paths: layup find IMAGE '/etc/**'",
	"find -wholename": "a pattern with / is matched against whole paths: layup find IMAGE '/etc/**'",
	"find -maxdepth": "a pattern says how deep: '/etc/*' is one level, '/etc/**' all of them; or " +
		"layup ls --depth N IMAGE /etc",
	"find -mindepth": "a pattern says how deep: '/etc/*' is one level, '/etc/**' all of them; or " +
		"layup ls --depth N IMAGE /etc",
	"find -print":  "the paths are printed without it; -f '{{.path}}' prints nothing else",
	"find -exec":   "nothing is ever run or changed; -0 prints the paths for xargs -0",
	"find -delete": "nothing is ever run or changed; -0 prints the paths for xargs -0",
	"find -not": "all conditions must hold, and one of several patterns; layup find -f jsonl IMAGE  " +
		"can be filtered further",
	"find -o": "all conditions must hold, and one of several patterns; layup find -f jsonl IMAGE  " +
		"can be filtered further",
	"find -or": "all conditions must hold, and one of several patterns; layup find -f jsonl IMAGE  " +
		"can be filtered further",
	"find -a": "all conditions must hold, and one of several patterns; layup find -f jsonl IMAGE  " +
		"can be filtered further",
	"find -and": "all conditions must hold, and one of several patterns; layup find -f jsonl IMAGE  " +
		"can be filtered further",
	"find -user":  "--uid N: a name means nothing outside the image",
	"find -group": "--gid N: a name means nothing outside the image",
	"ls -a":       listed,
	"ls -A":       listed,
	"tree -a":     listed,
	"ls -S":       "--sort size",
	"ls -t":       "--sort mtime",
	"ls -lh":      "-l: sizes are already for people, and " + listed,
	"ls -hl":      "-l: sizes are already for people, and " + listed,
	"ls -lah":     "-l: sizes are already for people, and " + listed,
	"ls -d":       "--depth 0",
	"tree -L":     "--depth N",
}

// habit returns what replaces a word or flag; empty if nothing does. Command is empty for a word in the command's
// place.
func habit(command, typed string) string { return habits[command+" "+typed] }

// withoutImage drops the first word of docker's longer names, image inspect and image history, which are typed as they
// are.
func withoutImage(words []string) []string {
	if len(words) > 1 && words[0] == "image" && (words[1] == "inspect" || words[1] == "history") {
		return words[1:]
	}
	return words
}

// wholeFlag returns the argument that holds an unknown flag, as it was typed. Of a cluster of letters, pflag names only
// the rest.
func wholeFlag(e *pflag.NotExistError, args []string) string {
	rest := e.GetSpecifiedShortnames()
	for _, arg := range args {
		if rest != "" && strings.HasPrefix(arg, "-") && strings.HasSuffix(arg, rest) {
			return arg
		}
	}
	return ""
}
