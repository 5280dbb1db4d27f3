package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"io/fs"

	"layup/analyze/show"
)

// crcTable is the polynomial of the sums in tar-split files.
var crcTable = crc64.MakeTable(crc64.ISO)

// A ContentError says that a file of a store is not as the engine stored it.
type ContentError struct {
	Name string // in the store
	Err  error
}

// Error names the file.
func (e *ContentError) Error() string { return fmt.Sprintf("%s: %v", show.Path(e.Name), e.Err) }

// Unwrap returns the cause.
func (e *ContentError) Unwrap() error { return e.Err }

// ErrSum says that a file's content does not have the sum in the tar-split file.
var ErrSum = errors.New("its content is not what the engine stored: the sum in tar-split differs")

// open opens the file of a segment at an offset.
func (t *Tar) open(s Segment, offset int64) (io.ReadCloser, error) {
	body, err := t.Files.Open(s.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &ContentError{Name: s.File, Err: errors.New("does not exist, though the engine stored it")}
	}
	if err != nil || offset == 0 {
		return body, err
	}
	if seeker, ok := body.(io.Seeker); ok {
		_, err = seeker.Seek(offset, io.SeekStart)
	} else {
		_, err = io.CopyN(io.Discard, body, offset)
	}
	if err == io.EOF {
		err = ErrChanged
	}
	if err != nil {
		return nil, errors.Join(&ContentError{Name: s.File, Err: err}, body.Close())
	}
	return body, nil
}

// check compares the sum of a file that was read whole, and makes sure that the file ends there.
func (r *Reader) check() error {
	n, err := r.body.Read(make([]byte, 1))
	if err != nil && err != io.EOF {
		return &ContentError{Name: r.rest.File, Err: err}
	}
	if n > 0 {
		return &ContentError{Name: r.rest.File, Err: ErrChanged}
	}
	if !r.whole || r.rest.Sum == nil {
		return nil
	}
	if len(r.rest.Sum) != 8 || binary.BigEndian.Uint64(r.rest.Sum) != r.sum {
		return &ContentError{Name: r.rest.File, Err: ErrSum}
	}
	return nil
}
