package analyze_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"layup/analyze"
	"layup/fixtures"
)

const (
	pemKey   = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n"
	pemCert  = "-----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----\n"
	lockedUp = "root:*:19000:0:99999:7:::\ndaemon:!:19000:0:99999:7:::\n"
)

func TestSensitiveFilesAreKnownByNameAndContent(t *testing.T) {
	for _, c := range []struct{ path, content, want string }{
		{"srv/backup", pemKey, "private-key"},
		{"srv/bundle.pem", pemCert + pemKey, "private-key"},
		{"root/.ssh/id_ed25519", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n", "private-key"},
		{"srv/pgp", "-----BEGIN PGP PRIVATE KEY BLOCK-----\r\n\r\nlQ\r\n", "private-key"},
		{"srv/key.ppk", "PuTTY-User-Key-File-3: ssh-ed25519\r\n", "private-key"},
		{"usr/lib/python/keys.py", "KEY = \"-----BEGIN RSA PRIVATE KEY-----\\n\"\n", ""},
		{"etc/ssl/certs/ca.pem", pemCert, ""},
		{"etc/ssl/dh.pem", "-----BEGIN DH PARAMETERS-----\nMII\n", ""},
		{"srv/unknown.pem", "what is this", "pem"},
		{"root/.ssh/id_rsa", "encrypted in another way", "ssh-key"},
		{"root/.ssh/id_rsa.pub", "ssh-rsa AAAAB3Nza me", ""},
		{"usr/lib/id_mapping.py", "x", ""},
		{"app/.env", "A=1", "dotenv"},
		{"app/.env.production", "A=1", "dotenv"},
		{"app/.environment", "A=1", ""},
		{"root/.npmrc", "//registry/:_authToken=x", "npmrc"},
		{"root/.aws/credentials", "[default]", "aws-credentials"},
		{"opt/credentials", "[default]", ""},
		{".aws/credentials", "[default]", "aws-credentials"},
		{"home/a/.git-credentials", "https://a:b@c", "git-credentials"},
		{"etc/shadow", "root:$6$abc$def:19000:0:99999:7:::\n", "shadow"},
		{"etc/shadow", "root::19000:0:99999:7:::\n", "shadow"},
		{"etc/shadow-", lockedUp, ""},
		{"etc/gshadow", "root:*::\nusers:::\n", ""},
		{"etc/gshadow", "root:$6$a$b::\n", "shadow"},
		{"etc/shadow", "root", "shadow"},
		{"rootfs/etc/shadow", "root:$6$abc$def:19000:0:99999:7:::\n", "shadow"},
		{"root/.kube/config", "apiVersion: v1", "kubeconfig"},
		{"etc/kubernetes/admin.conf", "apiVersion: v1", "kubeconfig"},
		{"etc/.pem", "", ""},
	} {
		t.Run(c.path, func(t *testing.T) {
			text := fmt.Sprintf("layer A\nf 0600 0:0 %q %q\nlayer B\nw %q\n", c.path, c.content, c.path)
			img, err := fixtures.Parse("sensitive", text)
			if err != nil {
				t.Fatal(err)
			}
			opt := analyze.Default()
			opt.Secrets = true
			for _, p := range []fixtures.Packing{{Format: fixtures.Docker20}, {Format: fixtures.OCI, Layers: fixtures.Gzip}} {
				data, err := p.Pack(img)
				if err != nil {
					t.Fatal(err)
				}
				for _, opt.Source.Verify = range []bool{true, false} {
					hidden := open(t, write(t, data), opt).Hidden(false, func(analyze.Hit) bool { return true })
					if len(hidden) != 1 {
						t.Fatalf("%d hidden", len(hidden))
					}
					if got := analyze.Sensitive(hidden[0].Version); got != c.want {
						t.Errorf("got %q want %q", got, c.want)
					}
				}
			}
		})
	}
}

func TestMarksDoNotChangeDigests(t *testing.T) {
	img, err := fixtures.Load("myfile")
	if err != nil {
		t.Fatal(err)
	}
	data, err := fixtures.Packing{Format: fixtures.OCI, Layers: fixtures.Gzip}.Pack(img)
	if err != nil {
		t.Fatal(err)
	}
	digests := func(secrets bool) []string {
		opt := analyze.Default()
		opt.Digests, opt.Secrets = true, secrets
		var list []string
		for h := range open(t, write(t, bytes.Clone(data)), opt).Hits() {
			sum, ok := h.Version.Digest()
			list = append(list, fmt.Sprintf("%s %x %v", h.Version.Node().Path(), sum, ok))
		}
		return list
	}
	if with, without := digests(true), digests(false); !slices.Equal(with, without) {
		t.Errorf("%v\nwant %v", with, without)
	}
}

func TestSecretsOfTheHistory(t *testing.T) {
	for _, c := range []struct{ step, want string }{
		{"|1 TOKEN=s3cret /bin/sh -c make", "build-argument TOKEN s3cret"},
		{"RUN |2 VERSION=1.2 NPM_TOKEN=two words /bin/sh -c npm ci # buildkit", "build-argument NPM_TOKEN two words"},
		{"|2 DB_PASSWORD=a b=c TOKEN=x make all", "build-argument TOKEN x; build-argument DB_PASSWORD a"},
		{"|1 TOKEN= /bin/sh -c make", ""},
		{"|1 VERSION=1.2 /bin/sh -c make TOKEN=late", ""},
		{"/bin/sh -c #(nop)  ENV API_KEY=abc", "env API_KEY abc"},
		{"ENV A=1 SECRET_KEY_BASE=abc B=2", "env SECRET_KEY_BASE abc"},
		{"ARG GITHUB_TOKEN=abc", "arg GITHUB_TOKEN abc"},
		{"ARG GITHUB_TOKEN", ""},
		{"ENV DB_PASSWORD_FILE=/run/secrets/db TOKENIZERS_PARALLELISM=abc GPG_KEY=0D96 PATH=/bin PWD=/srv", ""},
		{"ENV URL=https://user:pass@db.example/x OTHER=https://db.example/x", "env URL https://user:pass@db.example/x"},
		{"ENV X=ghp_" + strings.Repeat("a", 36), "env X ghp_" + strings.Repeat("a", 36)},
		{"ENV AUTH=dTpw URL=HTTPS://u:p@db.example AUTH_MODE=ldap", "env AUTH dTpw; env URL HTTPS://u:p@db.example"},
		{"ENV PASSWORD=$OTHER TOKEN=${T} SECRET=true", ""},
		{"RUN echo TOKEN=abc", ""},
	} {
		t.Run(c.step, func(t *testing.T) {
			img, err := fixtures.Parse("secrets", "layer "+c.step+"\nf 0644 0:0 a \"x\"\n")
			if err != nil {
				t.Fatal(err)
			}
			data, err := fixtures.Packing{Format: fixtures.Docker20}.Pack(img)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range open(t, write(t, data), analyze.Default()).Secrets() {
				got = append(got, s.Where+" "+s.Name+" "+s.Value)
			}
			slices.Sort(got)
			want := strings.Split(c.want, "; ")
			slices.Sort(want)
			if strings.Join(got, "; ") != strings.Join(want, "; ") {
				t.Errorf("got %q want %q", got, want)
			}
		})
	}
}
