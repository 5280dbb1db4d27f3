package verify_test

import (
	"encoding/json"
	"strings"
	"testing"

	"layup/fixtures/direct"
)

// A record says how it was made, and what its maker wrote into it; no password is in it.
func TestTheRecordHasTheCommandLineAndTheNote(t *testing.T) {
	image := direct.Pack(t, "myfile")
	args := []string{"verify", "--creds", "me:pass word", image, "--note", "case 12, \x1b[31mred", "-q"}
	line := "layup verify --note $'case 12, \\x1b[31mred' --quiet --creds 'me:********' " + image
	got := direct.Layup(t, args...)
	for _, want := range []string{"\ncommand      " + line + "\n", "\nnote         $'case 12, \\x1b[31mred'\n"} {
		if !strings.Contains(got.Out, want) {
			t.Errorf("the record lacks %q:\n%s", want, got.Out)
		}
	}
	var doc struct {
		Note string
		Tool struct{ CommandLine string }
	}
	text := direct.Layup(t, append(args, "-f", "json")...).Out
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Note != "case 12, \x1b[31mred" || !strings.Contains(doc.Tool.CommandLine, "--creds 'me:********'") {
		t.Errorf("got %+v", doc)
	}
	if strings.Contains(got.Out+text, "pass word") {
		t.Error("the record has the password")
	}
	if plain := direct.Layup(t, "verify", image, "-f", "json").Out; strings.Contains(plain, `"note"`) {
		t.Error("a note that nobody wrote")
	}
}

// Passwords in what the user typed are in no message.
func TestNoMessageRepeatsAPassword(t *testing.T) {
	for _, name := range []string{"https://me:secret@host.example/a", "docker://me:secret@host.example/a",
		"oci://token-secret@host.example/a"} {
		for _, command := range []string{"images", "verify", "layers"} {
			got := direct.Layup(t, command, "--offline", name)
			if got.Status != 2 || strings.Contains(got.Err, "secret") {
				t.Errorf("%s %s: exit %d: %s", command, name, got.Status, got.Err)
			}
		}
	}
	digest := "sha256:" + strings.Repeat("a", 64)
	got := direct.Layup(t, "images", "--offline", "docker://nginx@"+digest)
	if !strings.Contains(got.Err, "nginx@"+digest) {
		t.Errorf("a digest is masked: %s", got.Err)
	}
}
