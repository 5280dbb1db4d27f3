// Package input opens what a path or standard input holds: a directory, or bytes that can be read anywhere. Pipes and
// compressed files are copied into an unlinked temporary file.
package input

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"layup/analyze/source"
	"layup/analyze/source/advice"
	"layup/analyze/source/decode"
	"layup/analyze/source/disk"
)

// An Input is what a name turned out to be: a directory, or bytes that can be read anywhere.
type Input struct {
	Dir *disk.Dir // of a directory; then nothing else is set

	Data        *io.SectionReader // the content, without the compression around it
	Check       func() error      // tells whether the file changed since it was opened; nil for a temporary file
	Compression string            // around the whole; empty if there was none
	Digest      string            // of the compressed input
	Stored      int64             // bytes of the compressed input
	Tail        bool              // bytes after the compressed stream were ignored
	file        *os.File
}

// Close closes the file or the directory.
func (in *Input) Close() error {
	if in.Dir != nil {
		return in.Dir.Close()
	}
	if in.file != nil {
		return in.file.Close()
	}
	return nil
}

// zeroHead is how many zero bytes at the beginning make an input no archive: disks and devices begin so, and are endless.
const zeroHead = 1 << 20

var errZeros = errors.New("not an archive: the first 1 MiB is zeros")

// Open opens a path, or standard input for "-". Only regular files and directories are opened.
func Open(ctx context.Context, path string, stdin *os.File, opt *source.Options) (*Input, error) {
	if path == "-" {
		return openStdin(ctx, stdin, opt)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, NoSuchFile(path, err)
	}
	if info.IsDir() {
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, disk.Plain(err)
		}
		return &Input{Dir: &disk.Dir{Root: root, Links: true}}, nil
	}
	if !info.Mode().IsRegular() {
		err := disk.Irregular(info.Mode())
		if info.Mode()&fs.ModeNamedPipe != 0 {
			err = &advice.Hinted{Err: err, Hint: "a pipe is read from standard input, under the name -"}
		}
		return nil, err
	}
	// The file may have become a FIFO since: a non-blocking open does not wait for its other end.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, disk.Plain(err)
	}
	in, err := regularInput(ctx, file, 0, opt)
	if err != nil || in.file != file {
		err = errors.Join(err, file.Close())
	}
	return in, err
}

// openStdin reads a regular file in place and spools everything else.
func openStdin(ctx context.Context, stdin *os.File, opt *source.Options) (*Input, error) {
	file := stdin
	if file == nil {
		file = os.Stdin
	}
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("standard input: %w", disk.Plain(err))
	}
	if info.IsDir() {
		return nil, errors.New("standard input: is a directory, not a file or a pipe")
	}
	if info.Mode().IsRegular() {
		start, err := file.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, fmt.Errorf("standard input: %w", disk.Plain(err))
		}
		in, err := regularInput(ctx, file, start, opt)
		if err == nil && in.file == file {
			in.file = nil // it is not ours to close
		}
		return in, err
	}
	return Stream(ctx, file, opt)
}

// interruptibly runs what may wait for a pipe for ever; a cancelled context leaves it waiting, for nothing can end its read.
func interruptibly(ctx context.Context, read func() (*Input, error)) (*Input, error) {
	type result struct {
		in  *Input
		err error
	}
	done := make(chan result, 1)
	go func() {
		in, err := read()
		done <- result{in, err}
	}()
	select {
	case r := <-done:
		return r.in, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// regularInput reads an opened file in place, from start on, or spools it where it is compressed. It leaves the file open.
func regularInput(ctx context.Context, file *os.File, start int64, opt *source.Options) (*Input, error) {
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = disk.Irregular(info.Mode())
	}
	if err != nil {
		return nil, disk.Plain(err)
	}
	in := &Input{file: file, Check: disk.Unchanged(file, info)}
	in.Data = io.NewSectionReader(file, start, max(0, info.Size()-start))
	read, err := At(ctx, in.Data, opt)
	switch {
	case err != nil:
		return nil, err
	case read.file == nil:
		return in, nil
	case opt.Verify:
		return read, nil // digests tell whether it changed meanwhile
	}
	if err := in.Check(); err != nil {
		return nil, errors.Join(err, read.Close())
	}
	return read, nil
}

// At reads bytes in place, or spools them if they are compressed.
func At(ctx context.Context, data *io.SectionReader, opt *source.Options) (*Input, error) {
	compression, err := Recognise(data)
	if err != nil || compression == decode.None {
		return &Input{Data: data}, err
	}
	return Spool(ctx, bufio.NewReaderSize(data, zeroHead), data.Size(), opt)
}

// Stream spools a reader that may wait for ever. If the context ends first, its read goes on until it returns.
func Stream(ctx context.Context, r io.Reader, opt *source.Options) (*Input, error) {
	return interruptibly(ctx, func() (*Input, error) {
		return Spool(ctx, bufio.NewReaderSize(r, zeroHead), -1, opt)
	})
}

// Recognise says by the beginning of an input how it is compressed: none for a plain tar.
func Recognise(data *io.SectionReader) (string, error) {
	head := make([]byte, min(zeroHead, data.Size()))
	if _, err := data.ReadAt(head[:min(512, len(head))], 0); err != nil && err != io.EOF {
		return "", disk.Plain(err)
	}
	if len(head) == zeroHead && decode.IsZero(head[:512]) {
		if _, err := data.ReadAt(head, 0); err != nil && err != io.EOF {
			return "", disk.Plain(err)
		}
	}
	return recognise(head, data.Size())
}

// recognise does so for the first 1 MiB, or all there is, of an input of a size, which is -1 where it is not known.
func recognise(head []byte, size int64) (string, error) {
	if len(head) == 0 {
		return "", &source.NoArchiveError{Err: errors.New("file is empty")}
	}
	if len(head) == zeroHead && decode.IsZero(head) {
		return "", errZeros
	}
	start := head[:min(512, len(head))]
	compression := decode.Sniff(start, size)
	if compression == "" {
		return "", &source.NoArchiveError{Err: notArchive(start)}
	}
	return compression, nil
}

// notArchive says what an input could have been.
func notArchive(head []byte) error {
	text := bytes.TrimLeft(head, " \t\r\n")
	switch {
	case bytes.HasPrefix(text, []byte("<")):
		return errors.New("not a tar archive but an HTML or XML page")
	case bytes.HasPrefix(text, []byte("{")), bytes.HasPrefix(text, []byte("[")):
		return errors.New("not a tar archive but JSON")
	}
	return errors.New("not a tar archive, nor one inside gzip, zstd, xz or bzip2")
}
