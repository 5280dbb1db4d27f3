package kinds

import (
	"errors"
	"strings"
	"testing"

	"layup/analyze/source/advice"
)

// Read as a root file system, the store of an engine would show every version of every file as live.
func TestStoreOfAnEngineIsNotARootFileSystem(t *testing.T) {
	docker := []string{"image/overlay2/repositories.json", "image/overlay2/layerdb/sha256/x/diff",
		"overlay2/x/diff/etc/passwd", "tmp/x"}
	old := []string{"graph/0123/json", "graph/0123/layersize", "repositories-aufs", "aufs/diff/0123/etc/passwd"}
	podman := []string{"storage.lock", "overlay-images/images.json", "overlay-layers/layers.json", "overlay/x/diff/bin/sh"}
	containerd := []string{"io.containerd.content.v1.content/ingest/x", "io.containerd.metadata.v1.bolt/meta.db"}
	for _, c := range []struct {
		name  string
		below string // where the tar was made, seen from the store
		files []string
		want  string // the prefix that the hint names; empty if it is read as what it is
	}{
		{"a data-root", "", docker, "docker-root:"},
		{"the tar of a data-root with dots", "./", docker, "docker-root:"},
		{"the tar of a data-root from the root of the machine", "var/lib/docker/", docker, "docker-root:"},
		{"a data-root of Docker before 1.10", "", old, "docker-root:"},
		{"the tar of one from the root of the machine", "var/lib/docker/", old, "docker-root:"},
		{"podman's store", "", podman, "containers-storage:"},
		{"a user's podman store", "home/u/.local/share/containers/storage/", podman, "containers-storage:"},
		{"containerd's root", "", containerd, "containerd-root:"},
		{"a machine with a data-root", "", append(below("var/lib/docker/", docker), "etc/passwd"), ""},
		{"a layer with a file of that name", "", []string{"image/png/repositories.json"}, ""},
		{"a layer with pictures", "", []string{"app-images/images.json"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var list []member
			for _, name := range below(c.below, c.files) {
				list = append(list, member{name: name})
			}
			wantStoreHint(t, fileOf(t, "shop.tar", archiveOf(t, list...)), c.want)
			if c.below == "" && c.want != "" {
				wantStoreHint(t, unpack(t, list...), c.want)
			}
		})
	}
}

func below(dir string, names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, dir+n)
	}
	return out
}

func wantStoreHint(t *testing.T, name, prefix string) {
	t.Helper()
	if prefix == "" {
		openFile(t, name)
		return
	}
	_, err := Open(t.Context(), name, testOptions(t))
	hinted, ok := errors.AsType[*advice.Hinted](err)
	if !ok || !strings.HasSuffix(hinted.Hint, " layup images "+prefix+name) {
		t.Errorf("%s: %v (%+v), want the hint %s", name, err, hinted, prefix)
	}
}
