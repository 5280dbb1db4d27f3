package analyze

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"layup/analyze/expression"
	"layup/analyze/show"
	"layup/tarfs"
)

// A SensitiveRule finds files that should not be in an image, by their names or their content.
type SensitiveRule struct {
	Name     string   // private-key, dotenv…
	About    string   // what such a file holds
	Globs    []string // with a slash matched against whole paths, else against base names
	Except   string   // a glob of base names that do not count
	Content  uint8    // any of these marks is enough
	Harmless uint8    // with any of these marks the name does not count
}

// What the content of a small file looks like.
const (
	markPrivateKey  uint8 = 1 << iota // holds a private key
	markPublic                        // PEM that holds certificates, public keys or parameters, and no private key
	markNoPasswords                   // a shadow file in which nobody has a password
	markManyRoots                     // a passwd file in which users other than root have the number 0
	markPasswd                        // is named passwd, and was asked for markManyRoots
)

// PrivateKey is the name of the rule that finds private keys.
const PrivateKey = "private-key"

// SensitiveRules are all rules; the first that fits counts.
var SensitiveRules = []SensitiveRule{
	{Name: PrivateKey, About: "private keys of PEM, OpenSSH, PGP, PuTTY, by content", Content: markPrivateKey},
	{Name: "pem", About: "*.pem with more than certificates and public keys",
		Globs: []string{"*.pem"}, Harmless: markPublic},
	{Name: "ssh-key", About: "id_* without an extension, as ssh-keygen names keys",
		Globs: []string{"id_*"}, Except: "*.*", Harmless: markPublic},
	{Name: "dotenv", About: ".env, .env.*: settings of an application", Globs: []string{".env", ".env.*"}},
	{Name: "npmrc", About: ".npmrc: tokens of package registries", Globs: []string{".npmrc"}},
	{Name: "aws-credentials", About: ".aws/credentials", Globs: []string{"/**/.aws/credentials"}},
	{Name: "git-credentials", About: ".git-credentials", Globs: []string{".git-credentials"}},
	{Name: "shadow", About: "etc/shadow, gshadow, in which anyone has a password",
		Globs: []string{"/**/etc/shadow", "/**/etc/shadow-", "/**/etc/shadow.*",
			"/**/etc/gshadow", "/**/etc/gshadow-", "/**/etc/gshadow.*"}, Harmless: markNoPasswords},
	{Name: "kubeconfig", About: "kubeconfig, .kube/config, Kubernetes' own *.conf",
		Globs: []string{"kubeconfig", "*.kubeconfig", "/**/.kube/config", "/**/etc/kubernetes/*.conf"}},
}

// Sensitive returns the name of the first rule that a version fits, or the empty string. Rules by content need
// Options.Secrets.
func Sensitive(v tarfs.Version) string {
	if v.Type() != tarfs.File || v.Size() == 0 {
		return ""
	}
	mark, node := v.Mark(), v.Node()
	name := node.Name()
	for i := range SensitiveRules {
		if r := &SensitiveRules[i]; r.Content&mark != 0 || r.Harmless&mark == 0 && r.names(sensitiveGlobs[i], name, node) {
			return r.Name
		}
	}
	return ""
}

// names reports whether the rule knows a file by its name.
func (r *SensitiveRule) names(globs []nameGlob, name string, node tarfs.Node) bool {
	for i := range globs {
		g := &globs[i]
		if !g.mayMatch(name) {
			continue
		}
		against := name
		if strings.HasPrefix(g.glob, "/") {
			against = node.Path()
		}
		if doublestar.MatchUnvalidated(g.glob, against) {
			return r.Except == "" || !doublestar.MatchUnvalidated(r.Except, name)
		}
	}
	return false
}

// A nameGlob is a glob with what it says plainly of the base name: few names are left to be matched, and most images
// have many files.
type nameGlob struct {
	glob, head, tail string // tail is what follows the last special character
	plain            bool   // head is the whole name
}

func (g *nameGlob) mayMatch(name string) bool {
	if g.plain {
		return name == g.head
	}
	return strings.HasPrefix(name, g.head) && strings.HasSuffix(name, g.tail)
}

// sensitiveGlobs are the globs of each rule.
var sensitiveGlobs = func() [][]nameGlob {
	list := make([][]nameGlob, len(SensitiveRules))
	for i, r := range SensitiveRules {
		for _, glob := range r.Globs {
			last := glob[strings.LastIndexByte(glob, '/')+1:]
			first, end := strings.IndexAny(last, "*?[{\\"), strings.LastIndexAny(last, "*?]}\\")+1
			if first < 0 {
				first = len(last)
			}
			list[i] = append(list[i], nameGlob{glob, last[:first], last[end:], first == len(last)})
		}
	}
	return list
}()

var (
	begin      = []byte("-----BEGIN ")
	privateKey = expression.Lazy(`(?m)^-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----\s*$`)
	putty      = []byte("PuTTY-User-Key-File-")
	sshPublic  = expression.Lazy(`^(?:ssh-|ecdsa-|sk-)[a-z0-9@.-]+ AAAA`)
)

// markOf says what the content of a file in a tar looks like.
func markOf(name, content []byte) (mark uint8) {
	if bytes.Equal(name[bytes.LastIndexByte(name, '/')+1:], passwd) {
		mark = markPasswd
		if manyRoots(content) {
			mark |= markManyRoots
		}
	}
	return mark | markOfContent(content)
}

var passwd = []byte("passwd")

// markOfContent says what the content of any file looks like.
func markOfContent(content []byte) uint8 {
	switch {
	case bytes.HasPrefix(content, putty):
		return markPrivateKey
	case bytes.Contains(content, begin):
		if privateKey().Match(content) {
			return markPrivateKey
		}
		return markPublic
	case sshPublic().Match(content):
		return markPublic
	case noPasswords(content):
		return markNoPasswords
	}
	return 0
}

// manyRoots reports whether content is a passwd file in which users other than root have the number 0.
func manyRoots(content []byte) bool {
	for line := range bytes.Lines(content) {
		if anotherRoot(line) {
			return true
		}
	}
	return false
}

// anotherRoot reports whether a line of a passwd file gives the number 0 to a user other than root.
func anotherRoot(line []byte) bool {
	name, rest, ok := bytes.Cut(line, colon)
	if !ok || len(name) == 0 || string(name) == "root" {
		return false
	}
	_, rest, _ = bytes.Cut(rest, colon)
	number, rest, ok := bytes.Cut(rest, colon)
	return ok && isZero(number) && bytes.Count(rest, colon) >= passwdFields-4
}

var colon = []byte{':'}

// isZero reports whether a number of passwd is zero, in any spelling: 0, 00, +0.
func isZero(number []byte) bool {
	digits := bytes.TrimPrefix(number, []byte{'+'})
	return len(digits) > 0 && len(bytes.Trim(digits, "0")) == 0
}

// passwdSize is how many bytes of a passwd file are read.
const passwdSize = 8 << 20

// HasOtherRoots reports whether the final tree's passwd file gives the number 0 to users other than root. With
// Options.Secrets it rarely reads the file: only if a link leads to another name, or if it is larger than
// [tarfs.MarkSize]. An error says that it cannot be read.
func (img *Image) HasOtherRoots(ctx context.Context) (bool, error) {
	v, err := img.Top().Resolve("/etc/passwd", true)
	if err != nil || v.Type() != tarfs.File || v.Size() == 0 { // then engines do not find the user
		return false, nil
	}
	if mark := v.Mark(); mark&markPasswd != 0 {
		return mark&markManyRoots != 0, nil
	}
	if v.Size() > passwdSize {
		return false, fmt.Errorf("/etc/passwd has %s bytes, and only %s are read", show.Grouped(v.Size()),
			show.Grouped(passwdSize))
	}
	body, err := img.Content(ctx, v)
	if err != nil {
		return false, err
	}
	content, err := io.ReadAll(body)
	return manyRoots(content), errors.Join(err, body.Close())
}

// How many fields a line has.
const (
	gshadowFields = 4
	passwdFields  = 7
	shadowFields  = 9
)

// noPasswords reports whether content is a shadow file with only locked passwords. An empty password opens nothing in
// gshadow, but everything in shadow.
func noPasswords(content []byte) bool {
	if !bytes.Contains(content, colon) {
		return false
	}
	for line := range bytes.Lines(content) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			continue
		}
		fields := bytes.SplitN(line, []byte{':'}, shadowFields)
		if len(fields) != gshadowFields && len(fields) != shadowFields || bytes.ContainsAny(fields[0], " \t{\"#<") {
			return false
		}
		password := fields[1]
		locked := bytes.HasPrefix(password, []byte{'*'}) || bytes.HasPrefix(password, []byte{'!'}) || string(password) == "x"
		if !locked && !(len(password) == 0 && len(fields) == gshadowFields) {
			return false
		}
	}
	return true
}
