package pull

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"layup/analyze/digest"
	"layup/analyze/source/document"
	"layup/fixtures"
)

// Wrong content from a registry never reaches the target.
func TestPullRefusesWhatDoesNotMatch(t *testing.T) {
	for _, c := range []struct {
		say   string
		wrong func(content []byte) []byte
		want  string
	}{
		{"a flipped bit", func(b []byte) []byte { b[len(b)/2] ^= 1; return b }, "content does not match its digest"},
		{"a byte less", func(b []byte) []byte { return b[:len(b)-1] }, "size"},
		{"a byte more", func(b []byte) []byte { return append(b, 0) }, "size"},
		{"nothing", func([]byte) []byte { return []byte{} }, "size"},
		{"a login page", func([]byte) []byte { return []byte("<html>please log in</html>") }, "size"},
	} {
		s, ref := aRegistry(t, fixtures.Packing{Format: fixtures.OCI, Layers: fixtures.Gzip})
		documents := map[string]bool{}
		for _, name := range blobNames(t, s.Dir) {
			content, err := os.ReadFile(filepath.Join(s.Dir, name))
			if err != nil {
				t.Fatal(err)
			}
			documents[document.BlobDigest(name)] = json.Valid(content) && strings.Contains(string(content), "schemaVersion")
		}
		var victim string
		for _, name := range blobNames(t, s.Dir) {
			if !documents[document.BlobDigest(name)] {
				victim = document.BlobDigest(name)
			}
		}
		var repaired atomic.Bool
		s.Wrong = func(digest string) []byte {
			content, err := os.ReadFile(filepath.Join(s.Dir, document.BlobName(digest)))
			if digest != victim || err != nil || repaired.Load() {
				return nil
			}
			return c.wrong(content)
		}
		opt := pullOptions(t, ".tar")
		_, err := Pull(t.Context(), []string{ref + ":1"}, opt)
		if err == nil || !strings.Contains(err.Error(), victim) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error that names %s and says %q", c.say, err, victim, c.want)
		}
		if _, err := os.Lstat(opt.Target); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the target is there", c.say)
		}
		repaired.Store(true)
		if _, err := Pull(t.Context(), []string{ref + ":1"}, opt); err != nil {
			t.Errorf("%s: the next pull: %v", c.say, err)
		}
		if _, err := os.Lstat(opt.partial()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the partial directory is left", c.say)
		}
	}
}

// Anybody may have changed a partial directory: its content is compared with its digests, and fetched again if it
// differs.
func TestPullTrustsNoPartialDirectory(t *testing.T) {
	_, ref := aRegistry(t, fixtures.Packing{Format: fixtures.OCI, Layers: fixtures.Gzip})
	first := pullOptions(t, "")
	if _, err := Pull(t.Context(), []string{ref + ":1"}, first); err != nil {
		t.Fatal(err)
	}
	names := blobNames(t, first.Target)
	opt := pullOptions(t, "")
	for _, dir := range []string{"blobs/sha256", "incoming"} {
		if err := os.MkdirAll(filepath.Join(opt.partial(), dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	plant := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(opt.partial(), name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	incoming := func(name string) string { return "incoming/" + strings.Replace(document.BlobDigest(name), ":", "-", 1) }
	plant(names[0], "not this")
	plant(incoming(names[1]), "x")
	plant(incoming(names[2]), strings.Repeat("longer than the blob", 1<<16))
	plant("stray", "left from another time")
	unharmed := plantLinks(t, filepath.Join(opt.partial(), incoming(names[0])), filepath.Join(opt.partial(), "index.json"))
	defer unharmed()
	if err := os.Symlink(outside, filepath.Join(opt.partial(), incoming(names[3]))); err != nil {
		t.Fatal(err)
	}
	var notes []string
	opt.Note = func(text string) { notes = append(notes, text) }
	_, err := Pull(t.Context(), []string{ref + ":1"}, opt)
	if err == nil {
		t.Error("a link out of the partial directory was followed")
	}
	if got, _ := os.ReadFile(outside); string(got) != "mine" {
		t.Errorf("a file outside was written: %q", got)
	}
	if err := os.Remove(filepath.Join(opt.partial(), incoming(names[3]))); err != nil {
		t.Fatal(err)
	}
	if _, err := Pull(t.Context(), []string{ref + ":1"}, opt); err != nil {
		t.Fatal(err)
	}
	checkBlobs(t, opt.Target, names)
	if len(notes) == 0 || !strings.Contains(notes[0], partialSuffix) {
		t.Errorf("notes %q: want one of what was there before", notes)
	}
}

// plantLinks gives one file outside these names too, and returns a check that it stays as it is.
func plantLinks(t *testing.T, names ...string) (unharmed func()) {
	t.Helper()
	linked := filepath.Join(t.TempDir(), "linked")
	err := os.WriteFile(linked, []byte("mine as well, and longer than a document"), 0o600)
	for _, name := range names {
		err = errors.Join(err, os.Link(linked, name))
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		info, err := os.Stat(linked)
		if got, _ := os.ReadFile(linked); !strings.HasPrefix(string(got), "mine as well") || info.Mode() != 0o600 {
			t.Errorf("a file with another name was written: %q, %v, %v", got, info.Mode(), err)
		}
	}
}

// checkBlobs compares the names of the blobs in a layout, and their contents with their names.
func checkBlobs(t *testing.T, dir string, names []string) {
	t.Helper()
	if got := blobNames(t, dir); !slices.Equal(got, names) {
		t.Errorf("holds %v, want %v", got, names)
	}
	for _, name := range names {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := digest.Match(content, document.BlobDigest(name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "stray")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a stray file went into the target")
	}
}

func TestPullLosesNothingThatIsThere(t *testing.T) {
	_, ref := aRegistry(t, fixtures.Packing{Format: fixtures.OCI})
	dir := t.TempDir()
	file, full, empty := filepath.Join(dir, "file"), filepath.Join(dir, "full"), filepath.Join(dir, "empty")
	tarred := filepath.Join(dir, "old.tar")
	for _, name := range []string{file, tarred} {
		if err := os.WriteFile(name, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{full, empty, filepath.Join(dir, "dir.tar")} {
		if err := os.Mkdir(name, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(full, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		target string
		force  bool
		ok     bool
	}{
		{file, false, false}, {file, true, false}, {full, false, false}, {full, true, false}, {tarred, false, false},
		{filepath.Join(dir, "dir.tar"), true, false}, {filepath.Join(dir, "nowhere", "x"), true, false},
		{".", true, false}, {"..", true, false}, {"/", true, false},
		{empty, false, true}, {empty, false, false}, {empty, true, true}, {tarred, true, true},
	} {
		opt := Options{Limits: document.DefaultLimits(), Target: c.target, Force: c.force}
		if _, err := Pull(t.Context(), []string{ref + ":1"}, opt); (err == nil) != c.ok {
			t.Errorf("%s, force %v: %v, want success %v", c.target, c.force, err, c.ok)
		}
	}
	if _, err := os.Stat(filepath.Join(full, "mine")); err != nil {
		t.Error(err)
	}
}

func TestPullWithoutResumeLeavesNothing(t *testing.T) {
	s, ref := aRegistry(t, fixtures.Packing{Format: fixtures.OCI})
	s.Wrong = func(digest string) []byte {
		content, err := os.ReadFile(filepath.Join(s.Dir, document.BlobName(digest)))
		if err != nil || strings.Contains(string(content), "schemaVersion") {
			return nil
		}
		return []byte("wrong")
	}
	for _, c := range []bool{false, true} {
		opt := pullOptions(t, ".tar")
		opt.NoResume = c
		if _, err := Pull(t.Context(), []string{ref + ":1"}, opt); err == nil {
			t.Fatal("wrong blobs were taken")
		}
		if _, err := os.Lstat(opt.partial()); (err == nil) == c {
			t.Errorf("no-resume %v: the partial directory is there: %v", c, err == nil)
		}
	}
}

// The second of two pulls to one target is refused, even with NoResume.
func TestPullSharesItsPartialDirectoryWithNobody(t *testing.T) {
	s, ref := aRegistry(t, fixtures.Packing{Format: fixtures.OCI})
	s.Part, s.Pace = 512, 20*time.Millisecond
	opt := pullOptions(t, ".tar")
	done := make(chan error, 1)
	go func() {
		_, err := Pull(t.Context(), []string{ref + ":1"}, opt)
		done <- err
	}()
	for range 12_000 { // a minute
		if _, err := os.Stat(filepath.Join(opt.partial(), "incoming")); err == nil {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	for _, fresh := range []bool{false, true} {
		second := opt
		second.NoResume = fresh
		if _, err := Pull(t.Context(), []string{ref + ":1"}, second); err == nil || !strings.Contains(err.Error(), "in use") {
			t.Errorf("no-resume %v: %v, want a word that it is in use", fresh, err)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Documents of a few megabytes name hundreds of thousands of blobs, and each costs a request.
func TestPullRefusesTooManyRequests(t *testing.T) {
	_, ref := aRegistry(t, fixtures.Packing{Format: fixtures.OCI, Layers: fixtures.Gzip})
	for most, all := range map[int]bool{3: false, 6: true} { // a manifest, a config, two or more layers
		opt := pullOptions(t, "")
		opt.Limits.Requests, opt.All = most, all
		_, err := Pull(t.Context(), []string{ref + ":1"}, opt)
		want := fmt.Sprintf("requests: %d is over the limit of %d (--limit requests=none lifts it, for trusted input)",
			most+1, most)
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		if left, _ := filepath.Glob(opt.Target + "*"); len(left) > 0 {
			t.Errorf("left %q", left)
		}
	}
}

// What documents say never becomes a name of a file or of an image.
func TestPullTakesNoNameFromDocuments(t *testing.T) {
	s, ref := aRegistry(t, fixtures.Packing{Format: fixtures.OCI, Layers: fixtures.Gzip})
	config, layer := put(t, s.Dir, []byte(`{"architecture":"amd64","os":"linux"}`)), put(t, s.Dir, []byte("layer"))
	const wrong = `"../../../evil\u001b]0;x\u0007\n"`
	image := func(digest string, size int64) []byte {
		const text = `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":%s,"digest":%q,"size":%d},` +
			`"layers":[{"mediaType":%s,"digest":%q,"size":%d,"annotations":{"org.opencontainers.image.title":%s}}]}`
		return fmt.Appendf(nil, text, document.OCIManifest, wrong, config.Digest, config.Size, wrong, digest, size, wrong)
	}
	hex := strings.Repeat("a", 64)
	for _, c := range []struct {
		digest string
		size   int64
		want   string // empty if it is pulled
	}{
		{layer.Digest, layer.Size, ""},
		{layer.Digest, layer.Size - 1, "size"},
		{layer.Digest, layer.Size + 1, "size"},
		{layer.Digest, -1, "size"},
		{layer.Digest, 1 << 62, "layer-bytes"},
		{"sha256:../../../../evil", 5, "digest"},
		{"sha256:" + hex[1:] + "/", 5, "digest"},
		{"../sha256:" + hex, 5, "digest"},
		{"sha256:" + strings.ToUpper(hex), 5, "digest"},
		{"md5:" + hex[:32], 5, "digest"},
		{"", 5, "digest"},
	} {
		m := put(t, s.Dir, image(c.digest, c.size))
		const text = `{"schemaVersion":2,"mediaType":%q,"annotations":{"org.opencontainers.image.ref.name":%s},` +
			`"manifests":[{"mediaType":%q,"digest":%q,"size":%d,"platform":{"os":%s,"architecture":%s},` +
			`"annotations":{"org.opencontainers.image.ref.name":%s,"io.containerd.image.name":%s}}]}`
		top := put(t, s.Dir, fmt.Appendf(nil, text, document.OCIIndex, wrong, document.OCIManifest, m.Digest, m.Size, wrong,
			wrong, wrong, wrong))
		opt := pullOptions(t, "")
		_, err := Pull(t.Context(), []string{ref + "@" + top.Digest}, opt)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q of %d bytes: got %v, want %q", c.digest, c.size, err, c.want)
		}
		if err != nil && strings.ContainsAny(err.Error(), "\x1b\a\n") {
			t.Errorf("%q: a message for a terminal: %q", c.digest, err)
		}
		names, _ := filepath.Glob(filepath.Join(filepath.Dir(opt.Target), "*"))
		if c.want != "" {
			if len(names) > 0 && (len(names) > 1 || names[0] != opt.partial()) {
				t.Errorf("%q: made %q", c.digest, names)
			}
			continue
		}
		var blobs []string
		for _, d := range []document.Descriptor{top, m, config, layer} {
			blobs = append(blobs, document.BlobName(d.Digest))
		}
		slices.Sort(blobs)
		checkBlobs(t, opt.Target, blobs)
		index, err := os.ReadFile(filepath.Join(opt.Target, "index.json"))
		if err != nil || strings.Contains(string(index), "evil") {
			t.Errorf("index.json: %v %s", err, index)
		}
		if len(names) != 1 {
			t.Errorf("made %q", names)
		}
	}
}
