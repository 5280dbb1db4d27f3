package render

import (
	"errors"
	"strings"

	template "github.com/DataDog/datadog-agent/pkg/template/text"
	"github.com/docker/cli/templates"
)

// A DockerTemplate is a template as docker inspect and docker history run it, over any value: docker's functions and
// errors in docker's words. It is stopped if it runs on, calls itself or makes values without end. All runs together
// have the time of one.
type DockerTemplate struct {
	text    *template.Template
	meter   *meter
	written int
}

// mostDockerOutput is how many bytes all runs of a template may write, and what a table may take when it is laid out.
const mostDockerOutput = 64 << 20

// A DockerError is an error of a template in docker's words.
type DockerError struct{ err error }

// Error begins as docker's does.
func (e *DockerError) Error() string { return "template parsing error: " + e.err.Error() }

// Unwrap returns the error of text/template.
func (e *DockerError) Unwrap() error { return e.err }

// ParseDocker parses a template. The error is a *DockerError.
func ParseDocker(source string) (*DockerTemplate, error) {
	t := &DockerTemplate{meter: &meter{bounds: dockerBounds}}
	text, err := template.New("").Funcs(t.meter.functions()).Parse(source)
	if err != nil {
		return nil, &DockerError{err}
	}
	instrument(text, source, false)
	t.text = text
	return t, nil
}

// Execute runs the template for a value. If strict is set, a key that a map does not have is an error. The error is a
// *DockerError, or it says which bound was passed.
func (t *DockerTemplate) Execute(value any, strict bool) (string, error) {
	t.text.Option("missingkey=default")
	if strict {
		t.text.Option("missingkey=error")
	}
	text, err := t.run(value)
	if _, ok := errors.AsType[*DockerError](err); ok && strict {
		err = t.inWordsOf28(value, err)
	}
	return text, err
}

// inWordsOf28 returns the error of docker 28 if the error is about join, which joined only lists of strings then.
func (t *DockerTemplate) inWordsOf28(value any, err error) error {
	t.text.Funcs(template.FuncMap{"join": t.meter.joinWords})
	defer t.text.Funcs(t.meter.functions())
	_, old := t.run(value)
	_, joined := errors.AsType[*notListError](err)
	if old != nil && (joined || place(old) == place(err)) {
		return old
	}
	return err
}

// place is where in a template an error is.
func place(err error) string {
	at, _, _ := strings.Cut(err.Error(), " executing")
	return at
}

// Header runs the template for the titles of a table's columns, as far as it comes: docker's functions leave titles as
// they are.
func (t *DockerTemplate) Header(titles map[string]string) string {
	t.text.Funcs(templates.HeaderFunctions)
	defer t.text.Funcs(t.meter.functions())
	text, _ := t.run(titles) // docker also takes what was written before an error
	return text
}

func (t *DockerTemplate) run(value any) (string, error) {
	out := limited{meter: t.meter}
	err := t.meter.begin()
	if err == nil {
		err = t.text.Execute(&out, value)
	}
	t.meter.end()
	if passed := boundPassed(err); passed != nil {
		return "", passed
	}
	if err != nil {
		return out.String(), &DockerError{err}
	}
	if t.written += out.Len(); t.written > mostDockerOutput {
		return "", &boundError{"template output is " + over(mostDockerOutput)}
	}
	return out.String(), nil
}
