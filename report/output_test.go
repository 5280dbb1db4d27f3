package report_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"layup/fixtures"
	"layup/fixtures/direct"
	"layup/report"
	"layup/report/call"
)

// full is a disk with room for so many bytes.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	if len(p) > f.left {
		return 0, &fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}
	}
	f.left -= len(p)
	return len(p), nil
}

func TestFailingOutputIsExitTwoInEveryFormat(t *testing.T) {
	image := direct.Write(t, "deep.tar", fixtures.Deep(60))
	for _, format := range []string{"table", "json", "jsonl", "csv", "tsv", "{{.path}}", "table {{.path}}"} {
		for _, room := range []int{0, 100, 4096} {
			if strings.Contains(format, "{{") && room == 4096 {
				continue // holds all
			}
			var stderr bytes.Buffer
			status := report.Main(t.Context(), []string{"find", "-q", "-f", format, image}, nil, &full{room}, &stderr)
			if status != 2 || stderr.String() != "layup: write stdout: no space left on device\n" {
				t.Errorf("%s, room for %d: exit %d: %s", format, room, status, stderr.String())
			}
		}
	}
	for _, args := range [][]string{{"help"}, {"version"}, {"completion", "bash"}, {"tree", "-q", image}, {"layers", "-q",
		image}, {"images", image}, {"hidden", "-q", image}, {"cat", "-q", image, "/srv/file000"}, {"find", "-q", "-0",
		image}} {
		var stderr bytes.Buffer
		if status := report.Main(t.Context(), args, nil, &full{}, &stderr); status != 2 ||
			stderr.String() != "layup: write stdout: no space left on device\n" {
			t.Errorf("layup %q: exit %d: %s", args, status, stderr.String())
		}
	}
}

func TestTarThatCannotBeWrittenIsExitTwo(t *testing.T) {
	image := direct.Image(t, "large", "layer ADD\nf 0644 0:0 large \"0123456789abcdef\" repeat=20000\n")
	var stderr bytes.Buffer
	status := report.Main(t.Context(), []string{"extract", "-q", "-o", "-", image}, nil, &full{100_000}, &stderr)
	if status != 2 || stderr.String() != "layup: write stdout: no space left on device\n" {
		t.Errorf("exit %d: %s", status, stderr.String())
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	stderr.Reset()
	status = report.Main(t.Context(), []string{"extract", "-q", "-o", "-", image}, nil, w, &stderr)
	if status != 0 || stderr.Len() > 0 {
		t.Errorf("a reader that goes away: exit %d: %s", status, stderr.String())
	}
}

func TestClosedPipeEndsQuietly(t *testing.T) {
	image := direct.Write(t, "deep.tar", fixtures.Deep(60))
	for _, format := range []string{"table", "json", "jsonl", "{{.path}}"} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		var stderr bytes.Buffer
		if status := report.Main(t.Context(), []string{"find", "-f", format, image, "nothing*", "file*"}, nil, w,
			&stderr); status != 0 || stderr.Len() > 0 {
			t.Errorf("%s: exit %d: %s", format, status, stderr.String())
		}
	}
}

// closing is an output that fails to close, as a file on a network may.
type closing struct{ bytes.Buffer }

func (c *closing) Close() error { return syscall.EIO }

func TestFailingCloseIsExitTwo(t *testing.T) {
	var stderr bytes.Buffer
	if status := report.Main(t.Context(), []string{"version"}, nil, &closing{}, &stderr); status != 2 ||
		stderr.String() != "layup: write stdout: input/output error\n" {
		t.Errorf("exit %d: %s", status, stderr.String())
	}
}

func TestOutputFileIsReplacedWhole(t *testing.T) {
	image, dir := direct.Pack(t, "myfile"), t.TempDir()
	file, link := filepath.Join(dir, "out.csv"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, []byte("old"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(file, 0o666); err != nil { // more than the usual umask leaves
		t.Fatal(err)
	}
	if err := os.Symlink("out.csv", link); err != nil {
		t.Fatal(err)
	}
	if got := direct.Layup(t, "ls", "-q", "-f", "csv", "-o", link, image, "/no/such/{{"); got.Status != 1 {
		t.Errorf("nothing found: exit %d %s", got.Status, got.Err)
	}
	want := direct.Layup(t, "ls", "-R", "-f", "csv", image).Out
	if got := direct.Layup(t, "ls", "-R", "-f", "csv", "-o", link, image); got.Status != 0 || got.Out != "" {
		t.Errorf("exit %d, %q %s", got.Status, got.Out, got.Err)
	}
	data, err := os.ReadFile(file)
	if err != nil || string(data) != want {
		t.Errorf("%v: got\n%s\nwant\n%s", err, data, want)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o666 {
		t.Errorf("mode %v, %v: want that of the old file", info.Mode(), err)
	}
	if to, err := os.Readlink(link); err != nil || to != "out.csv" {
		t.Errorf("the symlink has become %q, %v", to, err)
	}
	left(t, dir, "link", "out.csv")
}

// left checks the content of a directory.
func left(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	direct.Expect(t, dir, got, want...)
}

func TestFailedAnswerLeavesTheOldFile(t *testing.T) {
	image, dir := direct.Pack(t, "myfile"), t.TempDir()
	file := filepath.Join(dir, "out")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"ls", "-f", "{{range .path}}{{end}}{{.nosuch.x}}", image}, {"cat", image, "/etc"}, {"ls", image + "x"},
		{"ls", "--upto", "99", image}, {"ls", "--zzz", image},
	} {
		got := direct.Layup(t, append(args, "-o", file)...)
		if data, err := os.ReadFile(file); err != nil || string(data) != "old" || got.Status != 2 {
			t.Errorf("layup %q: exit %d, %v, %q", args, got.Status, err, data)
		}
	}
	left(t, dir, "out")
}

func TestOutputThatCannotBeIsRefusedBeforeReading(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{dir: "is a directory; name a file", filepath.Join(dir, "no",
		"x"): "is not a directory"} {
		got := direct.Layup(t, "ls", "-o", name, "nosuch.tar")
		if got.Status != 2 || !strings.Contains(got.Err, want) || strings.Contains(got.Err, "nosuch") {
			t.Errorf("-o %s: exit %d, %s", name, got.Status, got.Err)
		}
	}
	left(t, dir)
}

func TestOutputNeverReplacesWhatIsRead(t *testing.T) {
	image := direct.Pack(t, "myfile")
	dir := filepath.Dir(image)
	link, hard, layout := filepath.Join(dir, "link"), filepath.Join(dir, "hard"), filepath.Join(dir, "layout")
	index := filepath.Join(layout, "blobs", "index.json")
	before, err := os.ReadFile(image)
	for _, err := range []error{err, os.Symlink(image, link), os.Link(image, hard), os.MkdirAll(filepath.Dir(index),
		0o700), os.WriteFile(index, []byte("{}"), 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ say, out, args string }{
		{"itself", image, "ls IMAGE"}, {"by a symlink", link, "layers IMAGE"}, {"by a hard link", hard,
			"owner IMAGE /bin/sh"}, {"read through a link", image, "ls LINK"},
		{"with the kind before it", image, "ls docker-archive:IMAGE"}, {"with kind and reference", image,
			"ls docker-archive:IMAGE:shop:1.2"},
		{"one of several", image, "find --name x LINK IMAGE"}, {"raw content", image, "cat IMAGE /bin/sh"},
		{"its list of images", image, "images IMAGE"},
		{"a file of a directory", index, "ls " + layout}, {"a file of a layout", index, "ls oci:" + layout + ":1.2"},
	} {
		args := strings.Fields(strings.NewReplacer("IMAGE", image, "LINK", link).Replace(c.args))
		got := direct.Layup(t, append(args, "-o", c.out)...)
		if got.Status != 2 || !strings.HasPrefix(got.Err, "layup: -o ") || !strings.Contains(got.Err,
			"it would be lost\nlayup: hint: ") {
			t.Errorf("%s: exit %d, %s", c.say, got.Status, got.Err)
		}
	}
	stdin, err := os.Open(image)
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	var stdout, stderr bytes.Buffer
	if status := report.Main(t.Context(), []string{"ls", "-", "-o", image}, stdin, &stdout, &stderr); status != 2 ||
		!strings.Contains(stderr.String(), "it would be lost") {
		t.Errorf("as standard input: exit %d, %s", status, stderr.String())
	}
	if after, err := os.ReadFile(image); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the image is another: %v", err)
	}
	if got := direct.Layup(t, "ls", image, "-o", filepath.Join(dir, "beside")); got.Status != 0 {
		t.Errorf("a file beside it: exit %d, %s", got.Status, got.Err)
	}
}

func TestOutputToADeviceIsWrittenAsItIs(t *testing.T) {
	if got := direct.Layup(t, "version", "-o", os.DevNull); got.Status != 0 || got.Out != "" {
		t.Errorf("exit %d, %q %s", got.Status, got.Out, got.Err)
	}
	if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
		t.Fatalf("%s: %v %v", os.DevNull, info.Mode(), err)
	}
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	if got := direct.Layup(t, "version", "-o", "/dev/full"); got.Status != 2 ||
		got.Err != "layup: write /dev/full: no space left on device\n" {
		t.Errorf("exit %d, %s", got.Status, got.Err)
	}
}

// damaged is an archive with a wrong byte in layer 2.
func damaged(t *testing.T) string {
	t.Helper()
	data, err := fixtures.Packing{Name: "docker-save-20", Format: fixtures.Docker20}.Pack(direct.Load(t, "myfile"))
	if err != nil {
		t.Fatal(err)
	}
	i := bytes.Index(data, []byte("hunter2\n\x00"))
	if i < 0 {
		t.Fatal("the content is not in the archive")
	}
	data[i] ^= 1
	file := filepath.Join(t.TempDir(), "damaged.tar")
	direct.Put(t, file, data)
	return file
}

func TestDamageLeavesStandardOutputEmpty(t *testing.T) {
	file := damaged(t)
	for _, args := range [][]string{{"ls", file}, {"owner", file, "/bin/sh"}, {"find", file}, {"cat", file, "/bin/sh"},
		{"layers", file, "-f", "json"}, {"ls", "--all", file}} {
		got := direct.Layup(t, args...)
		if got.Status != 2 || got.Out != "" || !strings.Contains(got.Err, "layer 2 (") || !strings.Contains(got.Err,
			"want sha256:") {
			t.Errorf("layup %q: exit %d, %q, %s", args, got.Status, got.Out, got.Err)
		}
		if !strings.HasSuffix(got.Err, "layup: hint: the file may be damaged in transfer; --keep-going answers from what "+
			"can be read\n") {
			t.Errorf("layup %q: no advice: %s", args, got.Err)
		}
		if got = direct.Layup(t, append(args, "--no-verify")...); got.Status != 0 {
			t.Errorf("layup %q --no-verify: exit %d, %s", args, got.Status, got.Err)
		}
		if got = direct.Layup(t, append(args, "--keep-going")...); got.Status != 3 || got.Out == "" ||
			!strings.Contains(got.Err, "layer 2 (") {
			t.Errorf("layup %q --keep-going: exit %d, %q, %s", args, got.Status, got.Out, got.Err)
		}
	}
	got := direct.Layup(t, "owner", "--keep-going", "-f", "json", file, "/nosuch")
	if !strings.Contains(got.Err, `"/nosuch": no such path in what could be read of the image`) {
		t.Errorf("it is not said that something could not be read: %s", got.Err)
	}
	if !strings.Contains(got.Out, `"errors":[{"layer":2,"message":"`) || got.Status != 3 {
		t.Errorf("exit %d, %s", got.Status, got.Out)
	}
	for format, want := range map[string]string{"json": `"pass":false`,
		"table": "\nthe rule holds; without what could not be read of 1 layer\n",
		"sarif": `"executionSuccessful":false`, "junit": `errors="1"`} {
		if got := direct.Layup(t, "check", "--keep-going", "--config", direct.Rules(t, ""), "--max-layers", "1000", "-f",
			format, file); got.Status != 3 || !strings.Contains(got.Out, want) {
			t.Errorf("a gate passes what could not be read whole: exit %d, %s", got.Status, got.Out)
		}
	}
}

// No number of a layer that was not read whole looks like any other.
func TestNumbersOfADamagedLayerAreMarked(t *testing.T) {
	file := damaged(t)
	for _, c := range []struct{ args, want, never string }{
		{"layers", "over +", ""},
		{"layers -f jsonl", `"partial":true`, ""},
		{"inspect", `"Id"`, `"Size":`},
		{"history --format {{.Size}}", "\n-\n", ""},
		{"du", "; without what could not be read of 1 layer\n", ""},
		{"ls -l", "  over ", ""},
		{"ls -l -f jsonl", `,"partial":true`, ""},
		{"tree --sizes", "] over ", ""},
	} {
		args := strings.Fields(c.args)
		got := direct.Layup(t, append(append(args[:1:1], "--keep-going", file), args[1:]...)...)
		if got.Status != 3 || !strings.Contains(got.Out, c.want) || c.never != "" && strings.Contains(got.Out, c.never) {
			t.Errorf("%s: exit %d, %s%s", c.args, got.Status, got.Out, got.Err)
		}
	}
	got := direct.Layup(t, "inspect", "--keep-going", "-f", "{{.Size}}", file)
	if got.Status != 1 || !strings.Contains(got.Err, ".Size is not known: the layers were not all read") {
		t.Errorf("exit %d, %s%s", got.Status, got.Out, got.Err)
	}
}

func TestInterruptedCommandReturns(t *testing.T) {
	r, w, err := os.Pipe() // nobody ever writes
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	defer r.Close()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	var stdout, stderr bytes.Buffer
	report.Main(ctx, []string{"ls", "-"}, r, &stdout, &stderr) // without the cancellation it never returns
	if stdout.Len() > 0 || stderr.Len() > 0 {
		t.Errorf("%q %q", stdout.String(), stderr.String())
	}
}

func TestInterruptedOutputLeavesNoFile(t *testing.T) {
	image, dir := direct.Write(t, "deep.tar", fixtures.Deep(60)), t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	report.Main(ctx, []string{"find", "-o", filepath.Join(dir, "out"), image}, nil, &stdout, &stderr)
	time.Sleep(10 * time.Millisecond)
	left(t, dir)
}

func TestProfilesAreWrittenWhereAskedAndNotInTheHelp(t *testing.T) {
	dir, image := t.TempDir(), direct.Pack(t, "myfile")
	for _, name := range []string{"cpuprofile", "memprofile", "trace"} {
		file := filepath.Join(dir, name)
		got := direct.Layup(t, "owner", "--"+name, file, image, "/etc/MYFILE")
		info, err := os.Stat(file)
		if got.Status != call.Answered || err != nil || info.Size() == 0 {
			t.Errorf("--%s: exit %d %s, %v", name, got.Status, got.Err, err)
		}
		if help := direct.Layup(t, "help", "owner"); strings.Contains(help.Out, name) {
			t.Errorf("help owner speaks of --%s", name)
		}
	}
}
