package registry

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// sent holds what was shown to servers as credentials, in each form that a server may repeat in a message.
type sent struct {
	mu    sync.Mutex
	words []string
}

// hidden replaces a credential in messages.
const hidden = "********"

// shortest is the length from which a word is taken for a credential: replacing shorter ones would tear messages.
const shortest = 4

// add remembers credentials.
func (s *sent) add(creds credentials) {
	if creds.user != "" {
		s.remember(creds.user + ":" + creds.password)
	}
	s.remember(creds.password, creds.identityToken, creds.registryToken)
}

func (s *sent) remember(secrets ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range secrets {
		raw := []byte(secret)
		for _, word := range []string{secret, url.QueryEscape(secret), strings.Trim(strconv.Quote(secret), `"`),
			base64.StdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw)} {
			if len(word) >= shortest && !slices.Contains(s.words, word) {
				s.words = append(s.words, word)
			}
		}
	}
	slices.SortFunc(s.words, func(a, b string) int { return len(b) - len(a) }) // the whole before its parts
}

// veil returns an error whose message shows no credentials, even if a server repeats them.
func (s *sent) veil(err error) error { return &veiled{err, s} }

type veiled struct {
	err  error
	sent *sent
}

func (v *veiled) Unwrap() error { return v.err }

func (v *veiled) Error() string {
	return v.sent.mask(v.err.Error())
}

// mask replaces the credentials in a text.
func (s *sent) mask(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, word := range s.words {
		text = strings.ReplaceAll(text, word, hidden)
	}
	return text
}
