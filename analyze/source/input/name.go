package input

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source"
	"layup/analyze/source/advice"
	"layup/analyze/source/disk"
)

// SplitImage cuts the image off a path. The longest beginning that exists is the path: a file's name may have a colon.
func SplitImage(rest string) (path, ref string) {
	if Exists(rest) {
		return rest, ""
	}
	for i := len(rest) - 1; i > 0; i-- {
		if (rest[i] == ':' || rest[i] == '@') && Exists(rest[:i]) {
			ref = rest[i+1:]
			if _, err := strconv.Atoi(ref); err == nil && rest[i] == '@' {
				ref = "@" + ref
			}
			if d, ok := strings.CutPrefix(ref, "@"); ok && digest.Valid(d) {
				ref = d
			}
			return rest[:i], ref
		}
	}
	path, _, _ = strings.Cut(rest, ":")
	return path, ""
}

// Exists reports whether there is something at a path.
func Exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

var (
	referencePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9._-]*[a-z0-9])?(:[0-9]+/)?(/?[a-z0-9._-]+)*` +
		`(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?(@sha256:[0-9a-f]+)?$`)
	archivePattern = regexp.MustCompile(`\.(tar|tgz|txz|tbz2?|tzst|gz|xz|bz2|zst|oci|docker|img)$`)
)

// looksLikeReference reports whether a name could be that of an image in a registry.
func looksLikeReference(name string) bool {
	return len(name) < 512 && referencePattern.MatchString(name) && !archivePattern.MatchString(name)
}

// NoSuchFile says what to do where there is no such file.
func NoSuchFile(path string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return disk.Plain(err)
	}
	err = source.Absent("no such file")
	if file, ref := SplitImage(path); ref != "" && file != path {
		return &advice.Hinted{Err: err, Hint: "to choose an image in the file: " + show.Shell(file) + " --image " + show.Shell(ref)}
	}
	if looksLikeReference(path) {
		return &advice.Hinted{Err: err, Hint: "a name is always a file here; in a registry it is docker://" + path}
	}
	return err
}
