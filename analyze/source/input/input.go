// Package input opens what a path or standard input holds: a directory, or bytes that can be read anywhere. Pipes and
// compressed files are copied into an unlinked temporary file.
package input

import (
	"bufio"
	"cmp"
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

// zeroHead is how many zero bytes an archive may begin with: more is an empty disk or a device, which may be endless.
const zeroHead = 1 << 20

var errZeros = errors.New("not an archive: the first 1 MiB is zeros")

// Open opens a path, or standard input for "-", and undoes the compression around its content. Only regular files,
// pipes and directories are opened.
func Open(ctx context.Context, path string, opt *source.Options) (*Input, error) {
	in, compression, err := OpenStored(ctx, path, opt)
	if err != nil || compression == decode.None {
		return in, err
	}
	spooled, err := spool(ctx, bufio.NewReaderSize(in.Data, zeroHead), in.Data.Size(), opt)
	if err == nil && !opt.Verify { // else digests tell whether it changed meanwhile
		if err = in.Check(); err != nil {
			err = errors.Join(err, spooled.Close())
		}
	}
	return spooled, errors.Join(err, in.Close())
}

// OpenStored opens a path, or standard input for "-", and says by which compression its content is stored. The content
// of a pipe is decompressed always.
func OpenStored(ctx context.Context, path string, opt *source.Options) (in *Input, compression string, err error) {
	if path == "-" {
		return openStdin(ctx, cmp.Or(opt.Stdin, os.Stdin), opt)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, "", noSuchFile(path, err)
	}
	if info.IsDir() {
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, "", disk.Plain(err)
		}
		return &Input{Dir: &disk.Dir{Root: root, Links: true}}, decode.None, nil
	}
	if !info.Mode().IsRegular() {
		err := disk.Irregular(info.Mode())
		if info.Mode()&fs.ModeNamedPipe != 0 {
			err = &advice.Hinted{Err: err, Hint: "a pipe is read from standard input, under the name -"}
		}
		return nil, "", err
	}
	// The file may have become a FIFO since: a non-blocking open does not wait for its other end.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, "", disk.Plain(err)
	}
	in, compression, err = regular(file, 0)
	if err != nil {
		return nil, "", errors.Join(err, file.Close())
	}
	in.file = file
	return in, compression, nil
}

// openStdin reads a regular file in place, from its current offset, and spools everything else. The file stays open.
func openStdin(ctx context.Context, file *os.File, opt *source.Options) (*Input, string, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, "", fmt.Errorf("standard input: %w", disk.Plain(err))
	}
	if info.IsDir() {
		return nil, "", errors.New("standard input: is a directory, not a file or a pipe")
	}
	if info.Mode().IsRegular() {
		start, err := file.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, "", fmt.Errorf("standard input: %w", disk.Plain(err))
		}
		return regular(file, start)
	}
	in, err := Stream(ctx, file, opt)
	return in, decode.None, err
}

// interruptibly runs a read that may wait for a pipe for ever. If ctx ends, the read goes on in the background: nothing
// can end it.
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

// regular reads an opened file in place, from start on, and recognises its compression.
func regular(file *os.File, start int64) (*Input, string, error) {
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = disk.Irregular(info.Mode())
	}
	if err != nil {
		return nil, "", disk.Plain(err)
	}
	data := io.NewSectionReader(file, start, max(0, info.Size()-start))
	compression, err := recogniseAt(data)
	return &Input{Data: data, Check: disk.Unchanged(file, info)}, compression, err
}

// At reads bytes in place, or spools them if they are compressed.
func At(ctx context.Context, data *io.SectionReader, opt *source.Options) (*Input, error) {
	compression, err := recogniseAt(data)
	if err != nil || compression == decode.None {
		return &Input{Data: data}, err
	}
	return spool(ctx, bufio.NewReaderSize(data, zeroHead), data.Size(), opt)
}

// Stream spools a reader that may wait for ever. If the context ends first, its read goes on until it returns.
func Stream(ctx context.Context, r io.Reader, opt *source.Options) (*Input, error) {
	return interruptibly(ctx, func() (*Input, error) {
		return spool(ctx, bufio.NewReaderSize(r, zeroHead), -1, opt)
	})
}

// recogniseAt says by the beginning of an input how it is compressed.
func recogniseAt(data *io.SectionReader) (string, error) {
	head := make([]byte, min(zeroHead, data.Size()))
	start := head[:min(decode.HeadSize, len(head))]
	if _, err := data.ReadAt(start, 0); err != nil && err != io.EOF {
		return "", disk.Plain(err)
	}
	if !sure(start, data.Size()) {
		if _, err := data.ReadAt(head, 0); err != nil && err != io.EOF {
			return "", disk.Plain(err)
		}
	}
	return recognise(head, data.Size())
}

// sure reports whether the first bytes tell what an input is. Disks and file systems begin with zeros, as an empty tar
// does.
func sure(start []byte, size int64) bool {
	return decode.Sniff(start, size) != "" && !decode.IsZero(start)
}

// recognise says how an input is compressed by its first 1 MiB, or by all there is. A tar and an EROFS image are not.
// Size is that of the input, -1 if it is not known.
func recognise(head []byte, size int64) (string, error) {
	if len(head) == 0 {
		return "", &source.NoArchiveError{Err: errors.New("file is empty")}
	}
	if len(head) == zeroHead && decode.IsZero(head) {
		return "", errZeros
	}
	start := head[:min(decode.HeadSize, len(head))]
	compression := decode.Sniff(start, size)
	if sure(start, size) || compression == decode.None && decode.IsEROFS(head) {
		return compression, nil
	}
	if err := notArchive(head); err != nil {
		return "", &source.NoArchiveError{Err: err}
	}
	if compression == "" {
		return "", &source.NoArchiveError{Err: errors.New("not a tar archive, nor one inside gzip, zstd, xz or bzip2")}
	}
	return compression, nil
}

// notArchive says what an input is that is not an archive, and what to do with it; nil if that is unknown.
func notArchive(head []byte) error {
	format, known := decode.FormatOf(head)
	if at, ok := decode.AfterText(head); ok && !known {
		format = decode.Format{Name: fmt.Sprintf("text, and an archive that begins at offset %d", at),
			Next: fmt.Sprintf("tail -c +%d FILE | layup COMMAND -", at+1)}
	} else if !known {
		return nil
	}
	err := fmt.Errorf("not a tar archive but %s", format.Name)
	if format.Next == "" {
		return err
	}
	return &advice.Hinted{Err: err, Hint: format.Next}
}
