package docker

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"layup/analyze"
	"layup/analyze/source/advice"
	"layup/report/call"
	"layup/report/render"
	"layup/tarfs"
)

// read says which layers are read for an answer that has the sizes of unpacked layers in it: all of them where they are wanted, else those at hand.
func readFor(c *call.Call, sizesWanted bool) {
	if c.Reading = analyze.IfAtHand; sizesWanted {
		c.Reading = analyze.Always
	}
}

// dockerStatus is the exit status of the commands that answer as docker does: 1 also where there is no such image, or a template failed.
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

// complainAsDocker prints, after the answer, what went wrong with each image and what is odd. Errors of templates are in docker's words alone.
func complainAsDocker(c *call.Call, list call.Images, errs []error) {
	for n, err := range errs {
		l := list[n]
		if docker, ok := errors.AsType[*render.DockerError](err); ok {
			c.Plain(rawTypeName.Replace(docker.Error()))
			continue
		}
		if err != nil && l.Err == nil {
			c.Fail(fmt.Errorf("%s: %w", l.Where(), err))
		}
		if l.Err != nil {
			c.Fail(l.Err)
			continue
		}
		l.Complain(c, warningsForDocker(c, l))
		if !l.Image.LayersRead() {
			c.Note(l.Where() + ": the layers were not fetched for their sizes; --size does")
		}
	}
}

// warningsForDocker leaves out what is odd and of no weight, as docker prints nothing of it; -v shows it.
func warningsForDocker(c *call.Call, l call.Loaded) []tarfs.Warning {
	if c.Verbose {
		return l.Image.Warnings()
	}
	return slices.DeleteFunc(slices.Clone(l.Image.Warnings()), func(w tarfs.Warning) bool { return w.Code.Severity == tarfs.Low })
}

// errContainer says that docker's answer about a container is not the one about its image.
var errContainer = errors.New("is a container: docker has a history of images only; layup layers lists its layers")

// rawTypeName hides what an error of a template calls our types; docker's own have other names.
var rawTypeName = strings.NewReplacer("docker.rawImage", "map[string]interface {}", "*docker.historyRow", "*image.historyContext")
