package call

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"layup/report/render"
)

const intro = `layup says which layer of a container image owns each file, and what is hidden.
Usage: layup COMMAND [flags] IMAGE [args], or help COMMAND|flags|sources
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

// A Group is a title of the help, under which commands stand.
type Group string

// The groups of commands.
const (
	Files Group = "Who put it there"
	Image Group = "What is in the image"
	Space Group = "Where the space is"
	Taken Group = "Take it with you"
	Trust Group = "Can it be trusted"
	Other Group = "Beside it"
)

// beside are the groups that stand beside each other.
var beside = [][2]Group{{Files, Image}, {Space, Taken}, {Trust, Other}}

// A Topic is what help explains beside commands.
type Topic struct {
	Name, About string
	text        func() string
}

// Topics returns what help explains beside commands.
func Topics() []Topic {
	return []Topic{{"flags", "the flags that every command knows", commonFlags},
		{"sources", "what IMAGE may be", func() string { return wrapped(aboutImages) }}}
}

// NewHelp returns the answer of help: the help of the program, or of the command or topic that the first argument
// names.
func NewHelp(*pflag.FlagSet) Answer {
	return func(ctx context.Context, c *Call) (int, error) {
		text := overview(c.commands)
		if len(c.Args) > 0 {
			var err error
			if text, err = about(c.commands, c.Args[0]); err != nil {
				return Failed, err
			}
		}
		if isPlugin(ctx) {
			text = afterDocker(c.commands, text)
		}
		return Answered, c.Print(ctx, text)
	}
}

// about is the help of a topic or a command.
func about(commands []Command, name string) (string, error) {
	for _, t := range Topics() {
		if t.Name == name {
			return t.text(), nil
		}
	}
	r, err := command(commands, name)
	if err != nil {
		return "", err
	}
	return explain(r), nil
}

// overview is the help of the program: two columns of groups, which fit a terminal of 24 lines.
func overview(commands []Command) string {
	var b strings.Builder
	b.WriteString(intro)
	for _, pair := range beside {
		b.WriteString("\n")
		left, right := inGroup(commands, pair[0]), inGroup(commands, pair[1])
		for i := range max(len(left), len(right)) {
			line := fmt.Sprintf("%-*s%s", overviewWidth, at(left, i), at(right, i))
			b.WriteString(strings.TrimRight(line, " ") + "\n")
		}
	}
	return b.String()
}

// overviewWidth is the width of the left column of the help.
const overviewWidth = 40

// inGroup is a group in lines: its title, and a line for each command.
func inGroup(commands []Command, g Group) []string {
	lines := []string{string(g)}
	for _, r := range commands {
		if r.Group == g {
			lines = append(lines, fmt.Sprintf("  %-11s %s", r.Name, r.Brief))
		}
	}
	return lines
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return ""
}

// explain is the help of one command: how to ask, examples, its own flags.
func explain(r Command) string {
	own := newFlagSet()
	r.New(own)
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\nUsage: %s\n", sentence(r.About), r.usage(r.Args))
	if r.Several != "" {
		fmt.Fprintf(&b, "       %s\n", r.usage(r.Several))
	}
	b.WriteString("\nExamples:\n")
	for _, e := range r.Examples {
		b.WriteString("  " + e + "\n")
	}
	b.WriteString("\nFlags of " + r.Name + ":\n" + flagLines(own, newFlagSet()))
	if !r.Plain {
		format := newFlagSet()
		format.StringP("format", "f", "table", render.Usage(r.Items))
		b.WriteString(flagLines(format, own))
	}
	b.WriteString("\n" + r.others() + "\n")
	if r.Details != "" {
		b.WriteString("\n" + wrapped(r.Details))
	}
	b.WriteString("\n" + r.statuses())
	return b.String()
}

// others says which flags the command knows beside its own.
func (r Command) others() string {
	if r.readsImages() {
		return "layup help flags lists those of every command: --format, -o, --image, --all, ..."
	}
	return "layup help flags lists those of every command; of them only the output's apply."
}

// commonFlags explains the flags that every command knows.
func commonFlags() string {
	var b strings.Builder
	for i, g := range newCommon().groups {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(g.title + ":\n" + flagLines(g.flags, newFlagSet()))
	}
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
