package kinds

import "testing"

func TestNamesAreMadeWhole(t *testing.T) {
	t.Setenv("HOME", "/home/me")
	for name, want := range map[string]string{
		"docker-root:":             "docker-root:/var/lib/docker",
		"docker-root::shop:1.2":    "docker-root:/var/lib/docker:shop:1.2",
		"containerd-root:":         "containerd-root:/var/lib/containerd",
		"containers-storage:":      "containers-storage:/var/lib/containers/storage",
		"containers-storage:~":     "containers-storage:/home/me",
		"docker-root:~/d:shop":     "docker-root:/home/me/d:shop",
		"oci:~/layout:1":           "oci:/home/me/layout:1",
		"oci:~@sha256:00":          "oci:/home/me@sha256:00",
		"registry-root:~/r:a/b:1":  "registry-root:/home/me/r:a/b:1",
		"registry-root:":           "registry-root:",
		"docker-root:~me":          "docker-root:~me",
		"docker-root:./~":          "docker-root:./~",
		"docker-daemon:~":          "docker-daemon:~",
		"docker://~":               "docker://~",
		"~/image.tar":              "~/image.tar",
		"docker-root:shop:1.2":     "docker-root:shop:1.2",
		"dir:~/a":                  "dir:/home/me/a",
		"docker-archive:~/a.tar:x": "docker-archive:/home/me/a.tar:x",
		"":                         "",
	} {
		if got := Whole(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
