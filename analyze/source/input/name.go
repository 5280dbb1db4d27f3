package input

import (
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"layup/analyze/digest"
	"layup/analyze/expression"
	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/advice"
	"layup/analyze/source/disk"
)

// SplitImage cuts the image off a path. The longest beginning that exists is the path: a file's name may have a colon.
func SplitImage(rest string) (path, ref string) {
	at := PathEnd(rest, ":@")
	switch at {
	case 0:
		path, _, _ = strings.Cut(rest, ":")
		return path, ""
	case len(rest):
		return rest, ""
	}
	ref = rest[at+1:]
	if _, err := strconv.Atoi(ref); err == nil && rest[at] == '@' {
		ref = "@" + ref
	}
	if d, ok := strings.CutPrefix(ref, "@"); ok && digest.Valid(d) {
		ref = d
	}
	return rest[:at], ref
}

// PathEnd returns where the longest path ends that exists: at the end of the name or before one of the separators. It
// is 0 if there is none.
func PathEnd(name, separators string) int {
	for i := len(name); i > 0; i-- {
		if i == len(name) || strings.IndexByte(separators, name[i]) >= 0 {
			if _, err := os.Stat(name[:i]); err == nil {
				return i
			}
		}
	}
	return 0
}

var (
	referencePattern = expression.Lazy(`^[a-z0-9]([a-z0-9._-]*[a-z0-9])?(:[0-9]+/)?(/?[a-z0-9._-]+)*` +
		`(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?(@sha256:[0-9a-f]+)?$`)
	archivePattern = expression.Lazy(`\.(tar|tgz|txz|tbz2?|tzst|gz|xz|bz2|zst|oci|docker|img)$`)
)

// IsArchiveName reports whether a file has a name that people give to archives.
func IsArchiveName(name string) bool { return archivePattern().MatchString(name) }

// looksLikeReference reports whether a name could be that of an image in a registry.
func looksLikeReference(name string) bool {
	return len(name) < 512 && referencePattern().MatchString(name) && !IsArchiveName(name)
}

// noSuchFile says what to do if there is no such file.
func noSuchFile(path string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return disk.Plain(err)
	}
	err = source.Absent("no such file")
	if file, ref := SplitImage(path); ref != "" && file != path {
		hint := "to choose an image in the file: " + show.Shell(file) + " --image " + show.Shell(ref)
		return &advice.Hinted{Err: err, Hint: hint}
	}
	if looksLikeReference(path) {
		return &advice.Hinted{Err: err, Hint: "a name is always a file here; in a running engine it is docker-daemon:" +
			path + ", in a registry docker://" + path}
	}
	return err
}
