package report

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// offered are the candidates without their explanations, and the directive behind them.
func offered(t *testing.T, args ...string) string {
	t.Helper()
	got := layup(t, append([]string{"__complete"}, args...)...)
	if got.status != 0 || got.err != "" {
		t.Errorf("%q: exit %d: %s", args, got.status, got.err)
	}
	var words []string
	for _, line := range lines(got.out) {
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
		{"fin", "find :4"}, {"help hid", "hidden :4"}, {"-q own", "owner :4"}, {"-f json own", "owner :4"}, {"completion f", "fish :4"}, {"completion fish ", ":4"},
		{"ls --upt", "--upto :4"}, {"ls --v", "--verbose --view :4"}, {"find --ty", "--type :4"}, {"--no-v", "--no-verify :4"},
		{"ls --sort s", "size :4"}, {"ls --sort=m", "--sort=mtime :4"}, {"ls -f js", "json jsonl :4"}, {"--format t", "table tsv :4"}, {"ls --view ", "runtime spec :4"},
		{"ls --color ", "auto always never :4"}, {"ls --progress p", "plain :4"}, {"find x -type ", "f d l c b p :4"}, {"ls --platform linux/arm6", "linux/arm64 :4"},
		{"ls --limit pa", "path= :6"}, {"ls ", ":0"}, {"ls -o ", ":0"}, {"zzz ", ":0"}, {"ls image.tar /e", ":4"}, {"ls - /e", ":4"}, {"ls -- -", ":0"}, {"version ", ":4"}, {"inspect --format ", "json :4"}, {"serve --socket ", ":0"}, {"serve a.tar ", ":0"},
	} {
		if got := offered(t, strings.Split(c.words, " ")...); got != c.want {
			t.Errorf("%q: got %s want %s", c.words, got, c.want)
		}
	}
	if got := layup(t, "__complete"); !strings.Contains(got.out, "owner\tsay which layer owns each path\n") {
		t.Errorf("nothing typed: %s", got.out)
	}
}

func TestCompletionLooksIntoTheImage(t *testing.T) {
	t.Setenv("LAYUP_COMPLETION_TIME", "1m") // on a machine that has other things to do, too
	file, links, several := pack(t, "myfile"), pack(t, "links"), pack(t, "myfile", "links")
	for _, c := range []struct{ words, want string }{
		{"owner IMAGE /e", "/etc/ :6"}, {"owner IMAGE ", "bin/ etc/ tmp/ usr/ :4"}, {"owner IMAGE /", "/bin/ /etc/ /tmp/ /usr/ :4"}, {"ls -l IMAGE etc/s", "etc/shop.conf :4"}, {"tree IMAGE /bin/ ", ":4"},
		{"cat IMAGE /etc/../etc/p", "/etc/../etc/passwd :4"}, {"cat IMAGE /tmp/", ":4"}, {"log IMAGE /tmp/", "/tmp/token :4"}, {"cat --upto 2 IMAGE /tmp/", "/tmp/token :4"}, {"cat IMAGE --layer=2 /tmp/", "/tmp/token :4"},
		{"owner IMAGE /etc/passwd /etc/s", "/etc/shop.conf :4"}, {"owner docker-archive:IMAGE /t", "/tmp/ :6"}, {"owner --image zzz IMAGE /t", ":4"}, {"owner --limit zzz IMAGE /t", ":4"},
		{"owner docker://IMAGE /", ":4"}, {"owner registry:IMAGE /", ":4"}, {"owner IMAGE /etc/passwd/", ":4"}, {"owner IMAGE /nowhere/", ":4"},
		{"owner LINKS /l", "/lib/ :6"}, {"owner LINKS /lib/", "/lib/bin :4"}, {"owner LINKS /b", "/bin :4"}, {"ls --upto 0 LINKS /b", "/bin/ :6"}, {"ls --upto 0 LINKS /bin/s", "/bin/sh /bin/su :4"}, {"owner LINKS /etc/s", "/etc/second /etc/self :4"}, {"owner LINKS /etc/self/", ":4"}, {"log LINKS /bin/s", "/bin/sh /bin/su :4"}, {"log LINKS /etc/f", "/etc/first :4"},
		{"cat IMAGE --layer ", "0 1 2 3 4 5 6 :4"}, {"ls IMAGE --upto=5", "--upto=5 :4"}, {"ls LINKS --platform ", "linux/arm64/v8 :4"}, {"ls IMAGE --image ", "shop:1.2 @0 :4"},
		{"diff IMAGE LINKS --platform-b ", "linux/arm64/v8 :4"}, {"diff LINKS IMAGE --image-b ", "shop:1.2 @0 :4"}, {"diff IMAGE --ignore=mtime,or", "--ignore=mtime,order :4"},
		{"ls SEVERAL --image=e", "--image=example.org:5000/team/links:latest :4"}, {"owner SEVERAL /", ":4"}, {"owner --image @1 SEVERAL /d", "/dev/ :6"},
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

func TestCompletionOfCrowdsIsBoundedAndSharesWhatAllShare(t *testing.T) {
	names := make([]string, 0, 1000)
	for _, first := range "ba" {
		for i := range 500 {
			names = append(names, "lib"+string(first)+string(rune('a'+i/26%26))+string(rune('a'+i%26)))
		}
	}
	found := few(t.Context(), "/usr/", "lib", slices.Values(names))
	if len(found) != mostCandidates || found[0].word != "/usr/libaaa" || !strings.HasPrefix(found[len(found)-1].word, "/usr/libb") {
		t.Errorf("%d candidates, %q to %q", len(found), found[0].word, found[len(found)-1].word)
	}
}

func TestCompletionWaitsForNoImage(t *testing.T) {
	t.Setenv("LAYUP_COMPLETION_TIME", "1ms")
	blocked := make(chan bool)
	got := inTime(t.Context(), func(context.Context) string { <-blocked; return "too late" })
	close(blocked)
	if got != "" { // had it waited, it would never have returned
		t.Errorf("got %q", got)
	}
	for set, want := range map[string]time.Duration{"": usualPatience, "2s": 2 * time.Second, "-1s": usualPatience, "soon": usualPatience} {
		if t.Setenv("LAYUP_COMPLETION_TIME", set); patience() != want {
			t.Errorf("%q: got %v want %v", set, patience(), want)
		}
	}
}

func TestLineIsReadAsBashReadsIt(t *testing.T) {
	t.Setenv("LAYUP_TEST_PLACE", "/place")
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string][]string{
		"layup ls ":                      {"layup", "ls", ""},
		"layup ls x":                     {"layup", "ls", "x"},
		`layup "a b" c\ d 'e f'g $'h\ni`: {"layup", "a b", "c d", "e fg", "h\ni"},
		`layup "a\b\"c" 'd\`:             {"layup", `a\b"c`, `d\`},
		"layup ls >out 2>x img /e":       {"layup", "ls", "2", "img", "/e"},
		"layup $LAYUP_TEST_PLACE/x '$LAYUP_TEST_PLACE' ~/y $(id) `id`": {"layup", "/place/x", "$LAYUP_TEST_PLACE", filepath.Join(home, "y"), "$", "id", "`id`"},
		`layup ls a\`: {"layup", "ls", "a"},
		"":            {""},
	} {
		words, _ := typedLine(line)
		var got []string
		for _, w := range words {
			got = append(got, w.text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q want %q", line, got, want)
		}
	}
	if _, redirected := typedLine("layup ls > o"); !redirected {
		t.Error("the target of a redirection is taken for an argument")
	}
}

func TestCompletionScriptsAreShell(t *testing.T) {
	for _, s := range shells() {
		script := layup(t, "completion", s.name)
		if script.status != 0 || !strings.Contains(script.out, "layup __complete") {
			t.Errorf("%s: exit %d: %s", s.name, script.status, script.out)
		}
		t.Run(s.name, func(t *testing.T) {
			path, err := exec.LookPath(s.name)
			if err != nil {
				t.Skip("not installed: its script is not run")
			}
			cmd := exec.CommandContext(t.Context(), path, "-n")
			cmd.Stdin = strings.NewReader(script.out)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
