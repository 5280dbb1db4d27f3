package registry

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"layup/analyze/expression"
)

// credentials are a login for a registry; the zero value is none.
type credentials struct {
	user, password string
	identityToken  string // exchanged for tokens
	registryToken  string // a token as it is sent
}

// A keychain finds credentials: those of the options, or else those in the files of podman and Docker.
type keychain struct {
	given *credentials
	files []string // the first that has credentials for a host counts
	must  bool     // the first file must exist
	hold  func() (release func())
}

func newKeychain(opt Options) (*keychain, error) {
	if opt.Creds != "" {
		user, password, ok := strings.Cut(opt.Creds, ":")
		if !ok || user == "" {
			return nil, errors.New("credentials: want USER:PASSWORD")
		}
		return &keychain{given: &credentials{user: user, password: password}}, nil
	}
	if opt.AuthFile != "" {
		return &keychain{files: []string{opt.AuthFile}, must: true, hold: opt.Hold}, nil
	}
	return &keychain{files: authFiles(), hold: opt.Hold}, nil
}

// authFiles returns the files in which podman, skopeo and Docker keep credentials, in podman's order.
func authFiles() []string {
	var files []string
	add := func(dir string, rest ...string) {
		if dir != "" {
			files = append(files, filepath.Join(append([]string{dir}, rest...)...))
		}
	}
	home, _ := os.UserHomeDir()
	add(os.Getenv("REGISTRY_AUTH_FILE"))
	add(os.Getenv("XDG_RUNTIME_DIR"), "containers", "auth.json")
	if config := os.Getenv("XDG_CONFIG_HOME"); config != "" {
		add(config, "containers", "auth.json")
	} else {
		add(home, ".config", "containers", "auth.json")
	}
	if docker := os.Getenv("DOCKER_CONFIG"); docker != "" {
		add(docker, "config.json")
	} else {
		add(home, ".docker", "config.json")
	}
	return files
}

// find returns the credentials for an endpoint and a scope. Those of the options are for the registry that a reference
// names, not for its mirrors.
func (k *keychain) find(ctx context.Context, e *endpoint, scope string) (credentials, error) {
	if k.given != nil {
		if e.mirror {
			return credentials{}, nil
		}
		return *k.given, nil
	}
	for i, name := range k.files {
		text, err := readSmall(name)
		if errors.Is(err, fs.ErrNotExist) && !(i == 0 && k.must) {
			continue
		}
		file := authFile{hold: k.hold}
		if err == nil {
			err = file.parse(text)
		}
		if err != nil {
			if e, ok := errors.AsType[*fs.PathError](err); ok {
				err = e.Err
			}
			return credentials{}, fmt.Errorf("credentials: %q: %w", name, err)
		}
		found, err := file.find(ctx, e.host, scope)
		if err != nil || found != (credentials{}) {
			return found, err
		}
	}
	return credentials{}, nil
}

// An authFile is Docker's config.json or podman's auth.json.
type authFile struct {
	Auths map[string]struct {
		Auth          string `json:"auth"`
		Username      string `json:"username"`
		Password      string `json:"password"`
		IdentityToken string `json:"identitytoken"`
		RegistryToken string `json:"registrytoken"`
	} `json:"auths"`
	CredHelpers map[string]string `json:"credHelpers"`
	CredsStore  string            `json:"credsStore"`

	hold func() (release func())
}

// parse reads the file. Its errors do not quote the content, which is secret.
func (f *authFile) parse(text []byte) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	if err := json.Unmarshal(text, f); err != nil {
		return errors.New("is not JSON as docker login or podman login write it")
	}
	return nil
}

// hubKey is Docker's key for the credentials of Docker Hub.
const hubKey = "https://index.docker.io/v1/"

// find looks for the longest key that the repository begins with, as podman does, then for the host, as Docker does.
func (f *authFile) find(ctx context.Context, host, scope string) (credentials, error) {
	var keys []string
	if repo, ok := strings.CutPrefix(scope, "repository:"); ok {
		repo = strings.TrimSuffix(repo, ":pull")
		for path := host + "/" + repo; path != host; path = path[:strings.LastIndexByte(path, '/')] {
			keys = append(keys, path)
		}
	}
	keys, asked := append(keys, host), host
	if host == dockerHub {
		keys, asked = append(keys, hubKey, "index.docker.io"), hubKey
	}
	keys = append(keys, "https://"+host, "http://"+host, "https://"+host+"/v1/", "https://"+host+"/v2/")
	if helper := f.CredHelpers[host]; helper != "" {
		return f.helped(ctx, helper, asked)
	}
	for _, key := range keys {
		a, there := f.Auths[key]
		if !there {
			continue
		}
		found := credentials{a.Username, a.Password, a.IdentityToken, a.RegistryToken}
		if a.Auth != "" {
			plain, err := base64.StdEncoding.DecodeString(a.Auth)
			if err != nil {
				return found, fmt.Errorf("credentials: the entry for %q is not base64", key)
			}
			found.user, found.password, _ = strings.Cut(strings.TrimRight(string(plain), "\x00"), ":")
		}
		if found != (credentials{}) {
			return found, nil
		}
	}
	if f.CredsStore != "" {
		return f.helped(ctx, f.CredsStore, asked)
	}
	return credentials{}, nil
}

// helperPattern matches the names of credential helpers, of at most 64 bytes. The PATH is searched for
// docker-credential-NAME.
var helperPattern = expression.Lazy(`^[A-Za-z0-9_.-]+$`)

const (
	helperTime   = 20 * time.Second
	helperAnswer = 64 << 10 // bytes
)

// helped asks a credential helper (the protocol of docker-credential-helpers). It is not an error if that has none.
// When helped returns, the helper and what it started have ended.
func (f *authFile) helped(ctx context.Context, helper, host string) (credentials, error) {
	if len(helper) > 64 || !helperPattern().MatchString(helper) {
		return credentials{}, fmt.Errorf("credentials: bad name of a helper: %.100q", helper)
	}
	program := "docker-credential-" + helper
	ctx, cancel := context.WithTimeout(ctx, helperTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "get")
	cmd.Stdin = strings.NewReader(host)
	cmd.WaitDelay = time.Second
	out := &bounded{most: helperAnswer}
	cmd.Stdout = out
	if f.hold != nil {
		defer f.hold()()
	}
	end := grouped(cmd)
	err := cmd.Run()
	end()
	if errors.Is(err, exec.ErrWaitDelay) { // it answered, and what it started keeps the pipe open
		err = nil
	}
	switch {
	case ctx.Err() == context.DeadlineExceeded:
		return credentials{}, fmt.Errorf("credentials: %s gave no answer in %s", program, seconds(helperTime))
	case errors.Is(err, exec.ErrNotFound):
		return credentials{}, fmt.Errorf("credentials: the helper %s is not in the PATH", program)
	case err != nil && strings.Contains(strings.ToLower(out.String()), "not found"), err == nil && out.Len() == 0:
		return credentials{}, nil
	case err != nil:
		return credentials{}, fmt.Errorf("credentials: %s: %w", program, err)
	}
	var doc struct{ Username, Secret string }
	if json.Unmarshal(out.Bytes(), &doc) != nil {
		return credentials{}, fmt.Errorf("credentials: the answer of %s is not JSON", program)
	}
	if doc.Username == "<token>" {
		return credentials{identityToken: doc.Secret}, nil
	}
	return credentials{user: doc.Username, password: doc.Secret}, nil
}

// bounded keeps the first bytes written to it.
type bounded struct {
	bytes.Buffer
	most int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.most {
		return 0, io.ErrShortWrite
	}
	return b.Buffer.Write(p)
}
