package render

import (
	"bufio"
	"errors"
	"fmt"
	"strings"

	template "github.com/DataDog/datadog-agent/pkg/template/text"
)

// A program is a template that is run for each item.
type program struct {
	text   *template.Template
	table  bool // "table TEMPLATE"
	bounds bounds
}

// templateName is what messages call the template.
const templateName = "template"

// compile parses a template with docker's functions and prepares it: \t and \n in its text are what they say, and every
// loop asks the meter whether to go on.
func compile(source string, table bool) (*program, error) {
	text, err := template.New(templateName).Funcs((&meter{}).functions()).Parse(source)
	if err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "template: "))
	}
	instrument(text, source, true)
	return &program{text: text, table: table, bounds: usualBounds}, nil
}

func (p *program) write(w *bufio.Writer, d Doc, t Terminal) error {
	for _, s := range d.Sections {
		if err := p.check(fieldNames(s, d.many())); err != nil {
			return err
		}
	}
	r, err := p.start()
	if err != nil {
		return err
	}
	if p.table {
		return r.sheet(d, t).write(w)
	}
	var out spool
	err = r.each(d, t.seen(), func(text string) error { return out.add(w, text) })
	if err != nil {
		return err
	}
	return out.end(w)
}

// A run is a template while it is run for a document.
type run struct {
	text  *template.Template
	table bool
	meter *meter
	out   limited
}

func (p *program) start() (*run, error) {
	text, err := p.text.Clone()
	if err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	m := &meter{bounds: p.bounds}
	r := &run{text: text.Funcs(m.functions()), table: p.table, meter: m}
	r.out.meter = m
	return r, nil
}

// each runs the template for every item. seen escapes the strings that the template gets.
func (r *run) each(d Doc, seen bool, yield func(text string) error) (err error) {
	for _, s := range d.Sections {
		it := newItem(s, d.many(), seen)
		for row := range s.rows {
			if err = it.set(row); err != nil {
				break
			}
			var text string
			if text, err = r.one(it); err != nil {
				break
			}
			if seen { // a template may cut a character in two
				text = strings.ToValidUTF8(text, "\ufffd")
			}
			if err = yield(text); err != nil {
				break
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// one runs the template for one item.
func (r *run) one(it *item) (string, error) {
	r.out.Reset()
	err := r.meter.begin()
	if err == nil {
		err = r.text.Execute(&r.out, it.members)
	}
	r.meter.end()
	if passed := boundPassed(err); passed != nil {
		return "", passed
	}
	if err != nil {
		return "", errors.New(strings.TrimPrefix(err.Error(), "template: "))
	}
	return r.out.String(), nil
}

// boundPassed returns the bound that an error of a template is about, or nil.
func boundPassed(err error) error {
	if passed, ok := errors.AsType[*boundError](err); ok {
		return passed
	}
	if err != nil && strings.Contains(err.Error(), "exceeded maximum template depth") {
		return &boundError{"template calls itself too deep"}
	}
	return nil
}

// sheet is the table of what the template writes, a tab between cells.
func (r *run) sheet(d Doc, t Terminal) *sheet {
	sh := &sheet{terminal: t}
	for _, title := range r.titles() {
		sh.columns = append(sh.columns, Column{Title: title})
	}
	sh.rows = func(yield func([]string) bool) error {
		err := r.each(d, true, func(text string) error {
			for line := range strings.SplitSeq(text, "\n") {
				if !yield(strings.Split(line, "\t")) {
					return errEnough
				}
			}
			return nil
		})
		if errors.Is(err, errEnough) {
			return nil
		}
		return err
	}
	return sh
}

var errEnough = errors.New("enough")

// A spool holds back the output of a template up to a size, so that an error further on leaves no half answer; what is
// longer is streamed.
type spool struct {
	held     []byte
	overflow bool
}

func (s *spool) add(w *bufio.Writer, text string) error {
	s.held = append(append(s.held, text...), '\n')
	if !s.overflow && len(s.held) < usualBounds.bytes || s.overflow && len(s.held) < 64<<10 {
		return nil
	}
	s.overflow = true
	return s.end(w)
}

func (s *spool) end(w *bufio.Writer) error {
	_, err := w.Write(s.held)
	s.held = s.held[:0]
	return err
}
