package call

import (
	"io"
	"testing"
)

// Two images of one command share the status line: what is cleared before the answer is all that was drawn.
func TestThereIsOneStatusLine(t *testing.T) {
	c := &console{w: io.Discard}
	first := c.status("plain")
	if second := c.status("plain"); first == nil || second != first {
		t.Error("a second status line begins while the first is there")
	}
	c.close()
	if again := c.status("plain"); again == nil || again == first {
		t.Error("no new status line after the first was cleared")
	}
}
