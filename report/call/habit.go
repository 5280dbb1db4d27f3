package call

import (
	"strings"

	"github.com/spf13/pflag"
)

// habit returns what replaces a word or flag of find, ls, tree or docker that people type by habit; empty if nothing
// does. For a word in the command's place, command is empty.
func habit(command, typed string) string {
	const listed = "nothing is left out of a listing: a leading dot hides no name"
	switch command + " " + typed {
	case " cp":
		return "layup cat IMAGE PATH  writes one file, layup extract IMAGE -C DIR  all of them"
	case " du":
		return "layup layers IMAGE  counts each layer, layup ls -R --sort size IMAGE  each file"
	case " grep":
		return "layup find IMAGE PATTERN  searches names, layup cat IMAGE PATH | grep TEXT  a file"
	case " export":
		return "layup extract IMAGE -o FILE.tar  writes the merged files as a tar"
	case " save", " copy":
		return "layup pull docker://REF -o FILE.tar  fetches an image from a registry"
	case " config":
		return "layup inspect IMAGE  shows the configuration"
	case " manifest", " digest", " list":
		return "layup images FILE  lists the images in it, with digests and platforms"
	case " tags":
		return "layup images docker://HOST/REPOSITORY  lists its tags"
	case " validate":
		return "layup verify IMAGE  checks every digest and size"
	case " blame":
		return "layup owner IMAGE PATH  names the layer that wrote it, layup log IMAGE PATH  every one that touched it"
	case " secrets":
		return "layup hidden --sensitive IMAGE  lists what looks like a key or a password in lower layers"
	case " scan":
		return "layup check IMAGE  checks an image against rules"
	case " dive":
		return "layup waste IMAGE  says where the space went, layup tree IMAGE  draws the files"
	case " -V":
		return "layup --version"
	case "find -iname":
		return "layup find -i --name PATTERN IMAGE"
	case "find -path", "find -wholename":
		return "a pattern with / is matched against whole paths: layup find IMAGE '/etc/**'"
	case "find -maxdepth", "find -mindepth":
		return "a pattern says how deep: '/etc/*' is one level, '/etc/**' all of them; or layup ls --depth N IMAGE /etc"
	case "find -print":
		return "the paths are printed without it; -f '{{.path}}' prints nothing else"
	case "find -exec", "find -delete":
		return "nothing is ever run or changed; -0 prints the paths for xargs -0"
	case "find -not", "find -o", "find -or", "find -a", "find -and":
		return "all conditions must hold, and one of several patterns; layup find -f jsonl IMAGE  can be filtered further"
	case "find -user":
		return "--uid N: a name means nothing outside the image"
	case "find -group":
		return "--gid N: a name means nothing outside the image"
	case "ls -a", "ls -A", "tree -a":
		return listed
	case "ls -S":
		return "--sort size"
	case "ls -t":
		return "--sort mtime"
	case "ls -lh", "ls -hl", "ls -lah":
		return "-l: sizes are already for people, and " + listed
	case "ls -d":
		return "--depth 0"
	case "tree -L":
		return "--depth N"
	}
	return ""
}

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
