package call

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"layup/report/render"
)

const intro = `
layup says which layer owns each file of a container image, what every layer did, and what is hidden. It reads
archives, layouts and the stores of engines from disk, and images in a registry or a running engine that you
name; it needs no engine and opens no other connection.
`

const aboutImages = `
IMAGE is a file, a directory, or - for standard input, recognised by its content: docker save of any age, OCI layout,
podman, skopeo, kaniko and crane archives, a bare layer or a root filesystem, each also inside gzip, zstd, xz or
bzip2. docker-archive:PATH[:REF], oci-archive:PATH[:TAG], oci:DIR[:TAG|@DIGEST] and dir:DIR (of skopeo) insist on the
kind. docker://REF (or registry:REF) is an image in a registry.

The store of an engine is named with a prefix, DIR being a directory, or a tar of it, and REF an image or a container:
docker-root:DIR[:REF] (/var/lib/docker), containers-storage:DIR[:REF] (podman, CRI-O, buildah),
containerd-root:DIR[:REF] (/var/lib/containerd). Without DIR it is the directory in brackets, of podman
/var/lib/containers/storage: docker-root: is all of it, docker-root::REF one image. The disk of a registry is
registry-root:DIR[:REPO[:TAG|@DIGEST]]. A ~ after a colon is your home directory.

docker-daemon:REF asks a running engine over its Unix socket, as docker save does: that of DOCKER_HOST (podman's also),
of the Docker context, or /var/run/docker.sock. Without REF, images lists what the engine has.
`

const statuses = `Exit status:
  0  answered
  1  the answer is no%s
  2  could not answer: usage, unreadable, corrupt, unsupported, refused
  3  answered in part, with --keep-going
  130 and 143 after SIGINT and SIGTERM
`

const examples = `
Examples:
  layup owner nginx.tar /etc/nginx/nginx.conf
  layup find nginx.tar MYFILE
  docker save nginx | layup layers -
  layup images docker-root:/var/lib/docker

layup help COMMAND shows a command's flags, and those that every command knows.
`

// NewHelp returns the answer of help: the help of the program, or of the command that the first argument names.
func NewHelp(*pflag.FlagSet) Answer {
	return func(ctx context.Context, c *Call) (int, error) {
		text := overview(c.commands)
		if len(c.Args) > 0 {
			report, err := command(c.commands, c.Args[0])
			if err != nil {
				return Failed, err
			}
			text = explain(report)
		}
		if isPlugin(ctx) {
			text = afterDocker(c.commands, text)
		}
		return Answered, c.Print(ctx, text)
	}
}

// overview is the help of the program.
func overview(commands []Command) string {
	var b strings.Builder
	b.WriteString(wrapped(intro) + "\nUsage: layup COMMAND [flags] IMAGE [args]\n\nCommands:\n")
	for _, r := range commands {
		if !r.Hidden {
			fmt.Fprintf(&b, "  %-11s %s\n", r.Name, r.About)
		}
	}
	b.WriteString("\n" + wrapped(aboutImages) + "\n" + fmt.Sprintf(statuses, ": not found, or another no") + examples)
	return b.String()
}

// explain is the help of one command: its own flags first, then those that every command knows.
func explain(r Command) string {
	own := newFlagSet()
	r.New(own)
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nUsage: %s\n", sentence(r.About), r.usage(r.Args))
	if r.Several != "" {
		fmt.Fprintf(&b, "       %s\n", r.usage(r.Several))
	}
	if r.Details != "" {
		b.WriteString("\n" + wrapped(r.Details))
	}
	if own.HasAvailableFlags() {
		b.WriteString("\nFlags of " + r.Name + ":\n" + flagLines(own, newFlagSet()))
	}
	common := newCommon()
	common.groups[0].flags.Lookup("format").Usage = render.Usage(r.Items)
	for i, g := range common.groups {
		if i > 0 && !r.readsImages() {
			break // only the flags of the output apply
		}
		b.WriteString("\n" + g.title + " (every command):\n" + flagLines(g.flags, own))
	}
	b.WriteString("\nExamples:\n")
	for _, e := range r.Examples {
		b.WriteString("  " + e + "\n")
	}
	b.WriteString("\n" + r.statuses())
	return b.String()
}

// usage is a form of the command's line.
func (r Command) usage(args string) string {
	return strings.TrimSpace("layup " + r.Name + " [flags] " + args)
}

// statuses is what the help says of the exit status.
func (r Command) statuses() string {
	if r.Statuses != "" {
		return "Exit status:\n" + r.Statuses
	}
	no := " (never for this command)"
	if r.No != "" {
		no = ": " + r.No
	}
	return fmt.Sprintf(statuses, no)
}

// sentence makes a sentence of a line of the overview.
func sentence(about string) string {
	return strings.ToUpper(about[:1]) + about[1:] + "."
}
