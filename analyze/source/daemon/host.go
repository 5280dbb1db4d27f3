package daemon

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"layup/analyze/digest"
	"layup/analyze/show"
	"layup/analyze/source/advice"
	"layup/analyze/source/disk"
)

// defaultHost is the address of Docker's engine unless the user names another.
const defaultHost = "unix:///var/run/docker.sock"

// host returns the address of the engine: of DOCKER_HOST, of the Docker context that DOCKER_CONTEXT or config.json
// names, or the default. Source: docker/cli, cli/command/cli.go, cli/context/store.
func host(getenv func(string) string) (string, error) {
	if host := getenv("DOCKER_HOST"); host != "" {
		return host, nil
	}
	dir := getenv("DOCKER_CONFIG")
	if home := getenv("HOME"); dir == "" && home != "" {
		dir = filepath.Join(home, ".docker")
	}
	var config struct {
		CurrentContext string `json:"currentContext"`
	}
	if err := readJSON(dir, "config.json", &config); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	name := cmp.Or(getenv("DOCKER_CONTEXT"), config.CurrentContext, "default")
	if name == "default" {
		return defaultHost, nil
	}
	var meta struct {
		Endpoints struct {
			Docker struct{ Host string } `json:"docker"`
		}
	}
	err := readJSON(dir, filepath.Join("contexts", "meta", digest.Hex(digest.Of([]byte(name))), "meta.json"), &meta)
	if errors.Is(err, fs.ErrNotExist) {
		return "", &advice.Hinted{
			Err:  fmt.Errorf("there is no Docker context %s", show.Cut(name)),
			Hint: "docker context ls  lists them; DOCKER_HOST=unix://PATH names a socket",
		}
	}
	return cmp.Or(meta.Endpoints.Docker.Host, defaultHost), err
}

// readJSON reads a small file of a directory. Without a home there is no directory, and so no file. Its errors do not
// quote the content, which may hold credentials.
func readJSON(dir, name string, v any) error {
	if dir == "" {
		return fs.ErrNotExist
	}
	name = filepath.Join(dir, name)
	text, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("%s: %w", show.Safe(name), disk.Plain(err))
	}
	if json.Unmarshal(text, v) != nil {
		return fmt.Errorf("%s: is not JSON as docker writes it", show.Safe(name))
	}
	return nil
}
