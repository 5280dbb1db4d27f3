package call

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

func TestManualSaysWhatTheHelpSays(t *testing.T) {
	commands := []Command{{Name: "look", Group: Files, About: "look at it", Args: "IMAGE PATH", No: "it is not there",
		Details:  "\nIt's a \"look\" with a back\\slash.\n.so it begins.\n\nA list:\n    one  1\n    two  2\n",
		Examples: []string{"layup look 'a b' ~/c"},
		New: func(f *pflag.FlagSet) Answer {
			f.Bool("deep", false, "look deeper")
			f.String("at", "", "look at `TIME`")
			return nil
		}}, {Name: "secret", Hidden: true, New: func(*pflag.FlagSet) Answer { return nil }}}
	pages := Manual(commands, "2026-11-30", "1.0.0")
	if got := slices.Sorted(maps.Keys(pages)); !slices.Equal(got, []string{"layup-look.1", "layup.1"}) {
		t.Fatal(got)
	}
	page := pages["layup-look.1"]
	for _, want := range []string{".TH LAYUP-LOOK 1 2026-11-30 \"layup 1.0.0\"", "\nlayup-look \\- look at it\n",
		"\n.B layup look [flags] IMAGE PATH\n", "back\\eslash", "\n\\&.so it begins.\n",
		"\n.nf\n    one  1\n    two  2\n.fi\n",
		"\n.B \\-\\-deep\nlook deeper\n", "\n.B \\-\\-at TIME\nlook at TIME\n", "\n.B \\-f, \\-\\-format FORMAT\n",
		"\nlayup look \\(aqa b\\(aq \\(ti/c\n", "\n.B 1\nthe answer is no: it is not there\n"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	for _, want := range []string{"\n.BR layup\\-look (1)\n", "\n.B \\-\\-platform OS/ARCH\n", "docker\\-root:"} {
		if !strings.Contains(pages["layup.1"], want) {
			t.Errorf("the page of the program lacks %q", want)
		}
	}
}
