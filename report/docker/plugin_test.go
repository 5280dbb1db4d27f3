package docker

import (
	"slices"
	"strings"
	"testing"
)

func TestPluginUnderstandsWhatDockerHandsOn(t *testing.T) {
	for _, c := range []struct{ say, args, want string }{
		{"a command", "layup owner x /y", "owner x /y"},
		{"global flags before it", "-D --context c --host=unix:///x -H tcp://y -lerror --tlsverify --tlscacert ca.pem " +
			"--config dir layup owner x /y", "owner x /y"},
		{"a context of the plugin's name", "--context layup -c layup layup ls x", "ls x"},
		{"flags after it are ours", "layup -q ls -l x", "-q ls -l x"},
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
		got := pluginArgs(strings.Fields(c.args))
		if want := strings.Fields(c.want); !slices.Equal(got, want) {
			t.Errorf("%s: got %q want %q", c.say, got, want)
		}
	}
}

func TestPluginIsKnownByItsName(t *testing.T) {
	for program, want := range map[string]bool{"docker-layup": true, "/x/cli-plugins/docker-layup": true,
		"docker-layup.exe": true, "layup": false, "/docker-layup/layup": false, "": false} {
		if got := isPlugin(program); got != want {
			t.Errorf("%q: got %t want %t", program, got, want)
		}
	}
}
