package complete_test

import (
	"os/exec"
	"strings"
	"testing"

	"layup/fixtures/direct"
)

// offered returns the candidates without their explanations, then the directive.
func offered(t *testing.T, args ...string) string {
	t.Helper()
	got := direct.Layup(t, append([]string{"__complete"}, args...)...)
	if got.Status != 0 || got.Err != "" {
		t.Errorf("%q: exit %d: %s", args, got.Status, got.Err)
	}
	var words []string
	for _, line := range direct.Lines(got.Out) {
		word, _, _ := strings.Cut(line, "\t")
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func TestCompletionKnowsCommandsFlagsAndValues(t *testing.T) {
	for _, c := range []struct {
		words string // the last is being typed
		want  string // the candidates without their explanations
	}{
		{"fin", "find :4"}, {"help hid", "hidden :4"}, {"-q own", "owner :4"}, {"-f json own", "owner :4"}, {"completion f",
			"fish :4"}, {"completion fish ", ":4"},
		{"ls --upt", "--upto :4"}, {"ls --v", "--verbose --view :4"}, {"find --ty", "--type :4"},
		{"--no-v", "--no-verify :4"},
		{"ls --sort s", "size :4"}, {"ls --sort=m", "--sort=mtime :4"}, {"ls -f js", "json jsonl :4"}, {"--format t",
			"table tsv :4"}, {"ls --view ", "runtime spec :4"},
		{"ls --color ", "auto always never :4"}, {"ls --progress p", "plain :4"}, {"find x -type ", "f d l c b p :4"},
		{"ls --platform linux/arm6", "linux/arm64 :4"},
		{"ls --limit pa", "path= :6"}, {"ls ", ":0"}, {"ls -o ", ":0"}, {"zzz ", ":0"}, {"ls image.tar /e", ":4"},
		{"ls - /e", ":4"}, {"ls -- -", ":0"}, {"version ", ":4"}, {"inspect --format ", "json :4"}, {"serve --socket ",
			":0"}, {"serve a.tar ", ":0"},
	} {
		if got := offered(t, strings.Split(c.words, " ")...); got != c.want {
			t.Errorf("%q: got %s want %s", c.words, got, c.want)
		}
	}
	if got := direct.Layup(t, "__complete"); !strings.Contains(got.Out, "owner\tsay which layer owns each path\n") {
		t.Errorf("nothing typed: %s", got.Out)
	}
}

func TestCompletionLooksIntoTheImage(t *testing.T) {
	t.Setenv("LAYUP_COMPLETION_TIME", "1m") // the machine may be busy
	file, links, several := direct.Pack(t, "myfile"), direct.Pack(t, "links"), direct.Pack(t, "myfile", "links")
	for _, c := range []struct{ words, want string }{
		{"owner IMAGE /e", "/etc/ :6"}, {"owner IMAGE ", "bin/ etc/ tmp/ usr/ :4"}, {"owner IMAGE /",
			"/bin/ /etc/ /tmp/ /usr/ :4"}, {"ls -l IMAGE etc/s", "etc/shop.conf :4"}, {"tree IMAGE /bin/ ", ":4"},
		{"cat IMAGE /etc/../etc/p", "/etc/../etc/passwd :4"}, {"cat IMAGE /tmp/", ":4"}, {"log IMAGE /tmp/", "/tmp/token :4"},
		{"cat --upto 2 IMAGE /tmp/", "/tmp/token :4"}, {"cat IMAGE --layer=2 /tmp/", "/tmp/token :4"},
		{"owner IMAGE /etc/passwd /etc/s", "/etc/shop.conf :4"}, {"owner docker-archive:IMAGE /t", "/tmp/ :6"},
		{"owner --image zzz IMAGE /t", ":4"}, {"owner --limit zzz IMAGE /t", ":4"},
		{"owner docker://IMAGE /", ":4"}, {"owner registry:IMAGE /", ":4"}, {"owner IMAGE /etc/passwd/", ":4"},
		{"owner IMAGE /nowhere/", ":4"},
		{"owner LINKS /l", "/lib/ :6"}, {"owner LINKS /lib/", "/lib/bin :4"}, {"owner LINKS /b", "/bin :4"},
		{"ls --upto 0 LINKS /b", "/bin/ :6"}, {"ls --upto 0 LINKS /bin/s", "/bin/sh /bin/su :4"}, {"owner LINKS /etc/s",
			"/etc/second /etc/self :4"}, {"owner LINKS /etc/self/", ":4"}, {"log LINKS /bin/s", "/bin/sh /bin/su :4"},
		{"log LINKS /etc/fi", "/etc/first :4"},
		{"cat IMAGE --layer ", "0 1 2 3 4 5 6 :4"}, {"ls IMAGE --upto=5", "--upto=5 :4"}, {"ls LINKS --platform ",
			"linux/arm64/v8 :4"}, {"ls IMAGE --image ", "shop:1.2 @0 :4"},
		{"diff IMAGE LINKS --platform-b ", "linux/arm64/v8 :4"}, {"diff LINKS IMAGE --image-b ", "shop:1.2 @0 :4"},
		{"diff IMAGE --ignore=mtime,or", "--ignore=mtime,order :4"},
		{"ls SEVERAL --image=e", "--image=example.org:5000/team/links:latest :4"}, {"owner SEVERAL /", ":4"},
		{"owner --image @1 SEVERAL /d", "/dev/ :6"},
	} {
		words := strings.Split(c.words, " ")
		for i, w := range words {
			words[i] = strings.NewReplacer("IMAGE", file, "LINKS", links, "SEVERAL", several).Replace(w)
		}
		if got := offered(t, words...); got != c.want {
			t.Errorf("%q: got %s want %s", c.words, got, c.want)
		}
	}
}

func TestCompletionScriptsAreShell(t *testing.T) {
	for _, s := range []string{"bash", "zsh", "fish"} {
		script := direct.Layup(t, "completion", s)
		if script.Status != 0 || !strings.Contains(script.Out, "layup __complete") {
			t.Errorf("%s: exit %d: %s", s, script.Status, script.Out)
		}
		t.Run(s, func(t *testing.T) {
			path, err := exec.LookPath(s)
			if err != nil {
				t.Skip("not installed: its script is not run")
			}
			cmd := exec.CommandContext(t.Context(), path, "-n")
			cmd.Stdin = strings.NewReader(script.Out)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
