package report_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"layup/fixtures/direct"
	"layup/report"
)

func TestWrongCommandLinesSayWhatIsMeant(t *testing.T) {
	for _, c := range []struct{ say, args, err string }{
		{"a misspelled command", "onwer x /y", "layup: unknown command \"onwer\"\nlayup: hint: did you mean layup owner?\n"},
		{"an unknown command", "zzz", "layup: unknown command \"zzz\"\nlayup: hint: layup help  lists the commands\n"},
		{"a file in the command's place", "report.go", "layup: unknown command \"report.go\"\nlayup: hint: a command comes " +
			"first: layup ls report.go\n"},
		{"a misspelled flag", "ls --fromat json x",
			"layup: ls: unknown flag --fromat\nlayup: hint: did you mean --format?\n"},
		{"a misspelled flag before the command", "--fromat json ls x",
			"layup: unknown flag --fromat\nlayup: hint: did you mean --format?\n"},
		{"an unknown flag", "ls --zzzzzz x", "layup: ls: unknown flag --zzzzzz\nlayup: hint: layup help ls\n"},
		{"an unknown letter", "ls -lZ x", "layup: ls: unknown flag -Z\nlayup: hint: layup help ls\n"},
		{"a command's own flag before the command", "-l ls x", "layup: unknown flag -l\nlayup: hint: a command's own flags " +
			"follow its name: layup ls -l IMAGE\n"},
		{"a misspelled flag in find's spelling", "find x -nmae y",
			"layup: find: unknown flag -n\nlayup: hint: did you mean --name?\n"},
		{"a flag without its value", "find x --size", "layup: find: --size needs a value: SIZE\n"},
		{"a word that the flag does not take", "ls --view run x", "layup: ls: --view: \"run\": not one of runtime, spec; " +
			"did you mean runtime?\n"},
		{"a number that is none", "ls --depth -1 x", "layup: ls: --depth: \"-1\": not a number from 0 on\n"},
		{"no image", "ls", "layup: ls: IMAGE is missing\nlayup: hint: usage: layup ls [flags] IMAGE [PATH]  (IMAGE is a " +
			"file, a directory, or - for standard input)\n"},
		{"no shell", "completion", "layup: completion: bash or zsh or fish is missing\nlayup: hint: usage: layup " +
			"completion [flags] bash|zsh|fish\n"},
		{"an image's name in the command's place", "nginx:1.2",
			"layup: unknown command \"nginx:1.2\"\nlayup: hint: a command comes first, and an image is a file: docker save -o " +
				"image.tar nginx:1.2 && layup ls image.tar\n"},
		{"a missing archive in the command's place", "no/such.tar.gz",
			"layup: unknown command \"no/such.tar.gz\"\nlayup: hint: a command comes first, and there is no such file: " +
				"layup ls IMAGE\n"},
		{"docker's word", "cp x", "layup: unknown command \"cp\"\nlayup: hint: layup cat IMAGE PATH  writes one file, " +
			"layup extract IMAGE -C DIR  all of them\n"},
		{"a word for packages", "sbom x", "layup: unknown command \"sbom\"\nlayup: hint: layup packages -f cyclonedx " +
			"IMAGE  writes one, -f spdx another\n"},
		{"a word for directories", "mount x", "layup: unknown command \"mount\"\nlayup: hint: layup unpack --overlay2 " +
			"IMAGE DIR  lays the layers out, and says how to mount them\n"},
		{"another tool's word", "blame x", "layup: unknown command \"blame\"\nlayup: hint: layup owner IMAGE PATH  names " +
			"the layer that wrote it, layup log IMAGE PATH  every one that touched it\n"},
		{"ls's letters", "ls -lh x", "layup: ls: -lh asks for help\nlayup: hint: -l: sizes are already for people, and " +
			"nothing is left out of a listing: a leading dot hides no name\n"},
		{"the letter of ls that shows dots", "ls -la x", "layup: ls: unknown flag -a\nlayup: hint: nothing is left out of " +
			"a listing: a leading dot hides no name\n"},
		{"find's flag for either case", "find x -iname y", "layup: find: unknown flag -iname\nlayup: hint: layup find -i " +
			"--name PATTERN IMAGE\n"},
		{"find's flag for levels", "find x -maxdepth 1", "layup: find: unknown flag -maxdepth\nlayup: hint: a pattern says " +
			"how deep: '/etc/*' is one level, '/etc/**' all of them; or layup ls --depth N IMAGE /etc\n"},
		{"tree's letter for levels", "tree -L 1 x", "layup: tree: unknown flag -L\nlayup: hint: --depth N\n"},
		{"an empty name for -o", "ls --output= x", "layup: -o: the name of the file is empty\nlayup: hint: - is the " +
			"standard output; a variable of a script may be unset\n"},
		{"where to search beside --name", "find --name y nosuch.tar nosuch",
			"layup: nosuch.tar: no such file\nlayup: nosuch: no such file\nlayup: hint: a name is always a file here; in a " +
				"running engine it is docker-daemon:nosuch, in a registry docker://nosuch\nlayup: hint: " +
				"with --name every argument is an image; a directory to search is " +
				"part of a pattern: '/etc/**/*.conf'\n"},
		{"no path", "owner x", "layup: owner: PATH is missing\nlayup: hint: usage: layup owner [flags] IMAGE PATH...\n"},
		{"too many arguments", "ls x y z", "layup: ls: one argument too many: \"z\"\nlayup: hint: usage: layup ls [flags] " +
			"IMAGE [PATH]\n"},
		{"no terminal to browse in", "browse x", "layup: browse: needs a terminal for input and output\nlayup: hint: " +
			"layup ls -R x  lists the files anywhere\n"},
		{"an unknown format", "ls -f jsn x", "layup: unknown --format \"jsn\": it is table, json, jsonl, csv, tsv, " +
			"markdown, schema, or a Go template such as '{{.path}}'; did you mean json?\n"},
		{"a format for raw bytes", "cat -f json x y", "layup: cat: --format does not apply: it writes no document\n"},
		{"a limit without a value", "ls --limit path x", "layup: --limit \"path\": want NAME=VALUE\n"},
		{"both kinds of versions", "find x --live --hidden", "layup: find: --live and --hidden exclude each other\nlayup: " +
			"hint: without both, versions of either kind are listed\n"},
		{"two layers", "ls x --layer 1 --upto 2", "layup: ls: --layer excludes --upto and --depth\nlayup: hint: --upto N " +
			"is the view after layer N; --layer N what layer N holds itself\n"},
		{"a bad type", "find x -type q", "layup: find: --type \"q\": not one of f, d, l, c, b, p\n"},
		{"a bad size", "find x --size 10Mb", "layup: find: --size \"10Mb\": not a size like 840, 4KiB or 1.5MB\n"},
		{"a bad pattern", "find x [a]b[", "layup: find: \"[a]b[\": not a pattern\nlayup: hint: a backslash before [ ] { } " +
			"and \\ makes them mean themselves\n"},
		{"an unknown shell", "completion tcsh", "layup: completion: unknown shell \"tcsh\"\nlayup: hint: usage: layup " +
			"completion bash|zsh|fish\n"},
		{"help of an unknown command", "help fnd", "layup: unknown command \"fnd\"\nlayup: hint: did you mean layup find?\n"},
		{"a file that is not there", "ls nosuch.tar", "layup: nosuch.tar: no such file\n"},
	} {
		t.Run(c.say, func(t *testing.T) {
			got := direct.Layup(t, strings.Fields(c.args)...)
			if got.Err != c.err || got.Status != 2 || got.Out != "" {
				t.Errorf("layup %s: exit %d, stdout %q, stderr\n%s\nwant exit 2 and\n%s", c.args, got.Status, got.Out, got.Err,
					c.err)
			}
		})
	}
}

func TestEmptyPathIsAMistakeAndNotTheRoot(t *testing.T) {
	image := direct.Pack(t, "myfile")
	for _, command := range []string{"owner", "log", "ls", "tree", "cat"} {
		want := "layup: " + command + ": PATH is empty\nlayup: hint: / is the root; a variable of a script may be unset\n"
		if got := direct.Layup(t, command, image, ""); got.Err != want || got.Status != 2 || got.Out != "" {
			t.Errorf("%s: exit %d, %q, %s", command, got.Status, got.Out, got.Err)
		}
	}
}

func TestImageAfterThePathIsNoticed(t *testing.T) {
	image := direct.Pack(t, "myfile")
	for _, command := range []string{"owner", "log", "ls", "tree", "cat"} {
		hint := "layup: hint: IMAGE comes before PATH: layup " + command + " " + image + " report.go\n"
		if got := direct.Layup(t, command, "report.go", image); got.Status != 2 || !strings.HasSuffix(got.Err, hint) {
			t.Errorf("%s: exit %d, %s want %s", command, got.Status, got.Err, hint)
		}
		if got := direct.Layup(t, command, image+"x", image); strings.Contains(got.Err, "comes before") {
			t.Errorf("%s: two archives are taken for swapped: %s", command, got.Err)
		}
	}
}

func TestCommonFlagsStandBeforeOrAfterTheCommand(t *testing.T) {
	image := direct.Pack(t, "myfile")
	want := direct.Layup(t, "ls", image, "-f", "csv", "/etc").Out
	for _, args := range [][]string{
		{"-f", "csv", "ls", image, "/etc"}, {"--format=csv", "ls", image, "/etc"}, {"ls", "-fcsv", image, "/etc"},
		{"ls", "--format", "csv", "--", image, "/etc"},
		{"-q", "ls", image, "/etc", "--format", "csv"},
	} {
		if got := direct.Layup(t, args...); got.Out != want || got.Status != 0 {
			t.Errorf("layup %q: exit %d\n%s\nwant\n%s", args, got.Status, got.Out, want)
		}
	}
}

func TestFindTakesFindsSpelling(t *testing.T) {
	image := direct.Pack(t, "myfile")
	want := direct.Layup(t, "find", "--name", "MYFILE", "--type", "f", image).Out
	if want == "" {
		t.Fatal("find finds nothing")
	}
	for _, args := range [][]string{{"-name", "MYFILE", "-type", "f"}, {"-type=f", "-name=MYFILE"}, {"--name", "-type",
		"-name", "MYFILE", "-type", "f"}} {
		if got := direct.Layup(t, append([]string{"find", image}, args...)...); got.Out != want {
			t.Errorf("find %q:\n%s\nwant\n%s", args, got.Out, want)
		}
	}
}

func TestEveryHelpIsWhole(t *testing.T) {
	for _, r := range report.All() {
		if r.Hidden {
			continue
		}
		text := direct.Layup(t, "help", r.Name).Out
		for _, want := range []string{"Usage: layup " + r.Name, "Exit status:\n  0  answered\n", "  2  could not answer",
			"  3  answered in part", "130 and 143", "layup help flags", "\n\nExamples:\n  "} {
			if !strings.Contains(text, want) {
				t.Errorf("help %s does not say %q", r.Name, want)
			}
		}
		reads := strings.HasPrefix(r.Args, "IMAGE") || r.Args == "SOURCE..." || strings.HasPrefix(r.Args, "docker://")
		if strings.Contains(text, "--image, --all") != reads {
			t.Errorf("help %s: reads images %v, but shows that it does %v", r.Name, reads, !reads)
		}
		if strings.Contains(text, "--format FORMAT") == r.Plain {
			t.Errorf("help %s: writes a document %v, but shows --format %v", r.Name, !r.Plain, r.Plain)
		}
		usage, examples := strings.Index(text, "Usage:"), strings.Index(text, "\nExamples:")
		flags, status := strings.Index(text, "\nFlags of "+r.Name), strings.Index(text, "\nExit status:")
		if usage > examples || flags >= 0 && examples > flags || flags > status {
			t.Errorf("help %s: want usage, examples, flags, exit status in this order:\n%s", r.Name, text)
		}
		for _, line := range direct.Lines(text) {
			if utf8.RuneCountInString(line) > 80 {
				t.Errorf("help %s: wider than 80 columns: %s", r.Name, line)
			}
		}
		for _, args := range [][]string{{r.Name, "--help"}, {r.Name, "-h", "x"}, {"--help", r.Name}, {"-h", r.Name}} {
			if got := direct.Layup(t, args...); got.Out != text || got.Status != 0 {
				t.Errorf("layup %q is not layup help %s: exit %d", args, r.Name, got.Status)
			}
		}
	}
}

func TestLayupAloneListsTheCommands(t *testing.T) {
	want := direct.Layup(t, "help")
	for _, r := range report.All() {
		if listed := strings.Contains(want.Out, "  "+r.Name+" "); listed == r.Hidden && r.Name != "help" {
			t.Errorf("%s: listed %v", r.Name, listed)
		}
		if len(r.Brief) > 25 {
			t.Errorf("%s: %q is longer than 25 characters", r.Name, r.Brief)
		}
	}
	if n := strings.Count(want.Out, "\n"); n > 23 {
		t.Errorf("%d lines leave no room for the prompt on a terminal of 24", n)
	}
	for _, args := range [][]string{nil, {"--help"}, {"-h"}} {
		if got := direct.Layup(t, args...); got != want || got.Status != 0 {
			t.Errorf("layup %q: exit %d, %q", args, got.Status, got.Err)
		}
	}
	for _, line := range direct.Lines(want.Out) {
		if utf8.RuneCountInString(line) > 80 {
			t.Errorf("wider than 80 columns: %s", line)
		}
	}
}

// The manual has a page for each command, without a mistake that mandoc finds.
func TestManualIsLinted(t *testing.T) {
	pages := report.Manual("2026-11-30", "1.0.0")
	if len(pages) < 20 {
		t.Errorf("%d pages", len(pages))
	}
	if _, err := exec.LookPath("mandoc"); err != nil {
		t.Skip("mandoc is not installed: the pages are not linted")
	}
	for name, page := range pages {
		cmd := exec.CommandContext(t.Context(), "mandoc", "-Tlint", "-Wwarning")
		cmd.Stdin = strings.NewReader(page)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// Each flag of every command stands in one place.
func TestHelpOfFlagsAndSources(t *testing.T) {
	flags, sources := direct.Layup(t, "help", "flags").Out, direct.Layup(t, "help", "sources").Out
	for _, want := range []string{"\n  -o, --output FILE", "\n      --platform OS/ARCH", "\n      --no-verify",
		"\n      --offline", "\n      --subid START"} {
		if !strings.Contains(flags, want) {
			t.Errorf("help flags does not explain %s", want)
		}
	}
	for _, want := range []string{"docker-root:", "containers-storage:", "containerd-root:", "registry-root:",
		"docker-daemon:", "docker://", "oci:", "docker-archive:", "oci-archive:", "dir:"} {
		if !strings.Contains(sources, want) {
			t.Errorf("help sources does not explain %s", want)
		}
	}
}

func TestVersionIsAFlagToo(t *testing.T) {
	want := direct.Layup(t, "version", "-f", "json")
	if !strings.Contains(want.Out, `"schemaVersion":1,"command":"version"`) || want.Status != 0 {
		t.Errorf("version: exit %d: %s%s", want.Status, want.Out, want.Err)
	}
	if got := direct.Layup(t, "--version", "--format", "json"); got != want {
		t.Errorf("--version: got %v want %v", got, want)
	}
}

// What the help says of exit status 1 is true: each command that can answer no does, and the others never say so.
func TestTheHelpSaysWhichCommandsAnswerNo(t *testing.T) {
	one, other := direct.Pack(t, "myfile"), direct.Pack(t, "links")
	no := map[string]string{
		"owner": "ONE /no", "log": "ONE /no", "find": "ONE no", "ls": "ONE /no", "tree": "ONE /no", "hidden": "ONE no",
		"du": "ONE /no", "diff": "ONE OTHER", "check": "--max-layers 1 ONE", "cat": "ONE /no", "extract": "ONE /no -C out",
		"packages": "--name no ONE", "secrets": "ONE", "cache": "verify",
		"verify": "--expect sha256:" + strings.Repeat("0", 64) + " ONE", "inspect": "no.tar", "history": "no.tar",
	}
	yes := map[string]string{
		"waste": "ONE", "layers": "ONE", "images": "ONE", "log": "ONE /etc/MYFILE", "diff": "ONE ONE", "verify": "ONE",
		"hidden": "--sensitive --min-size 1GB ONE", "packages": "ONE", "check": "--max-layers 9 ONE", "secrets": "OTHER",
		"cache": "ls",
	}
	dir := t.TempDir()
	t.Setenv("LAYUP_CACHE_DIR", dir)
	if os.Chmod(dir, 0o700) != nil ||
		os.WriteFile(filepath.Join(dir, "seal-"+strings.Repeat("0", 64)), []byte("damaged"), 0o600) != nil {
		t.Fatal("no cache")
	}
	t.Chdir(t.TempDir())
	for _, r := range report.All() {
		if r.Hidden {
			continue
		}
		help := direct.Layup(t, "help", r.Name).Out
		args, says := no[r.Name]
		if says == strings.Contains(help, "the answer is no (never for this command)") {
			t.Errorf("%s: can it answer no? The help says: %s", r.Name, help[strings.Index(help, "Exit status"):])
		}
		for status, line := range []string{yes[r.Name], args} {
			words := strings.Fields(strings.NewReplacer("ONE", one, "OTHER", other).Replace(line))
			if line == "" {
				continue
			}
			if got := direct.Layup(t, append([]string{r.Name}, words...)...); got.Status != status {
				t.Errorf("%s %s: exit %d, want %d: %s", r.Name, line, got.Status, status, got.Err)
			}
		}
	}
}
