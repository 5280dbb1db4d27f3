// Package tree opens the disk of a store by its name: a directory, or a tar of one, perhaps compressed. It finds blobs
// on it.
package tree

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"

	"layup/analyze/source"
	"layup/analyze/source/advice"
	"layup/analyze/source/decode"
	"layup/analyze/source/disk"
	"layup/analyze/source/input"
	"layup/analyze/source/store"
)

// Open opens the files of a store. Errors do not begin with the name.
func Open(ctx context.Context, path string, opt *source.Options) (store.Files, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() && path != "-" {
		root, err := os.OpenRoot(path)
		if err != nil {
			return nil, &store.PrivilegeError{Name: ".", Need: "root", Err: disk.Plain(err)}
		}
		return store.Directory(root)
	}
	in, compression, err := input.OpenStored(ctx, path, opt)
	if err != nil {
		return nil, err
	}
	var files store.Files
	if compression == decode.None {
		head := source.NewHeaderReader(ctx, in.Data, in.Data.Size())
		files, err = store.Archive(ctx, head, in.Data, nil, nil, opt.Limits.Limits)
	} else {
		files, err = streamed(ctx, in.Data, compression, opt)
	}
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return &archive{files, in}, nil
}

// An archive is the files in a tar. Close also closes the tar.
type archive struct {
	store.Files
	in *input.Input
}

func (a *archive) Close() error { return errors.Join(a.Files.Close(), a.in.Close()) }

// IsTar reports whether files that Open returned are in a tar.
func IsTar(files store.Files) bool {
	_, tar := files.(*archive)
	return tar
}

// streamed opens a compressed tar: only the documents of the store are kept of it.
func streamed(ctx context.Context, data *io.SectionReader, compression string,
	opt *source.Options) (store.Files, error) {
	again := func(ctx context.Context) (io.ReadCloser, error) {
		return source.Decompress(ctx, io.NewSectionReader(data, 0, data.Size()), compression, opt)
	}
	stream, err := again(ctx)
	if err != nil {
		return nil, err
	}
	kept, err := source.Unlinked(opt.TempDir)
	if err != nil {
		return nil, errors.Join(source.NoRoom(opt.TempDir, err), stream.Close())
	}
	const buffer = 256 << 10
	files, err := store.Archive(ctx, bufio.NewReaderSize(stream, buffer), nil, again, kept, opt.Limits.Limits)
	return files, errors.Join(err, stream.Close())
}

// Privileged adds to an error of a store what to do next.
func Privileged(err error) error {
	if _, ok := errors.AsType[*store.PrivilegeError](err); ok {
		return &advice.Hinted{Err: err, Hint: "run layup as root, or read a copy or a tar that root made of the store"}
	}
	return err
}
