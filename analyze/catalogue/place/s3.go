package place

import (
	"cmp"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"layup/analyze/source/advice"
)

// A bucket is a place in a store that speaks S3: the keys below a prefix.
type bucket struct {
	core     minio.Core
	name     string
	prefix   string // empty, or without slashes at its ends
	endpoint string // empty for AWS
	timing   timing
}

// timing bounds how long a store is waited for.
type timing struct {
	tries   int           // of one request that fails fast: a status of 500 and above, 429, a broken connection
	request time.Duration // with all tries
	slowest int64         // bytes a second of a body; added to request
}

// usualTiming waits about six seconds for a store that refuses at once.
func usualTiming() timing { return timing{tries: 10, request: time.Minute, slowest: 64 << 10} }

// mostPut is the largest object that one request may write (Amazon S3 User Guide, "Uploading objects").
const mostPut = 5 << 30

// scheme begins the location of a bucket.
const scheme = "s3://"

// Remote reports whether a place asks a server over the network.
func Remote(location string) bool { return strings.HasPrefix(location, scheme) }

// openBucket makes the place s3://BUCKET/PREFIX. What the environment says is read here, once.
func openBucket(ctx context.Context, location string, t timing) (Place, error) {
	name, prefix, _ := strings.Cut(strings.TrimPrefix(location, scheme), "/")
	prefix = strings.Trim(prefix, "/")
	if name == "" || strings.ContainsAny(name, "@:?#") || prefix != "" && !fs.ValidPath(prefix) {
		return nil, &advice.Hinted{Err: fmt.Errorf("%q: is not the location of a catalogue", location),
			Hint: "s3://BUCKET/PREFIX; AWS_ENDPOINT_URL names a server other than Amazon's"}
	}
	server, err := newServer(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("s3://%s: %w", name, err)
	}
	return server.bucket(name, prefix, t)
}

func (s *server) bucket(name, prefix string, t timing) (*bucket, error) {
	client, err := minio.New(s.host, s.options())
	if err != nil {
		return nil, fmt.Errorf("s3://%s: %w", name, err)
	}
	client.SetAppInfo("layup", "1")
	return &bucket{core: minio.Core{Client: client}, name: name, prefix: prefix, endpoint: s.endpoint, timing: t}, nil
}

func (b *bucket) String() string { return b.address("") }

// address is how a user names a file of the bucket.
func (b *bucket) address(name string) string { return scheme + path.Join(b.name, b.prefix, name) }

func (b *bucket) key(name string) string { return path.Join(b.prefix, name) }

// patient bounds a request that moves n bytes.
func (b *bucket) patient(ctx context.Context, n int64) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, b.timing.request+time.Duration(n/b.timing.slowest)*time.Second)
}

func (b *bucket) List(ctx context.Context, folder string) ([]Info, error) {
	if !fs.ValidPath(folder) {
		return nil, fmt.Errorf("%q: is not the name of a folder of a catalogue", folder)
	}
	prefix := strings.TrimPrefix(b.key(folder)+"/", "./")
	ctx, cancel := b.patient(ctx, longList)
	defer cancel()
	var files []Info
	for o := range b.core.ListObjectsIter(ctx, b.name, minio.ListObjectsOptions{Prefix: prefix}) {
		if o.Err != nil {
			return nil, b.failed(ctx, folder, o.Err)
		}
		base, ok := strings.CutPrefix(o.Key, prefix)
		if ok && base != "" && base[0] != '.' && !strings.Contains(base, "/") {
			files = append(files, Info{Name: path.Join(folder, base), Size: o.Size})
		}
	}
	slices.SortFunc(files, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return files, ctx.Err()
}

// longList is the size of a list that is waited for: 100,000 files or so.
const longList = 64 << 20

// Put writes to an unlinked file first, whose size and digests the request names; the store refuses anything else.
func (b *bucket) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	if err := cmp.Or(ctx.Err(), checkName(name)); err != nil {
		return err
	}
	spool, err := newSpool()
	if err != nil {
		return fmt.Errorf("%s: %w", b.address(name), err)
	}
	defer spool.Close()
	sum, check := sha256.New(), md5.New()
	if err := write(io.MultiWriter(spool, sum, check)); err != nil {
		return fmt.Errorf("%s: %w", b.address(name), err)
	}
	size, err := spool.Seek(0, io.SeekCurrent)
	if err == nil && size > mostPut {
		err = fmt.Errorf("has %d bytes; a store takes at most %d at once", size, int64(mostPut))
	}
	if err == nil {
		_, err = spool.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", b.address(name), err)
	}
	ctx, cancel := b.patient(ctx, size)
	defer cancel()
	_, err = b.core.PutObject(ctx, b.name, b.key(name), spool, size, base64.StdEncoding.EncodeToString(check.Sum(nil)),
		hex.EncodeToString(sum.Sum(nil)), minio.PutObjectOptions{DisableContentSha256: true,
			ContentType: "application/octet-stream"})
	if err != nil {
		return b.failed(ctx, name, err)
	}
	return nil
}

// newSpool returns a file without a name, if the system allows that.
func newSpool() (*spool, error) {
	file, err := os.CreateTemp("", "layup-")
	if err != nil {
		return nil, err
	}
	s := &spool{File: file}
	s.unlinked = os.Remove(file.Name()) == nil
	return s, nil
}

type spool struct {
	*os.File
	unlinked bool
}

func (s *spool) Close() error {
	err := s.File.Close()
	if !s.unlinked {
		err = errors.Join(err, os.Remove(s.Name()))
	}
	return err
}

func (b *bucket) Remove(ctx context.Context, name string) error {
	if err := cmp.Or(ctx.Err(), checkName(name)); err != nil {
		return err
	}
	ctx, cancel := b.patient(ctx, 0)
	defer cancel()
	err := b.core.RemoveObject(ctx, b.name, b.key(name), minio.RemoveObjectOptions{})
	if err != nil && minio.ToErrorResponse(err).Code != minio.NoSuchKey {
		return b.failed(ctx, name, err)
	}
	return nil
}
