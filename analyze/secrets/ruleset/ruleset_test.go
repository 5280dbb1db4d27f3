package ruleset_test

import (
	"bytes"
	"os"
	"testing"

	"layup/analyze/secrets/ruleset"
)

// The rules that the program holds are those of the files: run with UPDATE=1 after these change.
func TestTheRulesAreThoseOfTheFiles(t *testing.T) {
	read := func(name string) []byte {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	want, err := ruleset.Prepare(string(read("gitleaks.toml")), string(read("own.toml")))
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile("rules.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(read("rules.json"), want) {
		t.Error("rules.json holds other rules: run with UPDATE=1")
	}
}
