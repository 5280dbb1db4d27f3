package catalogue

import (
	"cmp"
	"container/heap"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"path"
	"slices"
	"strings"

	compress "github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"layup/analyze/catalogue/place"
)

// The folders of a catalogue.
const (
	filesFolder  = "files"
	layersFolder = "layers"
	imagesFolder = "images"
)

const (
	groupRows = 100_000  // rows of a row group
	pageBytes = 64 << 10 // bytes of a page before it is compressed
)

// The metadata of a part.
const (
	versionKey = "layup.version"
	folderKey  = "layup.folder"
)

// A squeezer compresses as a zstd.Codec does, and also digits that do not repeat: digests take half the room.
type squeezer struct {
	zstd.Codec
	encoder *compress.Encoder
}

func newSqueezer() *squeezer {
	e, err := compress.NewWriter(nil, compress.WithEncoderConcurrency(1), compress.WithEncoderLevel(compress.SpeedFastest),
		compress.WithZeroFrames(true), compress.WithEncoderCRC(false), compress.WithAllLitEntropyCompression(true))
	if err != nil {
		panic(err) // these options fit together
	}
	return &squeezer{encoder: e}
}

// Encode compresses a page.
func (s *squeezer) Encode(dst, src []byte) ([]byte, error) {
	return s.encoder.EncodeAll(src, dst[:0]), nil
}

// options are how parts of a folder are written.
func options(folder string) []parquet.WriterOption {
	all := []parquet.WriterOption{
		parquet.CreatedBy("layup", Version, ""), parquet.KeyValueMetadata(versionKey, Version),
		parquet.KeyValueMetadata(folderKey, folder), parquet.Compression(newSqueezer()),
		parquet.PageBufferSize(pageBytes), parquet.MaxRowsPerRowGroup(groupRows), parquet.ColumnIndexSizeLimit(
			func([]string) int { return 64 }),
	}
	if folder == filesFolder {
		all = append(all, parquet.BloomFilters(parquet.SplitBlockFilter(10, "base"), parquet.SplitBlockFilter(10, "sha256")),
			parquet.SortingWriterConfig(parquet.SortingColumns(parquet.Ascending("base"), parquet.Ascending("path"),
				parquet.Ascending("layer"))))
	}
	return all
}

// put writes a part. Equal rows give equal bytes.
func put[T any](ctx context.Context, c *Catalogue, name string, rows iter.Seq[T]) error {
	return c.Place.Put(ctx, name, func(w io.Writer) error {
		s := &summer{w: w}
		out := parquet.NewGenericWriter[T](s, options(path.Dir(name))...)
		batch, m := make([]T, 0, 1024), new(guider)
		flush := func() error {
			if files, ok := any(batch).([]FileRow); ok {
				m.add(files)
			}
			_, err := out.Write(batch)
			batch = batch[:0]
			return cmp.Or(err, ctx.Err())
		}
		for row := range rows {
			if batch = append(batch, row); len(batch) == cap(batch) {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		if err := cmp.Or(flush(), out.Flush()); err != nil {
			return err
		}
		s.hold()
		if err := out.Close(); err != nil {
			return err
		}
		return s.close(func(body io.Writer, at int64) ([]byte, error) {
			return m.close(guide{Folder: path.Dir(name), Digests: c.Digests}, out.File().Metadata(), body, at)
		})
	})
}

// nameOf returns the name of a part that is made of something.
func nameOf(folder string, of any) string { return folder + "/part-" + hashOf(of) + ".parquet" }

// hashOf returns 32 digits that stand for something.
func hashOf(of any) string {
	text, err := json.Marshal(of)
	if err != nil {
		panic(err) // texts and numbers only
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// filesName returns the name of the part with the rows of layers.
func (c *Catalogue) filesName(keys []string) string {
	return nameOf(filesFolder, []any{Version, c.Digests, slices.Sorted(slices.Values(keys))})
}

// A source of sorted rows, and the first of them.
type sorted struct {
	row  FileRow
	next func() (FileRow, bool)
	stop func()
}

// A merged is a heap of sorted rows.
type merged []*sorted

func (m merged) Len() int           { return len(m) }
func (m merged) Less(i, j int) bool { return compareRows(&m[i].row, &m[j].row) < 0 }
func (m merged) Swap(i, j int)      { m[i], m[j] = m[j], m[i] }
func (m *merged) Push(x any)        { *m = append(*m, x.(*sorted)) }

func (m *merged) Pop() any {
	last := (*m)[len(*m)-1]
	*m = (*m)[:len(*m)-1]
	return last
}

// compareRows orders rows of files/.
func compareRows(a, b *FileRow) int {
	return cmp.Or(strings.Compare(a.Base, b.Base), strings.Compare(a.Path, b.Path), strings.Compare(a.Layer, b.Layer))
}

// mergeRows yields the rows of several sorted lists in their order.
func mergeRows(lists []iter.Seq[FileRow]) iter.Seq[FileRow] {
	if len(lists) == 1 {
		return lists[0]
	}
	return func(yield func(FileRow) bool) {
		var m merged
		for _, list := range lists {
			s := new(sorted)
			s.next, s.stop = iter.Pull(list)
			defer s.stop()
			if row, ok := s.next(); ok {
				s.row = row
				m = append(m, s)
			}
		}
		heap.Init(&m)
		for len(m) > 0 {
			first := m[0]
			if !yield(first.row) {
				return
			}
			if row, ok := first.next(); ok {
				first.row = row
				heap.Fix(&m, 0)
			} else {
				heap.Pop(&m)
			}
		}
	}
}

func hexOf(sum [32]byte) string { return hex.EncodeToString(sum[:]) }

// sumOf returns the digest of 64 digits; zero for anything else.
func sumOf(digits string) (sum [32]byte) {
	if len(digits) == 2*len(sum) {
		if _, err := hex.Decode(sum[:], []byte(digits)); err != nil {
			return [32]byte{}
		}
	}
	return sum
}

// foreign is an error about a file.
func foreign(p place.Place, name string, err error) error {
	return &PartError{Name: strings.TrimSuffix(p.String(), "/") + "/" + name, part: name, Err: err}
}

// A PartError says which file of a catalogue cannot be read, and why.
type PartError struct {
	Name string // with the location of the catalogue
	Err  error
	part string
}

// Error names the file.
func (e *PartError) Error() string { return fmt.Sprintf("%s: %v", e.Name, e.Err) }

// Unwrap returns the cause.
func (e *PartError) Unwrap() error { return e.Err }
