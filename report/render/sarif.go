package render

import (
	"bufio"
	"slices"

	"layup/analyze/show"
)

// The parts of a SARIF log that are written; OASIS SARIF 2.1.0, section 3.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
		ColumnKind  string            `json:"columnKind"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string       `json:"id"`
		ShortDescription sarifMessage `json:"shortDescription"`
	}
	sarifMessage struct {
		Text string `json:"text"`
	}
	sarifInvocation struct {
		ExecutionSuccessful bool `json:"executionSuccessful"`
	}
	sarifResult struct {
		RuleID     string           `json:"ruleId"`
		RuleIndex  int              `json:"ruleIndex"`
		Kind       string           `json:"kind"`
		Level      string           `json:"level"`
		Message    sarifMessage     `json:"message"`
		Locations  []sarifLocation  `json:"locations"`
		Properties *sarifProperties `json:"properties,omitempty"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifRegion struct {
		StartLine int64 `json:"startLine"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
		Kind string `json:"kind"`
	}
	sarifProperties struct {
		Image string `json:"image"`
		Limit string `json:"limit,omitempty"`
		Layer *int64 `json:"layer,omitempty"`
	}
)

const (
	sarifVersion = "2.1.0"
	sarifSchema  = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

// writeSARIF writes one run. Its results are what failed in any image, and its tool has every rule that was checked.
func writeSARIF(w *bufio.Writer, d Doc, _ Terminal) error {
	answered := !slices.ContainsFunc(d.Sections, func(s Section) bool { return len(s.Errors) > 0 })
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}, Invocations: []sarifInvocation{{answered}}}
	run.Tool.Driver = sarifDriver{Name: "layup", Version: d.Version, Rules: []sarifRule{}}
	index := map[string]int{}
	for _, s := range d.Sections {
		for f := range s.findings {
			i, known := index[f.rule]
			if !known {
				i = len(run.Tool.Driver.Rules)
				index[f.rule] = i
				about := sarifMessage{"layup " + d.Command + ": " + f.rule}
				run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{f.rule, about})
			}
			if !f.pass {
				run.Results = append(run.Results, sarifOf(f, i, s))
			}
		}
	}
	b, err := appendObject(nil, sarifLog{sarifSchema, sarifVersion, []sarifRun{run}})
	if err != nil {
		return err
	}
	w.Write(append(b, '\n'))
	return nil
}

func sarifOf(f finding, rule int, s Section) sarifResult {
	label := s.fullLabel()
	r := sarifResult{RuleID: f.rule, RuleIndex: rule, Kind: "fail", Level: "error"}
	r.Message.Text = show.Safe(label) + ": " + f.sentence()
	r.Properties = &sarifProperties{Image: label, Limit: f.limit}
	if !f.layer.Absent() {
		n := f.layer.Int()
		r.Properties.Layer = &n
	}
	location := sarifLocation{Logical: []sarifLogical{{Name: label, Kind: "resource"}}}
	location.Physical.Artifact.URI = uri(f.path)
	if f.path == "" {
		location.Physical.Artifact.URI = uri(s.Source)
	}
	if !f.line.Absent() && f.path != "" {
		location.Physical.Region = &sarifRegion{f.line.Int()}
	}
	r.Locations = []sarifLocation{location}
	return r
}
