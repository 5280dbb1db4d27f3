package browse

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"layup/analyze"
	"layup/analyze/packages"
	"layup/fixtures"
	"layup/fixtures/harness"
)

// open loads an image of the fixtures.
func open(tb testing.TB, file string) *analyze.Image {
	tb.Helper()
	img, err := analyze.Open(context.Background(), file, analyze.Default())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { img.Close() })
	return img
}

// A screen is a browser without a terminal.
type screen struct {
	tb testing.TB
	*browser
	clipboard string
	left      bool
	longest   time.Duration // of a message and the screen after it
}

func drive(tb testing.TB, b *browser, width, height int) *screen {
	s := &screen{tb: tb, browser: b}
	s.send(tea.WindowSizeMsg{Width: width, Height: height})
	s.run(b.Init())
	return s
}

func (s *screen) send(msg tea.Msg) {
	began := time.Now()
	_, cmd := s.Update(msg)
	_ = s.screen()
	s.longest = max(s.longest, time.Since(began))
	s.run(cmd)
}

// run runs what a key began, to its end.
func (s *screen) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	switch msg := cmd().(type) {
	case tea.BatchMsg:
		for _, one := range msg {
			s.run(one)
		}
	case tea.QuitMsg:
		s.left = true
	default:
		if strings.HasSuffix(fmt.Sprintf("%T", msg), "setClipboardMsg") {
			s.clipboard = fmt.Sprint(msg)
			return
		}
		s.send(msg)
	}
}

var named = map[string]tea.KeyPressMsg{
	"up": {Code: tea.KeyUp}, "down": {Code: tea.KeyDown}, "left": {Code: tea.KeyLeft}, "right": {Code: tea.KeyRight},
	"pgup": {Code: tea.KeyPgUp}, "pgdown": {Code: tea.KeyPgDown}, "home": {Code: tea.KeyHome}, "end": {Code: tea.KeyEnd},
	"tab": {Code: tea.KeyTab}, "shift+tab": {Code: tea.KeyTab, Mod: tea.ModShift}, "enter": {Code: tea.KeyEnter},
	"esc": {Code: tea.KeyEscape}, "space": {Code: ' ', Text: " "}, "backspace": {Code: tea.KeyBackspace},
}

// press presses keys by their names; a word in quotes is typed letter by letter.
func (s *screen) press(keys ...string) {
	for _, name := range keys {
		if text, typed := strings.CutPrefix(name, "'"); typed {
			for _, r := range text {
				s.send(tea.KeyPressMsg{Code: r, Text: string(r)})
			}
			continue
		}
		msg, known := named[name]
		switch letter, control := strings.CutPrefix(name, "ctrl+"); {
		case known:
		case control && letter == "space":
			msg = tea.KeyPressMsg{Code: ' ', Mod: tea.ModCtrl}
		case control:
			msg = tea.KeyPressMsg{Code: rune(letter[0]), Mod: tea.ModCtrl}
		default:
			msg = tea.KeyPressMsg{Code: rune(name[0]), Text: name}
		}
		s.send(msg)
	}
}

// text is the screen without styles.
func (s *screen) text() string { return ansi.Strip(s.screen()) }

// expect demands that the screen has lines that match, and is exactly as wide and as high as the terminal.
func (s *screen) expect(say string, patterns ...string) {
	s.tb.Helper()
	text := s.text()
	for _, p := range patterns {
		want, not := strings.CutPrefix(p, "!")
		if regexp.MustCompile("(?m)"+want).MatchString(text) == not {
			s.tb.Errorf("%s: want %q in\n%s", say, p, text)
		}
	}
	lines := strings.Split(text, "\n")
	if len(lines) != s.height {
		s.tb.Errorf("%s: %d lines of %d", say, len(lines), s.height)
	}
	for _, line := range lines {
		if w := ansi.StringWidth(line); w > s.width {
			s.tb.Errorf("%s: a line of %d columns: %q", say, w, line)
		}
	}
}

func TestEveryKeyDoesWhatTheHelpSays(t *testing.T) {
	t.Chdir(t.TempDir())
	file, err := filepath.Abs(harness.Pack(t, fixtures.Packings()[1], harness.Load(t, "myfile")))
	if err != nil {
		t.Fatal(err)
	}
	pressed := map[string]bool{}
	for _, c := range []struct {
		keys []string
		want []string // on the screen; ! is not on it
	}{
		{[]string{"down"}, []string{`── /bin `, `owner    layer 0`}},
		{[]string{"j", "j"}, []string{`── /etc `}},
		{[]string{"j", "up"}, []string{`── / `}},
		{[]string{"j", "k"}, []string{`── / `}},
		{[]string{"pgdown"}, []string{`── /usr `}},
		{[]string{"ctrl+f", "pgup"}, []string{`── / `}},
		{[]string{"G"}, []string{`── /usr `}},
		{[]string{"end", "home"}, []string{`── / `}},
		{[]string{"end", "g"}, []string{`── / `}},
		{[]string{"end", "u"}, []string{`── / `}},
		{[]string{"end", "ctrl+b"}, []string{`── / `}},
		{[]string{"tab", "down", "down"}, []string{`after layer 1`, `M +1 .* ▸ etc`}},
		{[]string{"shift+tab", "down"}, []string{`after layer 0`}},
		{[]string{"j", "j", "right"}, []string{`▾ etc`, `passwd`}},
		{[]string{"j", "j", "l", "l"}, []string{`── /etc/MYFILE `}},
		{[]string{"j", "right", "left"}, []string{`▸ bin`}},
		{[]string{"j", "right", "right", "h"}, []string{`── /bin `}},
		{[]string{"j", "enter", "j", "enter"}, []string{`(?s)^/bin/sh, 1.04kB, layer 0.*q leaves`}},
		{[]string{"j", "space"}, []string{`▾ bin`}},
		{[]string{"E"}, []string{`▾ bin`, `▾ share`, `shop.conf`}},
		{[]string{"E", "C"}, []string{`▸ bin`, `!shop.conf`}},
		{[]string{"E", "ctrl+space"}, []string{`▸ bin`, `!shop.conf`}},
		{[]string{"/", "'myfile", "enter"}, []string{`overwritten by 2 +1 /etc/MYFILE`, `live +5 /usr/share/MYFILE`,
			`5 versions of "myfile"`}},
		{[]string{"/", "'myfile", "enter", "enter"}, []string{`after layer 1`, `── /etc/MYFILE `}},
		{[]string{"/", "'*token*", "enter", "v"}, []string{`(?s)^/tmp/token, 8B, layer 2.*hunter2`}},
		{[]string{"/", "'nowhere", "enter"}, []string{`nothing matches "nowhere" in any layer`}},
		{[]string{"/", "'myfile", "enter", "esc"}, []string{`▸ bin`}},
		{[]string{"/", "'x", "backspace", "esc"}, []string{`\? keys`}},
		{[]string{"tab", "G", "k", "tab", "E", "a"}, []string{`only added`, `share`, `!passwd`}},
		{[]string{"tab", "G", "k", "tab", "ctrl+a", "esc"}, []string{`!only added`}},
		{[]string{"tab", "j", "j", "j", "tab", "E", "m"}, []string{`M +2 .*MYFILE`, `!passwd`}},
		{[]string{"tab", "j", "j", "j", "j", "j", "tab", "E", "d"}, []string{`D +3 .*MYFILE \(whiteout by 4\)`,
			`D +2 .*token \(whiteout by 4\)`, `!passwd`}},
		{[]string{"tab", "j", "j", "j", "j", "j", "tab", "ctrl+r"}, []string{`only deleted`}},
		{[]string{"tab", "j", "tab", "ctrl+u"}, []string{`only added, modified, deleted`}},
		{[]string{"m"}, []string{`select a layer on the left first`}},
		{[]string{"H", "E"}, []string{`h +2 +8B .*token \(whiteout by 4\)`}},
		{[]string{"s"}, []string{`(?s)by size.*usr.*bin.*etc.*tmp`}},
		{[]string{"ctrl+o", "s"}, []string{`(?s)by name.*bin.*etc.*tmp.*usr`}},
		{[]string{"j", "j", "j", "o"}, []string{`after layer 4`, `── /tmp `}},
		{[]string{"j", "l", "j", "v"}, []string{`^/bin/sh, 1.04kB, layer 0`}},
		{[]string{"j", "v"}, []string{`not a file`}},
		{[]string{"E", "j", "j", "j", "j", "i"}, []string{`^/etc/MYFILE`, `layer 4   delete  RUN rm /etc/MYFILE`,
			`layer 6   add 5B  COPY MYFILE /etc/`}},
		{[]string{"j", "j", "e", "enter"}, []string{`extracted: 3 files`}},
		{[]string{"j", "j", "ctrl+e", "ctrl+u", "'extracted", "enter"}, []string{`"extracted": is not empty`}},
		{[]string{"?"}, []string{`^keys`, `/ +find a name in all layers`}},
		{[]string{"?", "q"}, []string{`▸ bin`}},
	} {
		t.Run(strings.Join(c.keys, " "), func(t *testing.T) {
			s := drive(t, newBrowser(context.Background(), open(t, file)), 100, 40)
			s.press(c.keys...)
			s.expect(fmt.Sprint(c.keys), c.want...)
		})
		for _, k := range c.keys {
			pressed[k] = true
		}
	}
	s := drive(t, newBrowser(context.Background(), open(t, file)), 80, 24)
	if s.press("E", "j", "y"); s.clipboard != "/bin" {
		t.Errorf("y copied %q", s.clipboard)
	}
	for _, key := range []string{"q", "ctrl+c"} {
		s.left = false
		if s.press(key); !s.left {
			t.Errorf("%s does not quit", key)
		}
	}
	pressed["y"], pressed["q"], pressed["ctrl+@"] = true, true, true // ctrl+@ is what some terminals send for ctrl+space
	for _, k := range keys() {
		for _, name := range k.keys {
			if !pressed[name] {
				t.Errorf("%s is not tested", name)
			}
		}
	}
	if text, err := os.ReadFile("extracted/etc/MYFILE"); err != nil || string(text) != "four\n" {
		t.Errorf("extracted %q, %v", text, err)
	}
}

func TestOnlyTheShownLayerIsKept(t *testing.T) {
	img := open(t, harness.Pack(t, fixtures.Packings()[1], harness.Load(t, "myfile")))
	s := drive(t, newBrowser(context.Background(), img), 80, 24)
	s.press("tab", "j", "j", "j", "k")
	if len(s.stages) != 2 || s.stages[analyze.Last] == nil || s.stages[1] == nil {
		t.Errorf("%d stages are kept", len(s.stages))
	}
}

// What may take long is a command: the screen answers keys meanwhile, and shows only what was asked for last.
func TestRowsAreMadeBesideTheScreen(t *testing.T) {
	s := drive(t, newBrowser(t.Context(), open(t, "../../fixtures/myfile.tar")), 100, 30)
	before := len(s.tree.rows)
	_, all := s.Update(tea.KeyPressMsg{Code: 'E', Text: "E"})
	s.press("down", "space")
	if len(s.tree.rows) != before || s.at.row != 1 {
		t.Errorf("%d rows of %d, row %d is selected: the keys wait for all rows", len(s.tree.rows), before, s.at.row)
	}
	selected := s.tree.rows[1].place
	_, sorted := s.Update(tea.KeyPressMsg{Code: 's', Text: "s"})
	s.run(all)
	if len(s.tree.rows) != before {
		t.Error("rows that nobody waits for any more are shown")
	}
	s.run(sorted)
	if !s.tree.bySize || s.next != nil || len(s.tree.rows) <= before || s.tree.rows[s.at.row].place != selected {
		t.Errorf("sorted: %v; %d rows, before %d; row %d is selected", s.tree.bySize, len(s.tree.rows), before, s.at.row)
	}
}

func TestTheScreenNamesThePackage(t *testing.T) {
	img, err := analyze.Open(t.Context(), harness.Pack(t, fixtures.Packings()[1], harness.Load(t, "packages")),
		analyze.Options{Source: analyze.Default().Source, Needs: packages.Needs(false)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { img.Close() })
	s := drive(t, newBrowser(t.Context(), img), 100, 40)
	s.press("/", "'usr/bin/bash", "enter", "enter")
	s.expect("/usr/bin/bash", `^package  bash \S+ \(dpkg, layer \d\)`)
}

func TestEverySizeOfATerminalHoldsTheScreen(t *testing.T) {
	for _, name := range fixtures.Names() {
		img := open(t, harness.Pack(t, fixtures.Packings()[1], harness.Load(t, name)))
		s := drive(t, newBrowser(context.Background(), img), 80, 24)
		s.press("E", "H")
		for _, size := range [][2]int{{80, 24}, {200, 50}, {40, 12}, {43, 100}, {500, 13}} {
			s.send(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
			for range len(s.tree.rows) {
				s.expect(fmt.Sprint(name, size))
				s.press("j")
			}
			s.press("i")
			s.expect(fmt.Sprint(name, size, " i"))
			s.press("q", "g")
		}
	}
	img := open(t, harness.Pack(t, fixtures.Packings()[1], harness.Load(t, "myfile")))
	s := drive(t, newBrowser(context.Background(), img), 39, 11)
	if !strings.Contains(s.text(), "too small") {
		t.Errorf("got %q", s.text())
	}
}

func TestHostileNamesAreInert(t *testing.T) {
	img := open(t, harness.Pack(t, fixtures.Packings()[1], harness.Load(t, "ugly")))
	s := drive(t, newBrowser(context.Background(), img), 120, 60)
	s.press("E", "H")
	ours := regexp.MustCompile("\x1b\\[[0-9]*m")
	for range len(s.tree.rows) {
		for _, r := range ours.ReplaceAllString(s.screen(), "") {
			if r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 ||
				r == 0x2028 || r == 0xfffd) {
				t.Fatalf("%U reaches the terminal:\n%q", r, s.screen())
			}
		}
		s.press("j")
	}
}

func TestDifferencesAreBrowsed(t *testing.T) {
	var images []*analyze.Image
	for _, name := range []string{"myfile", "next"} {
		images = append(images, open(t, harness.Pack(t, fixtures.Packings()[1], harness.Load(t, name))))
	}
	c, err := analyze.Compare(context.Background(), images[0].After(analyze.Last), images[1].After(analyze.Last), 0)
	if err != nil {
		t.Fatal(err)
	}
	s := drive(t, newDifference(context.Background(), c), 100, 40)
	s.press("E")
	letters := map[string]string{analyze.Added: "A", analyze.Removed: "D", analyze.Changed: "M"}
	var all []string
	for d := range c.Paths() {
		path := d.Path()
		all = append(all, path)
		name := path[strings.LastIndex(path, "/")+1:]
		s.expect(path, letters[d.Change]+` .* `+regexp.QuoteMeta(name))
	}
	if len(all) == 0 {
		t.Fatal("the images are equal")
	}
	s.press("ctrl+u")
	for i := range s.tree.rows {
		v, _ := s.tree.shown(s.tree.rows[i].place)
		if path := v.Node().Path(); !slices.ContainsFunc(all, func(p string) bool { return strings.HasPrefix(p, path) }) {
			t.Errorf("%s did not change", path)
		}
	}
}

// The frame of an image with a million files, all directories open. What runs beside the screen does not count.
func BenchmarkFrame(b *testing.B) {
	file := os.Getenv("LAYUP_MANY")
	if file == "" {
		b.Skip("LAYUP_MANY names an image of many files, such as many.tar of make bench")
	}
	s := drive(b, newBrowser(context.Background(), open(b, file)), 200, 50)
	for _, keys := range [][]string{{"E"}, {"s", "C", "H", "E", "tab", "j", "k", "tab"}} {
		s.longest = 0
		began := time.Now()
		s.press(keys...)
		b.Logf("%d rows; %v: longest step %v of %v", len(s.tree.rows), keys, s.longest, time.Since(began))
	}
	s.longest = 0
	for i := 0; b.Loop(); i++ {
		s.press([]string{"pgdown", "j", "space", "space", "G", "k", "g"}[i%7])
	}
	b.ReportMetric(float64(s.longest.Microseconds())/1000, "longest-ms")
}
