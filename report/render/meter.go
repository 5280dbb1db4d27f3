package render

import (
	"bytes"
	"fmt"
	"time"
)

// bounds are what a template may use.
type bounds struct {
	time    time.Duration // for running
	perItem time.Duration // more of it for each item that is done
	bytes   int           // of output for one item, and again of what its functions make
	depth   int           // of templates that call templates
}

// usualBounds are generous for what a person writes: an item takes microseconds and writes some hundred bytes.
var usualBounds = bounds{time: 5 * time.Second, perItem: 100 * time.Microsecond, bytes: 16 << 20, depth: 1000}

// dockerBounds are those of templates on docker's documents, of which there are few.
var dockerBounds = bounds{time: usualBounds.time, bytes: usualBounds.bytes, depth: usualBounds.depth}

// A boundError says which bound a template has passed.
type boundError struct{ text string }

func (e *boundError) Error() string { return e.text }

// A meter stops a template that runs, calls itself or makes values without end. text/template cannot be interrupted, so
// every item, every loop and every function that makes strings asks the meter.
type meter struct {
	bounds
	items    int
	used     time.Duration // by items that are done
	since    time.Time     // the item at hand was begun
	rounds   int
	level    int
	produced int
}

// begin is called before an item, and says whether there is time left for it.
func (m *meter) begin() error {
	m.since, m.level, m.produced = time.Now(), 0, 0
	return m.late()
}

func (m *meter) end() {
	m.used += time.Since(m.since)
	m.items++
}

// often is how many rounds of a loop pass between two looks at the clock.
const often = 64

func (m *meter) round() (string, error) {
	if m.rounds++; m.rounds%often != 0 {
		return "", nil
	}
	return "", m.late()
}

// late says whether the time is over.
func (m *meter) late() error {
	allowed := m.time + time.Duration(m.items)*m.perItem
	if m.used+time.Since(m.since) > allowed {
		return &boundError{fmt.Sprintf("template stopped after %.3g s", allowed.Seconds())}
	}
	return nil
}

func (m *meter) enter() (string, error) {
	if m.level++; m.level > m.depth {
		return "", &boundError{fmt.Sprintf("template calls itself too deep: over %d levels", m.depth)}
	}
	return m.round()
}

func (m *meter) leave() string {
	m.level--
	return ""
}

// charge counts n bytes that a function makes or is about to make.
func (m *meter) charge(n int) error {
	if n < 0 || n > m.bytes-m.produced {
		return &boundError{"template functions make " + over(m.bytes)}
	}
	m.produced += n
	return m.late() // after each function: one may take as long as many rounds
}

func over(bytes int) string {
	if bytes < 1<<20 {
		return fmt.Sprintf("over %d bytes", bytes)
	}
	return fmt.Sprintf("over %d MiB", bytes>>20)
}

// limited is a buffer that takes no more than the meter allows.
type limited struct {
	bytes.Buffer
	meter *meter
}

func (l *limited) Write(p []byte) (int, error) {
	if len(p) > l.meter.bytes-l.Len() {
		return 0, &boundError{"template output is " + over(l.meter.bytes)}
	}
	if _, err := l.meter.round(); err != nil {
		return 0, err
	}
	return l.Buffer.Write(p)
}
