package call

import (
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"layup/analyze/source/registry"
)

// registryFlags say how docker://REF is reached.
type registryFlags struct {
	registry.Options
	toc bool
}

func (r *registryFlags) flags(f *pflag.FlagSet) {
	f.StringVar(&r.AuthFile, "authfile", "", "take credentials from `FILE` alone, not from those of podman login and "+
		"docker login")
	f.StringVar(&r.Creds, "creds", "", "log in as `USER:PASSWORD`")
	f.StringVar(&r.CAFile, "ca-file", "", "also trust the certificate authorities in `FILE` (PEM)")
	f.StringVar(&r.CertDir, "cert-dir", "", "also trust the *.crt in `DIR`, and present its client certificate, "+
		"NAME.cert and NAME.key")
	f.BoolVar(&r.Insecure, "insecure", false, "take plain HTTP and any certificate; digests are checked anyway")
	f.StringArrayVar(&r.Mirrors, "mirror", nil,
		"ask URL before the registry HOST (`HOST=URL`); may be given several times")
	f.StringArrayVar(&r.TokenHosts, "token-host", nil, "`HOST` of a token server that may get the credentials though it "+
		"is of another domain")
	f.BoolVar(&r.toc, "toc", false, "of eStargz and zstd:chunked layers read the builder's index alone, by its digest "+
		"in the manifest")
	f.BoolVar(&r.Offline, "offline", false, "never open a network connection, as LAYUP_OFFLINE=1 does")
}

// tellTOC says once that an answer rests on a builder's index.
func (c *Call) tellTOC(l Loaded) {
	if !c.registry.toc || l.Image == nil || !l.Image.Remote {
		return
	}
	fetched, ok := l.Image.TOC()
	if !ok {
		c.Note(l.Where() + ": --toc: no layer has an index that the manifest names and the registry gives parts of: all " +
			"were fetched")
		return
	}
	c.Note(l.Where() + ": rests on the index that its builder stored (--toc): layers were not read")
	if c.verbose {
		var stored int64
		for _, layer := range l.Image.Layers {
			stored += layer.Size
		}
		c.Note(fmt.Sprintf("%s: fetched %d bytes of indexes; the layers have %d", l.Where(), fetched, stored))
	}
}

// Offline reports whether no connection may be opened.
func (c *Call) Offline() bool { return c.registry.options().Offline }

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
