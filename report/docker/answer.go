package docker

import (
	"errors"
	"fmt"
	"strings"

	"layup/analyze"
	"layup/analyze/show"
	"layup/analyze/source/advice"
	"layup/report/call"
	"layup/report/render"
)

// needed says which layers are read for their unpacked sizes: all if the user wants the sizes, else those at hand.
func needed(sizesWanted bool) analyze.Needs {
	if sizesWanted {
		return analyze.Needs{}
	}
	return analyze.Needs{Layers: analyze.IfAtHand}
}

// toTerminal escapes a text if it is shown on a terminal. Line feeds stay.
func toTerminal(c *call.Call, text string) string {
	if !c.Terminal().TTY {
		return text
	}
	return show.Lines(text)
}

// dockerStatus is the exit status of the commands that answer as docker does. It is 1 if there is no such image or a
// template failed.
func dockerStatus(list call.Images, errs []error) int {
	status := call.Answered
	for n, err := range errs {
		switch l := list[n]; {
		case l.Err != nil && !errors.Is(err, advice.ErrNoImage):
			status = call.Worst(status, call.Failed)
		case err != nil:
			status = call.Worst(status, call.Refuted)
		case len(l.Image.Errors()) > 0:
			status = call.Worst(status, call.Partly)
		}
	}
	return status
}

// complainAsDocker prints the errors and warnings of each image, after the answer. An error of a template is printed in
// docker's words.
func complainAsDocker(c *call.Call, list call.Images, errs []error) {
	for n, err := range errs {
		l := list[n]
		if docker, ok := errors.AsType[*render.DockerError](err); ok {
			c.Verbatim(rawTypeName.Replace(docker.Error()))
			continue
		}
		if err != nil && l.Err == nil {
			c.Fail(fmt.Errorf("%s: %w", l.Where(), err))
		}
		if l.Err != nil {
			c.Fail(l.Err)
			continue
		}
		l.Complain(c)
		if !l.Image.LayersRead() {
			c.Note(l.Where() + ": the layers were not fetched for their sizes; --size does")
		}
	}
}

// errContainer says that a container has no history.
var errContainer = errors.New("is a container: docker has a history of images only; layup layers lists its layers")

// rawTypeName replaces our types' names in the error of a template with the names of docker's types.
var rawTypeName = strings.NewReplacer("docker.rawImage", "map[string]interface {}", "*docker.historyRow",
	"*image.historyContext")
