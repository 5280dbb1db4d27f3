// Package temporary makes files and directories that get their names when they are complete. Until then they have a
// name of the form .TARGET.layup-RANDOM beside the target. A process that is killed leaves it there, and the next one
// that makes the same target removes it.
package temporary

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

const (
	mark   = ".layup-"
	chance = 13 // random letters of a name: 65 bits
	most   = 200
)

// prefix begins the temporary names of a target. A name has at most 255 bytes.
func prefix(target string) string {
	if target != "" {
		target = "." + strings.ToValidUTF8(target[:min(len(target), most)], "")
	}
	return target + mark
}

// newName returns a temporary name for a target in the same directory. The target is empty if the content of a
// directory moves into the directory that holds it.
func newName(target string) string { return prefix(target) + rand.Text()[:chance] }

var random = regexp.MustCompile(`^[A-Z2-7]{13}$`)

// isName reports whether a name is one that newName returns.
func isName(name, target string) bool {
	end, ok := strings.CutPrefix(name, prefix(target))
	return ok && random.MatchString(end)
}

// ErrBusy says that another process holds the lock.
var ErrBusy = errors.New("another process uses it")

// tries is how often a name is lost to a process that takes it for a leftover, before that is an error.
const tries = 10

// sweep removes what killed processes left of a target. A leftover has a temporary name, no process holds its lock, and
// it belongs to this user. Its last change is that of its content: an image that was extracted here cannot imitate
// that. What cannot be removed stays, and is in nobody's way.
func sweep(dir *os.Root, target string) {
	names, err := namesIn(dir)
	if err != nil {
		return
	}
	for _, name := range names {
		if !isName(name, target) {
			continue
		}
		if held := leftover(dir, name); held != nil {
			undo(dir, name)
			_ = removeTree(dir, name)
			held.Close()
		}
	}
}

// sweepBeside removes what killed processes left beside a target.
func sweepBeside(target string) {
	target = filepath.Clean(target)
	if dir, err := os.OpenRoot(filepath.Dir(target)); err == nil {
		sweep(dir, filepath.Base(target))
		dir.Close()
	}
}

// leftover locks and returns what a killed process left; nil if it is something else, or in use.
func leftover(dir *os.Root, name string) *os.File {
	before, err := dir.Lstat(name)
	if err != nil || !ours(dir, name) {
		return nil
	}
	f, err := dir.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	now, err := f.Stat()
	if err != nil || !os.SameFile(before, now) || now.IsDir() && !made(f) || Lock(f) != nil {
		f.Close()
		return nil
	}
	return f
}

// made reports whether a directory holds nothing but what a Dir makes in it.
func made(f *os.File) bool {
	names, err := f.Readdirnames(3)
	for _, name := range names {
		if name != tree && name != moving {
			return false
		}
	}
	return len(names) < 3 && (err == nil || len(names) == 0)
}

// undo removes from a directory what a killed process had moved there. Names that were made or changed later stay.
func undo(dir *os.Root, name string) {
	text, err := dir.ReadFile(filepath.Join(name, moving))
	if err != nil {
		return
	}
	for _, n := range strings.Split(string(text), "\x00") {
		_, err := dir.Lstat(filepath.Join(name, tree, n))
		if errors.Is(err, fs.ErrNotExist) && filepath.Base(n) == n && untouched(dir, n, filepath.Join(name, tree)) {
			_ = removeTree(dir, n)
		}
	}
}

// plain drops the paths of an error: the message already has the name.
func plain(err error) error {
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}
