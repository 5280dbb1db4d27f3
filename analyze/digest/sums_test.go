package digest

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"math/rand/v2"
	"sync"
	"testing"
)

// Whether, and when, a processor is idle must not change a digest.
func TestHashingBesideGivesTheSameDigests(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	data := make([]byte, 40<<20)
	for i := range data {
		data[i] = byte(i>>8) ^ byte(i)
	}
	want256, want512 := sha256.Sum256(data), sha512.Sum512(data)
	var running sync.WaitGroup
	for name, idle := range map[string]func() bool{
		"always": func() bool { return true }, "never": func() bool { return false },
		"now and then": func() bool { return rnd.IntN(3) == 0 },
	} {
		d, err := NewSums("sha256", "sha512")
		if err != nil {
			t.Fatal(err)
		}
		handed := 0
		d.Beside = func(f func()) bool {
			if !idle() {
				return false
			}
			handed++
			running.Go(f)
			return true
		}
		for rest := data; len(rest) > 0; {
			n := min(len(rest), rnd.IntN(700_000))
			d.Write(rest[:n])
			rest = rest[n:]
		}
		if got := d.Sum("sha256"); got != "sha256:"+hex.EncodeToString(want256[:]) {
			t.Errorf("idle %s: got %s", name, got)
		}
		if got := d.Sum("sha512"); got != "sha512:"+hex.EncodeToString(want512[:]) {
			t.Errorf("idle %s: got %s", name, got)
		}
		if (handed > 0) != (name != "never") {
			t.Errorf("idle %s: called %d times", name, handed)
		}
	}
	running.Wait()
}
