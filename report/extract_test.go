package report_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"layup/fixtures/direct"
)

// What extract cannot do it says before anything is written, with what to type instead.
func TestExtractSaysWhatItDoesNotDo(t *testing.T) {
	image := direct.Pack(t, "myfile")
	t.Chdir(t.TempDir())
	for _, dir := range []string{"full/x", "layout/empty"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile("full/old.tar", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", "dangling"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ say, args, err string }{
		{"no target", "IMAGE", "layup: extract: -C or -o is missing: it names where to extract to\nlayup: hint: -C DIR " +
			"makes a directory, -o FILE.tar a tar, -o - writes it to the standard output\n"},
		{"two targets", "IMAGE -C x -o x.tar", "layup: extract: -C and -o exclude each other\n"},
		{"a full directory", "IMAGE -C full", "layup: -C \"full\": is not empty\nlayup: hint: name a new directory, or an " +
			"empty one\n"},
		{"no parent", "IMAGE -C none/x/", "layup: -C \"none\": no such file or directory\nlayup: hint: mkdir -p none\n"},
		{"a dangling link", "IMAGE -C dangling", "layup: -C \"dangling\": is a dangling symlink\n"},
		{"a file", "IMAGE -C full/old.tar", "layup: -C \"full/old.tar\": exists and is not a directory\n"},
		{"a directory by force", "IMAGE -C full --force", "layup: extract: --force replaces the file that -o names; no " +
			"directory is ever replaced\nlayup: hint: name a new directory, or an empty one\n"},
		{"inside the source", "oci:layout -C layout/new", "layup: -C \"layout/new\": lies in \"oci:layout\", which is read " +
			"and not to be changed\nlayup: hint: choose a directory elsewhere\n"},
		{"inside the source, empty", "layout -C ./layout/empty", "layup: -C \"./layout/empty\": lies in \"layout\", which " +
			"is read and not to be changed\nlayup: hint: choose a directory elsewhere\n"},
		{"a file that is there", "IMAGE -o full/old.tar", "layup: -o \"full/old.tar\": exists\nlayup: hint: --force " +
			"replaces it\n"},
		{"two views", "IMAGE --layer 1 --deleted -C x", "layup: extract: --layer, --upto, --deleted and --layer-tar " +
			"exclude each other\n"},
		{"a part of a layer's tar", "IMAGE /etc --layer-tar 1 -o x.tar",
			"layup: extract: --layer-tar writes one layer's tar as it is: neither PATH nor -C nor --strip applies\nlayup: " +
				"hint: layup extract --layer N -C DIR  extracts what a layer wrote\n"},
		{"a layer that is not there", "IMAGE --layer 7 -C x", "layup: IMAGE: --layer 7: the image has the layers 0 to 6\n"},
		{"a layer that is not there, as a tar", "IMAGE --layer-tar 7 -o x.tar",
			"layup: IMAGE: --layer-tar 7: the image has the layers 0 to 6\n"},
		{"all images", "IMAGE --all -C x", "layup: extract: --all does not apply: it takes one image\nlayup: hint: layup " +
			"images IMAGE  lists them\n"},
		{"a document", "IMAGE -f json -C x", "layup: extract: --format does not apply: it writes no document\n"},
	} {
		got := direct.Layup(t, append([]string{"extract"}, strings.Fields(strings.ReplaceAll(c.args, "IMAGE", image))...)...)
		if err := strings.ReplaceAll(got.Err, image, "IMAGE"); err != c.err || got.Status != 2 || got.Out != "" {
			t.Errorf("%s: exit %d, stdout %q, stderr\n%s\nwant exit 2 and\n%s", c.say, got.Status, got.Out, err, c.err)
		}
	}
	for _, name := range []string{"x", "x.tar", "none", "nowhere", "layout/new"} {
		if _, err := os.Lstat(name); err == nil {
			t.Errorf("%s was made", name)
		}
	}
}

func TestExtractSaysWhatIsNotThere(t *testing.T) {
	image := direct.Pack(t, "myfile")
	dir := filepath.Join(t.TempDir(), "out")
	for _, c := range []struct{ args, err string }{
		{"/etc/MYFIL", "\"/etc/MYFIL\": no such path in the image\nlayup: hint: did you mean layup extract IMAGE " +
			"/etc/MYFILE -C DIR?\n"},
		{"*.nope", "nothing matches '*.nope'\n"},
		{"/etc/MYFILE --strip 2", "--strip 2 leaves nothing of any path\n"},
		{"/etc/MYFILE --layer 4", "\"/etc/MYFILE\": nothing there in layer 4\nlayup: hint: written by layer 1, 2, 3, 6\n"},
	} {
		got := direct.Layup(t, append([]string{"extract", image, "-q", "-C", dir}, strings.Fields(c.args)...)...)
		err := strings.NewReplacer(image, "IMAGE", dir, "DIR").Replace(got.Err)
		if err != "layup: IMAGE: "+c.err || got.Status != 1 {
			t.Errorf("%s: exit %d, %s", c.args, got.Status, err)
		}
		if _, err := os.Lstat(dir); err == nil {
			t.Fatalf("%s: a directory was made", c.args)
		}
	}
}
