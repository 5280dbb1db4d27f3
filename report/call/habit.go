package call

import (
	"cmp"
	"strings"

	"github.com/spf13/pflag"
)

const listed = "nothing is left out of a listing: a leading dot hides no name"

const (
	named   = "the name says where it is: docker-archive:FILE, docker-daemon:REF, docker://REF, docker-root:DIR:REF"
	login   = "--creds USER:PASSWORD; without it, what docker login and podman login keep is used"
	noCerts = "--insecure allows HTTP and certificates that nobody vouches for"
)

// habits says, by command and word, what replaces a word or flag of find, ls, tree, docker or another tool that people
// type by habit. The command * is any.
var habits = map[string]string{
	" cp":       "layup cat IMAGE PATH  writes one file, layup extract IMAGE -C DIR  all of them",
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
	" sbom":  "layup packages -f cyclonedx IMAGE  writes one, -f spdx another",
	" mount": "layup unpack --overlay2 IMAGE DIR  lays the layers out, and says how to mount them",
	" scan":  "layup check IMAGE  checks an image against rules",
	" dive":  "layup waste IMAGE  says where the space went, layup tree IMAGE  draws the files",
	" -V":    "layup --version",
	" build": "docker build -t NAME . && layup waste docker-daemon:NAME",

	"* -source":      named,
	"* -from":        named,
	"* -transport":   named,
	"* -image-src":   named,
	"* -input":       "a file is named as it is, without a flag: layup layers image.tar",
	"* -json":        "-f json",
	"* -ci":          "layup check IMAGE",
	"* -ci-config":   "layup check --config FILE IMAGE",
	"* -username":    login,
	"* -password":    login,
	"* -tls-verify":  noCerts,
	"* -override-os": "--platform OS/ARCH",
	"* -arch":        "--platform OS/ARCH",
	"* -os":          "--platform OS/ARCH",
	"* -scope":       "every layer is read; layup find --live leaves out what later layers hide",

	"check -lowestEfficiency":   "--min-efficiency RATIO",
	"check -highestWastedBytes": "--max-wasted SIZE",
	"check -highestUserWastedPercent": "a file .dive-ci takes it; --max-wasted-percent PERCENT " +
		"also counts layer 0",

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
	"du -sh":      "-s: sizes are already for people",
	"du -hs":      "-s: sizes are already for people",
	"du -a":       "layup ls -R --sort size IMAGE  lists the files",
}

// habit returns what replaces a word or flag; empty if nothing does. Command is empty for a word in the command's
// place.
func habit(command, typed string) string {
	if command == "" {
		return habits[" "+typed]
	}
	return cmp.Or(habits[command+" "+typed], habits["* "+typed])
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
