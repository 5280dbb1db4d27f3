// Package verify is the command verify: the record of everything in a source that could be checked.
package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/pflag"

	"layup/analyze"
	"layup/analyze/show"
	"layup/analyze/signature"
	"layup/analyze/source"
	"layup/analyze/source/kinds"
	"layup/report/call"
	"layup/report/item"
	"layup/report/render"
)

const details = `
Reads everything to the last byte and writes down each comparison: digest and size of every blob, the
config, every diffID, as many diffIDs as layers, what the documents say of each other, blobs that are
missing or that nothing refers to, data after the end of an archive, and entries that engines refuse or
read differently. It goes on after damage and lists all of it. The record belongs to the file whose
digest it begins with. It also has the command line, with passwords masked, and the TEXT of --note.

RESULT is pass, FAIL, or - where there is nothing to compare with: what nothing names by a digest could
not be verified (a bare layer, the layers of docker save from before 1.10). Warnings of severity high
fail; docs/warnings.md explains the codes. Every blob of the file is read; layers are unpacked for the
image that is chosen, or with --all for every one. Of a store without a name everything is verified.

Of an engine's store every layer is put together from its directory and the engine's tar-split record, and
compared with both: contents, metadata, what was added and what is missing. That record lies in the store:
whoever could write there could rewrite it, and the image with it. --expect ID binds the record to an
image ID, or a manifest's digest, that is known from elsewhere. Without the name of an image or a container
all of them are verified. Owners are compared as they are stored; a rootless engine needs --subid START.

With --key or --certificate-root an image must also be signed: by cosign, in its tags and saved layouts, by a
bundle of sigstore, or, for --attestation, by DSSE. It is signed by the digest of its manifest or of an index
that lists it; the record says which. Nobody is asked, and neither entries of a transparency log nor time
stamps (RFC 3161) are read, so that a certificate must be valid now. Notation's signatures are not read.
layup pull --all takes signatures along; docs/signatures.md says what they prove.
`

// Verify is the command verify.
func Verify() call.Command {
	return call.Command{Name: "verify", Group: call.Trust, Brief: "every digest and rule",
		Args: "IMAGE...", Min: 1, Max: -1, New: newVerify, Details: details,
		About: "check every digest, size and rule, and write the record", No: "a check failed",
		Refuses: []call.Refusal{{Flag: "no-verify", Why: "it would leave nothing to do",
			Hint: "layup layers --no-verify %s  lists layers without it"},
			{Flag: "toc", Why: "everything is read", Hint: "layup ls --toc %s  lists by the index alone"}},
		Examples: []string{"layup verify shop.tar", "layup verify --all -f json -o record.json shop.tar",
			"layup verify --key cosign.pub shop.tar",
			"layup verify --expect sha256:8f0c… docker-root:/mnt/var/lib/docker:shop:1.2"}}
}

func newVerify(f *pflag.FlagSet) call.Answer {
	note := f.String("note", "", "write this `TEXT` into the record: a case, a name, a reason")
	var trust TrustFlags
	trust.Flags(f)
	expect := f.String("expect", "", "fail unless the image's `ID`, or its manifest's digest, is this one: sha256:HEX")
	return func(ctx context.Context, c *call.Call) (int, error) {
		opt, err := c.Options(c.Args, analyze.Needs{})
		if err == nil {
			err = checkExpected(*expect, opt.Select.All || len(c.Args) > 1)
		}
		if err == nil {
			opt.Trust, err = trust.Policy(c.Command.Name)
		}
		if err != nil {
			return call.Failed, err
		}
		verify := func(name string) (*record, error) {
			v, err := newRecord(ctx, c, name, opt, *expect)
			if err == nil {
				v.note = *note
			}
			return v, err
		}
		doc := render.Doc{Command: c.Command.Name, Many: opt.Select.All || len(c.Args) > 1}
		var records []*record
		var failed []error
		for found := range call.Inputs(ctx, c, c.Args, verify) {
			switch {
			case ctx.Err() != nil || found.Err != nil && !doc.Many:
				return call.Failed, cmp.Or(ctx.Err(), found.Err)
			case found.Err != nil:
				failed = append(failed, found.Err)
				doc.Sections = append(doc.Sections, render.Section{Image: item.ImageFacts{Name: found.Name},
					Source: found.Name, Errors: []any{item.ErrorFacts{Message: found.Err.Error()}}})
			default:
				records = append(records, found.Value)
				doc.Many = doc.Many || found.Value.all
				doc.Sections = append(doc.Sections, found.Value.sections(c)...)
			}
		}
		if err := c.WriteDoc(ctx, doc); err != nil {
			return call.Failed, err
		}
		return judge(c, records, failed), nil
	}
}

// judge prints what failed, and returns the exit status.
func judge(c *call.Call, records []*record, failed []error) int {
	status := call.Answered
	for _, v := range records {
		if complain(c, v) {
			status = call.Refuted
		}
	}
	for _, err := range failed {
		c.Fail(err)
		status = call.Failed
	}
	return status
}

// A record is a verification as it is shown.
type record struct {
	*analyze.Verification
	name string // of the source
	all  bool   // the images and platforms of the source
	note string // of the user

	trusted []signature.Trusted // the signers that are wanted
}

// newRecord verifies one source. Of a store without a name in it, everything is verified, as find searches everything.
func newRecord(ctx context.Context, c *call.Call, name string, opt analyze.Options, expect string) (*record, error) {
	all := opt.Select.All
	opt.Select.All = all || expect == "" && !c.Given("image") && kinds.IsWholeStore(name)
	verification, err := analyze.Verify(ctx, name, opt)
	if err != nil {
		return nil, err
	}
	v := &record{Verification: verification, name: name, all: all || len(verification.Images) > 1,
		trusted: opt.Trust.Trusted()}
	v.expect(expect)
	return v, nil
}

// sections returns what the document says of a source and of its images.
func (v *record) sections(c *call.Call) (list []render.Section) {
	if v.all || len(v.Images) == 0 {
		whole := verified{source: v.Source, checks: slices.Concat(v.File, v.Others)}
		if len(whole.checks) > 0 {
			list = append(list, whole.section(c, v))
		}
	}
	for _, one := range v.images() {
		list = append(list, one.section(c, v))
	}
	return list
}

// verified is what one section of the document says.
type verified struct {
	source string
	image  *analyze.Image // nil for what is about the source as a whole
	checks []source.Check
	signed []signature.Signer
}

// images returns a section for each image. A single one has the checks of the source as well.
func (v *record) images() []verified {
	var list []verified
	for _, one := range v.Images {
		checks := one.Checks
		if !v.all {
			checks = slices.Concat(v.File, one.Checks, v.Others)
		}
		list = append(list, verified{v.Source, one.Image, checks, one.Signers})
	}
	return list
}

// A tally counts the checks of a section by how they ended.
type tally struct {
	Checks   int `json:"checks"`
	Passed   int `json:"passed"`
	Failed   int `json:"failed"`
	Unproven int `json:"unproven"`
}

func tallyOf(checks []source.Check) tally {
	t := tally{Checks: len(checks)}
	for _, c := range checks {
		switch c.Verdict {
		case source.Passed:
			t.Passed++
		case source.Failed:
			t.Failed++
		default:
			t.Unproven++
		}
	}
	return t
}

// line is the verdict in words.
func (t tally) line() string {
	verdict := "PASS"
	if t.Failed > 0 {
		verdict = "FAIL"
	}
	return fmt.Sprintf("%s: %d checks: %d passed, %d failed, %d with nothing to compare with", verdict, t.Checks, t.Passed,
		t.Failed, t.Unproven)
}

// toolFacts is the "tool" object of the document: a record must say what made it, and how.
type toolFacts struct {
	Name        string `json:"name"`
	Version     string `json:"version"`
	Commit      string `json:"commit,omitempty"`
	CommandLine string `json:"commandLine,omitempty"` // without passwords
}

// Tool returns what a document says of this program and its command line.
func Tool(line string) any {
	version, commit, _ := call.Build()
	return toolFacts{"layup", version, commit, line}
}

func (one verified) section(c *call.Call, v *record) render.Section {
	count := tallyOf(one.checks)
	s := checksTable(brief(c)).Section(one.checks)
	s.Source, s.Head, s.Footer = v.name, one.head(c, v), count.line()
	s.Extra = []render.Extra{{Name: "pass", Value: count.Failed == 0}, {Name: "summary", Value: count},
		{Name: "left", Value: v.Left}, {Name: "tool", Value: Tool(c.Line())}}
	if len(v.trusted) > 0 && one.image != nil {
		s.Extra = append(s.Extra, render.Extra{Name: "trusted", Value: v.trusted},
			render.Extra{Name: "signatures", Value: append([]signature.Signer{}, one.signed...)})
	}
	if v.note != "" {
		s.Extra = append(s.Extra, render.Extra{Name: "note", Value: v.note})
	}
	facts := item.ImageFacts{Source: one.source}
	if one.image != nil {
		facts = item.FactsOf(one.image)
		s.Name = cmp.Or(one.image.Reference, one.image.ID)
		for _, w := range one.image.Warnings() {
			s.Warnings = append(s.Warnings, item.NewWarningFacts(w))
		}
	}
	if v.all || len(c.Args) > 1 {
		facts.Name = v.name
	}
	s.Image = facts
	return s
}

// brief reports whether the answer goes to a terminal that cuts.
func brief(c *call.Call) bool { return c.Terminal().Width > 0 }

// head says what was verified, by what.
func (one verified) head(c *call.Call, v *record) []string {
	version, commit, _ := call.Build()
	by := "layup " + version
	if commit != "" {
		by += " (" + commit + ")"
	}
	lines := []string{"verified by  " + by,
		"source       " + show.Safe(call.WithoutPasswords(v.name)) + " (" + one.source + ")",
		"command      " + c.Line()}
	add := func(title, text string) {
		if text != "" {
			lines = append(lines, title+show.Safe(text)) // titles are not escaped
		}
	}
	add("note         ", v.note)
	for _, check := range v.File {
		if check.What == "file" {
			add("file         ", check.Found)
		}
	}
	if img := one.image; img != nil {
		add("image        ", img.Reference)
		add("ID           ", img.ID)
		add("type         ", img.ArtifactType)
		add("platform     ", img.Platform)
		add("layers       ", strconv.Itoa(len(img.Layers)))
		if img.Verified == "none" && countOf(one.checks, "layer", source.Unproven) > 0 {
			add("not verified ", "the layers: nothing names their digests, so nobody can tell whether they were changed")
		}
	}
	for _, t := range v.trusted {
		add("trusted      ", t.Line())
	}
	for _, s := range one.signed {
		add("signature    ", s.Line())
	}
	if v.Left > 0 {
		add("left out     ", fmt.Sprintf("further images and containers of the source: %d (--all also verifies them)",
			v.Left))
	}
	if one.stored() {
		add("trust        ", trustLine(one.checks))
	}
	return append(lines, "")
}

// Section is what a page says of a record with one image.
func Section(v *analyze.Verification) render.Section {
	checks := slices.Concat(v.File, v.Images[0].Checks, v.Others)
	count, file := tallyOf(checks), ""
	for _, check := range v.File {
		if check.What == "file" {
			file = check.Found
		}
	}
	s := checksTable(false).Section(checks)
	s.Extra = []render.Extra{{Name: "pass", Value: count.Failed == 0}, {Name: "line", Value: count.line()},
		{Name: "file", Value: file}, {Name: "left", Value: v.Left}}
	if signed := v.Images[0].Signers; len(signed) > 0 {
		var lines []string
		for _, one := range signed {
			lines = append(lines, one.Line())
		}
		s.Extra = append(s.Extra, render.Extra{Name: "signatures", Value: lines})
	}
	if one := (verified{image: v.Images[0].Image, checks: checks}); one.stored() {
		s.Extra = append(s.Extra, render.Extra{Name: "trust", Value: trustLine(checks)})
	}
	return s
}
