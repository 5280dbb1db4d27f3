package source

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"layup/analyze/show"
	"layup/analyze/source/advice"
	"layup/analyze/source/disk"
)

// scratchMemory is how many bytes most Scratches keep in memory before they need a file.
const scratchMemory = 1 << 20

// A Scratch holds bytes until they are proven: in memory, or in an unlinked temporary file if they are many.
type Scratch struct {
	Memory int // bytes that it keeps in memory before it needs a file
	dir    string
	mem    bytes.Buffer
	file   *os.File
}

// NewScratch returns an empty Scratch. Dir is the directory of its file; empty means the system's.
func NewScratch(dir string) *Scratch { return &Scratch{dir: dir, Memory: scratchMemory} }

// Write adds bytes. The error names the directory of the temporary file.
func (s *Scratch) Write(b []byte) (int, error) {
	if s.file == nil && s.mem.Len()+len(b) <= s.Memory {
		return s.mem.Write(b)
	}
	if err := s.spill(); err != nil {
		return 0, err
	}
	n, err := s.file.Write(b)
	if err != nil {
		err = NoRoom(s.dir, err)
	}
	return n, err
}

// spill moves what there is from memory into a file.
func (s *Scratch) spill() error {
	if s.file != nil {
		return nil
	}
	file, err := Unlinked(s.dir)
	if err == nil {
		s.file = file
		_, err = s.mem.WriteTo(file)
	}
	if err != nil {
		return NoRoom(s.dir, err)
	}
	return nil
}

// ReadAt reads what was written.
func (s *Scratch) ReadAt(b []byte, offset int64) (int, error) {
	if s.file == nil {
		return bytes.NewReader(s.mem.Bytes()).ReadAt(b, offset)
	}
	return s.file.ReadAt(b, offset)
}

// Close frees the memory or the file.
func (s *Scratch) Close() error {
	s.mem = bytes.Buffer{}
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// TempFiles hold bytes until they are closed: of streamed blobs, and tars. They are safe for several goroutines.
type TempFiles struct {
	Dir   string // of the files; empty means the system's
	mu    sync.Mutex
	files []io.Closer
}

func (t *TempFiles) add(file io.Closer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.files = append(t.files, file)
}

// Close closes the files.
func (t *TempFiles) Close() error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	var errs []error
	for _, file := range t.files {
		errs = append(errs, file.Close())
	}
	t.files = nil
	return errors.Join(errs...)
}

// NoRoom names the directory of temporary files and the flag that moves it.
func NoRoom(dir string, err error) error {
	if dir == "" {
		dir = os.TempDir()
	}
	return &advice.Hinted{
		Err:  fmt.Errorf("temporary file in %s: %w", show.Safe(filepath.Clean(dir)), disk.Plain(err)),
		Hint: "--tmpdir DIR puts temporary files elsewhere; an uncompressed file needs none",
	}
}

// Unlinked creates a temporary file without a name. It is gone with its last descriptor, also after kill -9. A system
// that cannot remove an open file keeps it.
func Unlinked(dir string) (*os.File, error) {
	file, err := os.CreateTemp(dir, "layup-")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(file.Name())
	return file, nil
}
