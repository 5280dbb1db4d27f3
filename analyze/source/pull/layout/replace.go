package layout

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// oldSuffix, added to the target's name, names the old directory while the new one takes its place.
const oldSuffix = ".layup-old"

// replace moves a directory to target, and removes an old one there. Target is the old directory or the new one at
// any time, if the system can exchange them. Otherwise it does not exist for a moment, but it is never incomplete.
func replace(dir, target string) error {
	old := dir // after an exchange
	err := os.Rename(dir, target)
	switch info, infoErr := os.Lstat(target); {
	case err == nil:
		old = ""
	case infoErr != nil || !info.IsDir():
		return err
	case exchange(dir, target) != nil:
		old = target + oldSuffix
		if err := os.Rename(target, old); err != nil {
			return err
		}
		if err := os.Rename(dir, target); err != nil {
			return err
		}
	}
	if err := syncDir(filepath.Dir(target)); err != nil || old == "" {
		return err
	}
	return os.RemoveAll(old)
}

// Recover puts right what a pull left that was killed in its last steps: an old directory gets its name back, or is
// removed if the new one is there, and a partial directory that nobody needs is removed.
func Recover(dir, target string) error {
	if info, err := os.Lstat(dir); err == nil && info.IsDir() {
		p, err := Open(dir, false)
		if err != nil {
			return err
		}
		end := p.Close
		if p.over {
			end = p.Remove
		}
		if err := end(); err != nil {
			return err
		}
	}
	old := target + oldSuffix
	if info, err := os.Lstat(old); err != nil || !info.IsDir() || !Is(old) {
		return nil
	}
	if _, err := os.Lstat(target); errors.Is(err, fs.ErrNotExist) {
		return os.Rename(old, target)
	}
	return os.RemoveAll(old)
}
