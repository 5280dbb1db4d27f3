package place

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"sync"

	"github.com/minio/minio-go/v7"
)

// An object is a file of a bucket. It keeps the blocks that were read last: readers of Parquet ask for many small
// pieces that lie close together.
type object struct {
	ctx  context.Context
	in   *bucket
	name string
	etag string // of the content that Open found; another content is an error
	size int64

	mu     sync.Mutex
	blocks []block // the one used last is first
}

// A block is a piece of an object.
type block struct {
	at   int64
	data []byte
}

const (
	blockSize  = 256 << 10
	mostBlocks = 16 // of one open object: 4 MiB
)

// tail is how much Open reads of the end, where Parquet keeps its table of contents.
const tail = 64 << 10

// Open asks once, for the end of the object, and learns its size. The context is that of all reads.
func (b *bucket) Open(ctx context.Context, name string) (File, error) {
	if err := cmp.Or(ctx.Err(), checkName(name)); err != nil {
		return nil, err
	}
	o := &object{ctx: ctx, in: b, name: name}
	data, total, etag, err := o.fetch(-tail, 0)
	if err != nil {
		return nil, b.failed(ctx, name, err)
	}
	o.size, o.etag = total, etag
	o.blocks = []block{{total - int64(len(data)), data}}
	return o, nil
}

func (o *object) Size() int64 { return o.size }

// Close forgets what was read.
func (o *object) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.blocks = nil
	return nil
}

func (o *object) ReadAt(p []byte, at int64) (n int, err error) {
	if at < 0 {
		return 0, fs.ErrInvalid
	}
	for n < len(p) {
		if at+int64(n) >= o.size {
			return n, io.EOF
		}
		data, err := o.piece(at+int64(n), int64(len(p)-n))
		if err != nil {
			return n, o.in.failed(o.ctx, o.name, err)
		}
		n += copy(p[n:], data)
	}
	return n, nil
}

// piece returns at least one byte from an offset, and at most all that the caller wants and the block around it.
func (o *object) piece(at, want int64) ([]byte, error) {
	if data := o.kept(at); data != nil {
		return data, nil
	}
	start := at - at%blockSize
	end := min(max(start+blockSize, at+want), o.size)
	data, total, etag, err := o.fetch(start, end)
	if err != nil {
		return nil, err
	}
	if total != o.size || etag != o.etag {
		return nil, errChanged
	}
	if len(data) <= blockSize {
		o.keep(block{start, data})
	}
	return data[at-start:], nil
}

var errChanged = errors.New("changed while being read")

func (o *object) kept(at int64) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, b := range o.blocks {
		if at >= b.at && at < b.at+int64(len(b.data)) {
			copy(o.blocks[1:i+1], o.blocks[:i])
			o.blocks[0] = b
			return b.data[at-b.at:]
		}
	}
	return nil
}

func (o *object) keep(b block) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.blocks) < mostBlocks {
		o.blocks = append(o.blocks, block{})
	}
	copy(o.blocks[1:], o.blocks)
	o.blocks[0] = b
}

// fetch reads from start to end, or the last bytes if start is negative. A body that breaks off is asked for again.
func (o *object) fetch(start, end int64) (data []byte, total int64, etag string, err error) {
	for range bodyTries {
		data, total, etag, err = o.fetchOnce(start, end)
		if err == nil || !errors.Is(err, errBody) || o.ctx.Err() != nil {
			break
		}
	}
	return data, total, etag, err
}

// bodyTries is how often a body may break off. Tries before the body are those of timing.
const bodyTries = 3

var errBody = errors.New("the answer breaks off")

func (o *object) fetchOnce(start, end int64) (data []byte, total int64, etag string, err error) {
	ctx, cancel := o.in.patient(o.ctx, end-start)
	defer cancel()
	opt := minio.GetObjectOptions{}
	if start < 0 {
		err = opt.SetRange(0, start)
	} else {
		err = opt.SetRange(start, end-1)
	}
	if err != nil {
		return nil, 0, "", err
	}
	body, info, header, err := o.in.core.GetObject(ctx, o.in.name, o.in.key(o.name), opt)
	if minio.ToErrorResponse(err).Code == minio.InvalidRange && start < 0 {
		return o.fetchSmall(ctx)
	}
	if err != nil {
		return nil, 0, "", err
	}
	defer body.Close()
	first, total, err := placeOf(header.Get("Content-Range"), info.Size)
	if err != nil {
		return nil, 0, "", err
	}
	if start < 0 {
		start, end = max(0, total+start), total
	}
	if first != start {
		return nil, 0, "", fmt.Errorf("the store answers from byte %d, not from %d", first, start)
	}
	data = make([]byte, max(0, min(end, total)-start))
	if _, err := io.ReadFull(body, data); err != nil {
		return nil, 0, "", fmt.Errorf("%w: %w", errBody, err)
	}
	return data, total, info.ETag, nil
}

// fetchSmall reads an object that has no tail: it is empty, or the store gives no tail that is longer than the object.
func (o *object) fetchSmall(ctx context.Context) (data []byte, total int64, etag string, err error) {
	info, err := o.in.core.StatObject(ctx, o.in.name, o.in.key(o.name), minio.StatObjectOptions{})
	if err != nil || info.Size == 0 {
		return nil, 0, info.ETag, err
	}
	return o.fetchOnce(max(0, info.Size-tail), info.Size)
}

// placeOf returns the first byte of an answer, and the size of the whole object. Without a Content-Range it is whole.
func placeOf(contentRange string, length int64) (first, total int64, err error) {
	if contentRange == "" {
		return 0, length, nil
	}
	span, size, ok := strings.Cut(strings.TrimPrefix(contentRange, "bytes "), "/")
	from, _, _ := strings.Cut(span, "-")
	first, err1 := strconv.ParseInt(from, 10, 64)
	total, err2 := strconv.ParseInt(size, 10, 64)
	if !ok || err1 != nil || err2 != nil || first < 0 || total < first {
		return 0, 0, fmt.Errorf("the store answers with the range %.100q", contentRange)
	}
	return first, total, nil
}
