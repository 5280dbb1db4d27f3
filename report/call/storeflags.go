package call

import (
	"github.com/spf13/pflag"

	"layup/analyze/source/engine"
)

// storeFlags say how the stores of engines are read.
type storeFlags struct{ engine.Options }

func (s *storeFlags) flags(f *pflag.FlagSet) {
	f.StringVar(&s.Namespace, "namespace", "", "of containerd's namespaces only this one (`NS`): k8s.io, moby, default")
	f.StringVar(&s.ContainerdRoot, "containerd-root", "", "where a Docker engine keeps its images in containerd's store "+
		"(`DIR`, or a tar of it) beside docker-root:")
	f.Uint32Var(&s.SubID, "subid", 0, "show users and groups from the host's `START` on as the container's, as a "+
		"rootless engine maps them")
}
