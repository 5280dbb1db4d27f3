package call

import (
	"fmt"
	"os"
	"slices"

	"github.com/spf13/pflag"

	"layup/analyze/source/registry"
)

// registryFlags say how docker://REF is reached.
type registryFlags struct {
	registry.Options
	TOC bool
}

func (r *registryFlags) flags(f *pflag.FlagSet) {
	f.StringVar(&r.AuthFile, "authfile", "", "take credentials from `FILE` alone, not from those of podman login and docker login")
	f.StringVar(&r.Creds, "creds", "", "log in as `USER:PASSWORD`")
	f.StringVar(&r.CAFile, "ca-file", "", "trust the certificate authorities in `FILE` (PEM), too")
	f.StringVar(&r.CertDir, "cert-dir", "", "trust the *.crt in `DIR`, too, and present its client certificate, NAME.cert and NAME.key")
	f.BoolVar(&r.Insecure, "insecure", false, "take plain HTTP and any certificate; digests are checked all the same")
	f.StringArrayVar(&r.Mirrors, "mirror", nil, "ask URL before the registry HOST (`HOST=URL`); may be given several times")
	f.StringArrayVar(&r.TokenHosts, "token-host", nil, "`HOST` of a token server that may get the credentials though it is of another domain")
	f.BoolVar(&r.TOC, "toc", false, "of eStargz and zstd:chunked layers read the builder's index alone, by its digest in the manifest")
	f.BoolVar(&r.Offline, "offline", false, "never open a connection, as LAYUP_OFFLINE=1 does")
}

// tocCommands are those whose answers can rest on a builder's index: they list names and metadata.
var tocCommands = []string{"owner", "log", "find", "ls", "tree", "layers", "images", "inspect", "history", "version", "help", "completion"}

// checkTOC refuses --toc where the answer would need the layers themselves.
func (c *Call) checkTOC() error {
	if c.Registry.TOC && !slices.Contains(tocCommands, c.Command.Name) {
		return Usage("without --toc the layers are fetched and verified", "%s: --toc does not apply: it rests on what layers hold, not on the builder's index", c.Command.Name)
	}
	return nil
}

// tellTOC says once that an answer rests on a builder's index.
func (c *Call) tellTOC(l Loaded) {
	if !c.Registry.TOC || l.Image == nil || !l.Image.Remote {
		return
	}
	fetched, ok := l.Image.TOC()
	if !ok {
		c.Note(l.Where() + ": --toc: no layer has an index that the manifest names and the registry gives parts of: all were fetched")
		return
	}
	c.Note(l.Where() + ": rests on the index that its builder stored (--toc): layers were not read")
	if c.Verbose {
		var stored int64
		for _, layer := range l.Image.Layers {
			stored += layer.Size
		}
		c.Note(fmt.Sprintf("%s: fetched %d bytes of the indexes of layers of %d", l.Where(), fetched, stored))
	}
}

// options returns what a registry's client takes.
func (r *registryFlags) options() registry.Options {
	opt := r.Options
	opt.Offline = opt.Offline || isOn(os.Getenv("LAYUP_OFFLINE"))
	return opt
}

// isOn reads a variable of the environment that switches something on.
func isOn(value string) bool {
	return value != "" && value != "0" && value != "false" && value != "no"
}
