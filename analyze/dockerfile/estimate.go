package dockerfile

import (
	"fmt"
	"strings"

	"layup/analyze"
	"layup/analyze/show"
	"layup/tarfs"
)

// notice is the first line of an estimate.
const notice = "# This is an estimate from the history and the configuration, not the Dockerfile that built the image."

// An estimator writes an estimate.
type estimator struct {
	img   *analyze.Image
	parts []Part
	said  map[string]bool // keywords, and names of variables and labels, that the history sets
}

func (e *estimator) add(text string, layers ...int) {
	line := 1
	if n := len(e.parts); n > 0 {
		line = e.parts[n-1].EndLine + 1
	}
	e.parts = append(e.parts, Part{Line: line, EndLine: line + strings.Count(text, "\n"), Text: text, Layers: layers})
}

// comment writes lines for a person.
func (e *estimator) comment(text string, layers ...int) { e.add("# "+show.Line(text), layers...) }

// estimate writes what the history and the config tell.
func estimate(img *analyze.Image) []Part {
	e := &estimator{img: img, said: map[string]bool{}}
	e.add(notice)
	own := e.base()
	steps := img.Steps()
	aligned := false
	for _, s := range steps {
		aligned = aligned || s.Layer != tarfs.NoLayer
	}
	above := own == 0 // the step is not one of the base
	for _, s := range steps {
		if above {
			e.step(s)
		}
		above = above || s.Layer == own-1
	}
	if !aligned {
		for layer := own; layer < len(img.Layers); layer++ {
			e.comment(fmt.Sprintf("layer %d: the history does not say what made it", layer), layer)
		}
	}
	e.config(own > 0)
	return e.parts
}

// base writes FROM, and returns how many layers it stands for.
func (e *estimator) base() int {
	base, known := e.img.Base()
	switch {
	case known && base.Layers > 0:
		name := base.Name
		if base.Digest != "" {
			name += "@" + base.Digest
		}
		layers := make([]int, base.Layers)
		for i := range layers {
			layers[i] = i
		}
		e.add("FROM "+show.Safe(name), layers...)
		return base.Layers
	case known && base.Layers < 0:
		e.comment("its annotations name the base " + show.Safe(strings.TrimSpace(base.Name+" "+base.Digest)) +
			", but not which layers it has")
	}
	e.add("FROM scratch")
	return 0
}

// step writes one entry of the history.
func (e *estimator) step(s analyze.Step) {
	var layers []int
	if s.Layer != tarfs.NoLayer {
		layers = []int{s.Layer}
	}
	text, names := instruction(s.Instruction.Written())
	if text == "" {
		e.comment(strings.TrimSpace("made by: "+show.OneLine(s.Instruction.Readable)), layers...)
		return
	}
	word := keyword(text)
	e.said[word] = true
	for _, name := range names {
		e.said[word+" "+name] = true
	}
	e.add(text, layers...)
}

// defaultPath is what BuildKit sets without being told.
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// config writes what the config has and the history does not set.
func (e *estimator) config(based bool) {
	c := &e.img.ConfigFile.Config
	var list []string
	missing := func(word string, text func() string) {
		if !e.said[word] {
			list = append(list, word+" "+text())
		}
	}
	for _, v := range c.Env {
		if name, value, _ := strings.Cut(v, "="); !e.said["ENV "+name] && v != defaultPath {
			list = append(list, "ENV "+assigned(name, value))
		}
	}
	for _, name := range sorted(c.Labels) {
		if !e.said["LABEL "+name] {
			list = append(list, "LABEL "+assigned(name, c.Labels[name]))
		}
	}
	if len(c.ExposedPorts) > 0 {
		missing("EXPOSE", func() string { return strings.Join(sorted(c.ExposedPorts), " ") })
	}
	if len(c.Volumes) > 0 {
		missing("VOLUME", func() string { return listed(sorted(c.Volumes)) })
	}
	for word, value := range pairsOf("USER", c.User, "WORKDIR", c.WorkingDir, "STOPSIGNAL", c.StopSignal) {
		if value != "" && !(word == "WORKDIR" && value == "/") {
			missing(word, func() string { return value })
		}
	}
	if len(c.Shell) > 0 {
		missing("SHELL", func() string { return listed(c.Shell) })
	}
	if h := c.Healthcheck; h != nil && len(h.Test) > 0 {
		missing("HEALTHCHECK", func() string {
			return healthcheck(h.Test, h.Interval, h.Timeout, h.StartPeriod, 0, h.Retries)
		})
	}
	for _, text := range c.OnBuild {
		missing("ONBUILD", func() string { return text })
	}
	if len(c.Entrypoint) > 0 {
		missing("ENTRYPOINT", func() string { return listed(c.Entrypoint) })
	}
	if len(c.Cmd) > 0 {
		missing("CMD", func() string { return listed(c.Cmd) })
	}
	if len(list) == 0 {
		return
	}
	from := "from the configuration:"
	if based {
		from = "from the configuration, perhaps of the base:"
	}
	e.comment(from)
	for _, text := range list {
		e.add(harmless(text))
	}
}
