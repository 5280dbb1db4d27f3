package render

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"strings"

	"layup/analyze/show"
)

// The parts of a JUnit report that CI servers read.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string        `xml:"classname,attr"`
		Name    string        `xml:"name,attr"`
		Failure *junitFailure `xml:"failure"`
		Error   *junitFailure `xml:"error"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit writes a suite for each image and a case for each rule. All text is escaped first, so that it holds only
// characters that XML can hold.
func writeJUnit(w *bufio.Writer, d Doc, _ Terminal) error {
	all := junitSuites{Name: "layup " + d.Command}
	for _, s := range d.Sections {
		suite := junitSuite{Name: show.Safe(s.fullLabel())}
		add := func(name string) *junitCase {
			suite.Cases = append(suite.Cases, junitCase{Class: "layup." + d.Command, Name: name})
			return &suite.Cases[len(suite.Cases)-1]
		}
		last := ""
		for f := range s.findings {
			if key := f.rule + "\x00" + f.limit; key != last || len(suite.Cases) == 0 {
				add(show.Safe(strings.TrimSpace(f.rule + " " + f.limit)))
				last = key
			}
			if !f.pass {
				suite.Cases[len(suite.Cases)-1].fail(f.sentence())
			}
		}
		for _, e := range s.Errors {
			text, err := appendObject(nil, e)
			if err != nil {
				return err
			}
			add("read").Error = &junitFailure{Message: show.Safe(string(text))}
			suite.Errors++
		}
		for _, c := range suite.Cases {
			if c.Failure != nil {
				suite.Failures++
			}
		}
		suite.Tests = len(suite.Cases)
		all.Tests, all.Failures, all.Errors = all.Tests+suite.Tests, all.Failures+suite.Failures, all.Errors+suite.Errors
		all.Suites = append(all.Suites, suite)
	}
	w.WriteString(xml.Header)
	encoder := xml.NewEncoder(w)
	encoder.Indent("", " ")
	if err := encoder.Encode(all); err != nil {
		return fmt.Errorf("junit: %w", err)
	}
	return w.WriteByte('\n')
}

func (c *junitCase) fail(sentence string) {
	if c.Failure == nil {
		c.Failure = &junitFailure{Message: sentence}
	}
	c.Failure.Text += sentence + "\n"
}
