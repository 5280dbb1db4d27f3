package report

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"layup/analyze"
	"layup/analyze/source"
	"layup/report/render"
	"layup/tarfs"
)

// read says which layers are read for an answer that has the sizes of unpacked layers in it: all of them where they are wanted, else those at hand.
func (c *Call) read(sizesWanted bool) {
	if c.reading = analyze.IfAtHand; sizesWanted {
		c.reading = analyze.Always
	}
}

// dockerStatus is the exit status of the commands that answer as docker does: 1 also where there is no such image, or a template failed.
func (list imageList) dockerStatus(errs []error) int {
	status := answered
	for n, err := range errs {
		switch l := list[n]; {
		case l.err != nil && !errors.Is(err, source.ErrNoImage):
			status = worst(status, failed)
		case err != nil:
			status = worst(status, refuted)
		case len(l.image.Errors()) > 0:
			status = worst(status, partly)
		}
	}
	return status
}

// complainAsDocker prints, after the answer, what went wrong with each image and what is odd. Errors of templates are in docker's words alone.
func (list imageList) complainAsDocker(c *Call, errs []error) {
	for n, err := range errs {
		l := list[n]
		if docker, ok := errors.AsType[*render.DockerError](err); ok {
			c.console.plain(rawTypeName.Replace(docker.Error()))
			continue
		}
		if err != nil && l.err == nil {
			c.console.fail(fmt.Errorf("%s: %w", l.where(), err))
		}
		if l.err != nil {
			c.console.fail(l.err)
			continue
		}
		l.complain(c, l.warningsForDocker(c))
		if !l.image.LayersRead() {
			c.console.note(l.where() + ": the layers were not fetched for their sizes; --size does")
		}
	}
}

// warningsForDocker leaves out what is odd and of no weight, as docker prints nothing of it; -v shows it.
func (l loaded) warningsForDocker(c *Call) []tarfs.Warning {
	if c.verbose {
		return l.image.Warnings()
	}
	return slices.DeleteFunc(slices.Clone(l.image.Warnings()), func(w tarfs.Warning) bool { return w.Code.Severity == tarfs.Low })
}

// errContainer says that docker's answer about a container is not the one about its image.
var errContainer = errors.New("is a container: docker has a history of images only; layup layers lists its layers")

// rawTypeName hides what an error of a template calls our types; docker's own have other names.
var rawTypeName = strings.NewReplacer("report.rawImage", "map[string]interface {}", "*report.historyRow", "*image.historyContext")
