package render

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func progress(w io.Writer, how string, width int) *Progress {
	return NewProgress(w, how, func() int { return width })
}

func TestTheStatusLineComesAfter300Milliseconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		p := progress(&b, "auto", 20)
		p.Update("layer 0")
		time.Sleep(299 * time.Millisecond)
		synctest.Wait()
		if b.Len() > 0 {
			t.Fatalf("too early: %q", b.String())
		}
		p.Update("layer 1")
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if got := b.String(); got != "\rlayer 1\x1b[K" {
			t.Fatalf("got %q", got)
		}
		p.Clear()
		if got := b.String(); got != "\rlayer 1\x1b[K\r\x1b[K" {
			t.Errorf("cleared: got %q", got)
		}
	})
}

func TestAShortCommandShowsNoStatusLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		p := progress(&b, "auto", 20)
		p.Update("layer 0")
		p.Clear()
		p.Clear()
		time.Sleep(time.Second)
		synctest.Wait()
		if b.Len() > 0 {
			t.Errorf("got %q", b.String())
		}
	})
}

func TestTheStatusLineIsDrawnAtMostTenTimesASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		p := progress(&b, "auto", 20)
		for i := range 1300 {
			p.Update(fmt.Sprint("step ", i))
			time.Sleep(time.Millisecond)
		}
		time.Sleep(redraw)
		synctest.Wait()
		p.Clear()
		if n := strings.Count(b.String(), "step"); n < 8 || n > 12 || !strings.Contains(b.String(), "step 1299") {
			t.Errorf("drawn %d times: %q", n, b.String())
		}
	})
}

func TestTheStatusLineIsSafeAndFits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		p := progress(&b, "auto", 12)
		p.Update("\x1b]0;x\a and much more")
		time.Sleep(time.Second)
		synctest.Wait()
		if got := b.String(); got != `\r$'\x1b]0;`+"…" && got != "\r$'\\x1b]0;x…\x1b[K" {
			t.Errorf("got %q", got)
		}
		p.Clear()
	})
}

func TestProgressIsOnlyWhatWasAskedFor(t *testing.T) {
	for _, c := range []struct {
		how   string
		width int
		want  string
	}{{"auto", 0, ""}, {"none", 80, ""}, {"plain", 80, "layer 0 read\n"}, {"plain", 0, "layer 0 read\n"}} {
		synctest.Test(t, func(t *testing.T) {
			var b bytes.Buffer
			p := progress(&b, c.how, c.width)
			p.Update("working")
			time.Sleep(time.Second)
			p.Line("layer 0 read")
			p.Update("working")
			time.Sleep(time.Second)
			p.Clear()
			if b.String() != c.want {
				t.Errorf("%s, width %d: got %q, want %q", c.how, c.width, b.String(), c.want)
			}
		})
	}
}

func TestProgressMayBeToldFromSeveralGoroutines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		p := progress(&b, "auto", 20)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for i := range 500 {
					p.Update(fmt.Sprint(i))
					time.Sleep(time.Millisecond)
					if i%100 == 0 {
						p.Clear()
					}
				}
			})
		}
		all.Wait()
		p.Clear()
		time.Sleep(time.Second)
		synctest.Wait()
		if !strings.HasSuffix(b.String(), "\r\x1b[K") && b.Len() > 0 {
			t.Errorf("a status line stays: %q", b.String())
		}
	})
}

func TestColourIsForTerminalsWithoutNoColor(t *testing.T) {
	for _, c := range []struct {
		how      string
		terminal bool
		env      map[string]string
		want     bool
	}{
		{"auto", true, nil, true}, {"auto", false, nil, false}, {"auto", true, map[string]string{"NO_COLOR": "1"}, false},
		{"auto", true, map[string]string{"NO_COLOR": ""}, true}, {"auto", true, map[string]string{"TERM": "dumb"}, false},
		{"always", false, map[string]string{"NO_COLOR": "1"}, true}, {"never", true, nil, false},
	} {
		if got := UseColor(c.how, c.terminal, func(k string) string { return c.env[k] }); got != c.want {
			t.Errorf("%+v: got %v", c, got)
		}
	}
}
