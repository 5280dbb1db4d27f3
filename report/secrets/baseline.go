package secrets

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"layup/analyze/expression"
	"layup/analyze/secrets"
	"layup/analyze/show"
)

// The most bytes of files that a user names.
const (
	mostRules    = 4 << 20
	mostBaseline = 64 << 20
)

// Known are the fingerprints of a baseline.
type Known map[string]bool

// Has reports whether a finding is known.
func (k Known) Has(f *secrets.Finding) bool { return len(k) > 0 && k[f.Fingerprint()] }

// fingerprint matches one.
var fingerprint = expression.Lazy(`^[0-9a-f]{24}$`)

// Baseline reads a baseline: fingerprints, one a line, or a document of the command secrets, as json or jsonl. An empty
// name is an empty baseline.
func Baseline(name string) (Known, error) {
	if name == "" {
		return nil, nil
	}
	text, err := read(name, mostBaseline)
	k := Known{}
	if err == nil {
		err = k.parse(text)
	}
	if err != nil {
		return nil, fmt.Errorf("--baseline %s: %w", show.Shell(name), err)
	}
	return k, nil
}

func read(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	defer f.Close() // opened for reading: closing cannot lose anything
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("has more than %s bytes", show.Grouped(most))
	}
	return text, err
}

func (k Known) parse(text []byte) error {
	if trimmed := bytes.TrimSpace(text); len(trimmed) > 0 && trimmed[0] == '{' {
		return k.documents(trimmed)
	}
	number := 0
	for line := range bytes.Lines(text) {
		number++
		line, _, _ = bytes.Cut(line, []byte{'#'})
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if !fingerprint().Match(line) {
			return fmt.Errorf("line %d: not a fingerprint; layup secrets -f json lists them", number)
		}
		k[string(line)] = true
	}
	return nil
}

// A known is what a document says of a finding.
type known struct {
	Fingerprint string `json:"fingerprint"`
}

// documents reads documents, or items, one after another.
func (k Known) documents(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	for {
		var doc struct {
			known
			Items  []known                   `json:"items"`
			Images []struct{ Items []known } `json:"images"`
		}
		err := decoder.Decode(&doc)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("not a document of layup secrets: %w", err)
		}
		for _, image := range doc.Images {
			doc.Items = append(doc.Items, image.Items...)
		}
		for _, one := range append(doc.Items, doc.known) {
			if one.Fingerprint != "" {
				k[one.Fingerprint] = true
			}
		}
	}
}
