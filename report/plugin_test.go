package report

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"layup/report/call"
)

func TestPluginUnderstandsWhatDockerHandsOn(t *testing.T) {
	for _, c := range []struct{ say, args, want string }{
		{"a command", "layup owner x /y", "owner x /y"},
		{"global flags before it", "-D --context c --host=unix:///x -H tcp://y -lerror --tlsverify --tlscacert ca.pem --config dir layup owner x /y", "owner x /y"},
		{"a context of the plugin's name", "--context layup -c layup layup ls x", "ls x"},
		{"flags behind it are ours", "layup -q ls -l x", "-q ls -l x"},
		{"the name once more is an image", "layup ls layup", "ls layup"},
		{"nothing else", "layup", ""},
		{"help of docker", "help layup", "help"},
		{"help of a command", "help layup ls", "help ls"},
		{"help as a flag of docker", "--help layup ls", "help ls"},
		{"help as a flag of ours", "layup ls --help", "ls --help"},
		{"completion", "__complete layup ls x /e", "__complete ls x /e"},
		{"completion with docker's flags", "-D __complete layup ow", "__complete ow"},
		{"completion without descriptions", "__completeNoDesc layup ow", "__complete ow"},
		{"the introduction", pluginMetadata, pluginMetadata},
		{"called by hand", "ls x", "ls x"},
		{"called by hand on a file of its name", "ls layup", "ls layup"},
		{"called by hand with our flags", "--format json ls layup", "--format json ls layup"},
	} {
		got := PluginArgs(strings.Fields(c.args))
		if want := strings.Fields(c.want); !slices.Equal(got, want) {
			t.Errorf("%s: got %q want %q", c.say, got, want)
		}
	}
}

func TestPluginIsKnownByItsName(t *testing.T) {
	for program, want := range map[string]bool{"docker-layup": true, "/x/cli-plugins/docker-layup": true, "docker-layup.exe": true, "layup": false, "/docker-layup/layup": false, "": false} {
		if got := IsPlugin(program); got != want {
			t.Errorf("%q: got %t want %t", program, got, want)
		}
	}
}

func TestPluginIntroducesItself(t *testing.T) {
	got := layup(t, pluginMetadata)
	var m map[string]string
	if err := json.Unmarshal([]byte(got.out), &m); err != nil || got.status != 0 {
		t.Fatalf("exit %d: %s: %v", got.status, got.out, err)
	}
	for _, key := range []string{"Vendor", "Version", "ShortDescription"} {
		if m[key] == "" {
			t.Errorf("%s is missing", key)
		}
	}
	if m["SchemaVersion"] != "0.1.0" {
		t.Errorf("schema version: got %q", m["SchemaVersion"])
	}
}

func TestPluginAdvisesWhatItsUserTypes(t *testing.T) {
	for text, want := range map[string]string{
		"hint: layup log x /etc/passwd": "hint: docker layup log x /etc/passwd", "hint: did you mean: layup owner": "hint: did you mean: docker layup owner", "hint: layup help  lists the commands": "hint: docker layup help  lists the commands",
		"  docker save nginx | layup layers -": "  docker save nginx | docker layup layers -", "source <(layup completion bash)": "source <(docker layup completion bash)", "Usage: layup COMMAND [flags]": "Usage: docker layup COMMAND [flags]",
		"layup says which layer owns": "layup says which layer owns", "/x/layup ls": "/x/layup ls", "hint: layup ls layup": "hint: docker layup ls layup",
	} {
		if got := call.BehindDocker(All(), text); got != want {
			t.Errorf("%q: got %q want %q", text, got, want)
		}
	}
}
