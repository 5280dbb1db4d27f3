package render

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"layup/analyze/show"
)

// runDocker runs a template for so many rows in bounds.
func runDocker(t *testing.T, source string, b bounds, rows int) error {
	t.Helper()
	template, err := ParseDocker(source)
	if err != nil {
		t.Fatalf("%.80s: %v", source, err)
	}
	template.meter.bounds = b
	for range rows {
		if _, err := template.Execute(map[string]any{"Size": 8, "Id": "sha256:00"}, true); err != nil {
			return err
		}
	}
	return nil
}

// A DockerTemplate is bounded like all others.
func TestDockersTemplatesEndAtTheirBounds(t *testing.T) {
	for _, c := range []struct {
		template, want string
		rows           int
	}{
		{"{{range 1000000000000}}{{end}}", "template stopped after 0.05 s", 1},
		{"{{range 1000000000000}}x{{end}}", "template output is over 2 MiB", 1},
		{tower(40), "template stopped after 0.05 s", 1},
		{`{{define "a"}}{{template "a" .}}{{end}}{{template "a" .}}`, "template calls itself too deep: over 500 levels", 1},
		{"{{$x := `a`}}" + strings.Repeat("{{$x = print $x $x}}", 60), "template functions make over 1 MiB", 1},
		{"{{1" + strings.Repeat("|print", 10_000) + "}}", "template stopped after 0.05 s", 100_000}, // no loop in it
		{strings.Repeat("{{$x := .}}", 1000), "template stopped after 0.05 s", 10_000_000},          // nor a function
		{`{{printf "%1000d" 1}}`, "template output is over 64 MiB", 100_000},
	} {
		err := runDocker(t, c.template, tight(c.want), c.rows)
		if err == nil || err.Error() != c.want {
			t.Errorf("%.80s: %v, want %s", c.template, err, c.want)
		}
	}
}

// One run after the other has what is left of the time of all: none for being many.
func TestRowsHaveTheTimeOfOneTogether(t *testing.T) {
	b := dockerBounds
	b.time = time.Nanosecond
	if err := runDocker(t, "x", b, 3); err == nil || !strings.Contains(err.Error(), "template stopped after") {
		t.Errorf("%v", err)
	}
	if dockerBounds.perItem != 0 {
		t.Errorf("%v more for each", dockerBounds.perItem)
	}
}

func TestSizeIsWhatUnitsMakeOfIt(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range int64(200_000) {
		n := i
		switch i % 4 {
		case 1:
			n = rnd.Int64() >> rnd.IntN(63)
		case 2: // about where digits are rounded up
			n = (9995 + rnd.Int64N(3) - 1) * int64(math.Pow10(rnd.IntN(15)))
		case 3:
			n = 5*rnd.Int64N(200_000)*int64(math.Pow10(rnd.IntN(10))) + rnd.Int64N(3) - 1
		}
		if want := DockerSize(n); n >= 0 && !strings.Contains(want, "e+") && show.Size(n) != want {
			t.Fatalf("%d: got %s, want %s", n, show.Size(n), want)
		}
	}
}
