package call

import "testing"

func TestPluginAdvisesWhatItsUserTypes(t *testing.T) {
	commands := []Command{{Name: "log"}, {Name: "owner"}, {Name: "help"}, {Name: "layers"}, {Name: "completion"},
		{Name: "ls"}}
	for text, want := range map[string]string{
		"hint: layup log x /etc/passwd":        "hint: docker layup log x /etc/passwd",
		"hint: did you mean layup owner?":      "hint: did you mean docker layup owner?",
		"hint: layup help  lists the commands": "hint: docker layup help  lists the commands",
		"  docker save nginx | layup layers -": "  docker save nginx | docker layup layers -",
		"source <(layup completion bash)":      "source <(docker layup completion bash)",
		"Usage: layup COMMAND [flags]":         "Usage: docker layup COMMAND [flags]",
		"layup says which layer owns":          "layup says which layer owns", "/x/layup ls": "/x/layup ls",
		"hint: layup ls layup": "hint: docker layup ls layup",
	} {
		if got := afterDocker(commands, text); got != want {
			t.Errorf("%q: got %q want %q", text, got, want)
		}
	}
}
