package docker

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"layup/report/call"
)

// The names that Docker's plugins use: "docker layup" runs the executable docker-layup, and asks for its metadata
// before.
const (
	pluginName     = "layup"
	pluginFile     = "docker-layup"
	pluginMetadata = "docker-cli-plugin-metadata"
	pluginSocket   = "DOCKER_CLI_PLUGIN_SOCKET"
)

// Plugin returns the context and the arguments of a command line. If docker started the program as a plugin, the
// context ends with docker, and docker's own arguments are left out.
func Plugin(ctx context.Context, line []string) (context.Context, []string) {
	if !isPlugin(line[0]) {
		return ctx, line[1:]
	}
	return withDocker(ctx), pluginArgs(line[1:])
}

// isPlugin reports whether the program was started by its name as a plugin.
func isPlugin(program string) bool {
	return strings.TrimSuffix(filepath.Base(program), ".exe") == pluginFile
}

// pluginArgs returns our part of docker's command line. Docker puts global flags, help or __complete before the
// plugin's name. Other lines stay as they are, as the program can be called by hand.
func pluginArgs(args []string) []string {
	rest, help := withoutDockerFlags(args)
	if len(rest) > 1 && (rest[0] == "help" || strings.HasPrefix(rest[0], "__complete")) && rest[1] == pluginName {
		return slices.Concat([]string{strings.TrimSuffix(rest[0], "NoDesc")}, rest[2:])
	}
	switch {
	case len(rest) == 0 || rest[0] != pluginName:
		return args
	case help:
		return slices.Concat([]string{"help"}, rest[1:])
	}
	return rest[1:]
}

// withoutDockerFlags drops docker's global flags from the front. They choose an engine, which a plugin for files does
// not ask.
func withoutDockerFlags(args []string) (rest []string, help bool) {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.Usage = func() {}
	f.SetInterspersed(false)
	f.BoolVar(&help, "help", false, "")
	for _, name := range []string{"config", "tlscacert", "tlscert", "tlskey"} {
		f.String(name, "", "")
	}
	f.StringP("context", "c", "", "")
	f.StringArrayP("host", "H", nil, "")
	f.StringP("log-level", "l", "", "")
	f.BoolP("debug", "D", false, "")
	f.Bool("tls", false, "")
	f.Bool("tlsverify", false, "")
	if err := f.Parse(args); err != nil {
		return args, false
	}
	return f.Args(), help
}

// Metadata is the command by which Docker recognises a plugin.
func Metadata() call.Command {
	return call.Command{Name: pluginMetadata, Max: 0, Hidden: true, Plain: true, New: newMetadata,
		About: "introduce the plugin to Docker"}
}

func newMetadata(*pflag.FlagSet) call.Answer {
	return func(ctx context.Context, c *call.Call) (int, error) {
		version, _, _ := call.Build()
		text, err := json.Marshal(struct{ SchemaVersion, Vendor, Version, ShortDescription string }{
			"0.1.0", "layup", version, "Say which layer owns each file of an image"})
		if err != nil {
			return call.Failed, err
		}
		return call.Answered, c.Print(ctx, string(text)+"\n")
	}
}

// withDocker returns the context of a plugin's command, which ends with the docker client that started it. Without a
// terminal, the client passes on no signal: it closes the socket in pluginSocket and waits for its plugin.
func withDocker(ctx context.Context) context.Context {
	ctx = call.AsPlugin(ctx)
	address := os.Getenv(pluginSocket)
	if address == "" {
		return ctx
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", address)
	if err != nil {
		return ctx // only signals end it then, as with older clients
	}
	ctx, end := context.WithCancel(ctx)
	go func() {
		defer end()
		io.Copy(io.Discard, conn) // nothing is ever sent: it returns when the other side closes
	}()
	return ctx
}
