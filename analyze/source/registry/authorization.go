package registry

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxToken bounds the answer of a token server, in bytes.
const maxToken = 64 << 10

// authorize returns the value of Authorization after the endpoint refused the value used. One goroutine asks; others
// get its answer.
func (c *Client) authorize(ctx context.Context, e *endpoint, scope string, header http.Header, used string,
	refused error) (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now := e.tokens[scope]; now != used {
		return now, nil
	}
	creds, err := c.keys.find(ctx, e, scope)
	if err != nil {
		return "", err
	}
	c.sent.add(creds)
	value := ""
	for _, ch := range challenges(header) {
		switch {
		case ch.scheme == "basic" && creds.basic() != "" && used == "":
			value = creds.basic()
		case ch.scheme == "bearer" && creds.registryToken != "" && used == "":
			value = "Bearer " + creds.registryToken
		case ch.scheme == "bearer":
			value, err = c.token(ctx, e, ch, scope, creds)
		default:
			continue
		}
		break
	}
	if err != nil {
		return "", err
	}
	if value == "" {
		return "", refused
	}
	c.sent.remember(strings.TrimPrefix(value, "Bearer "))
	e.tokens[scope] = value
	return value, nil
}

// A challenge is a part of WWW-Authenticate (RFC 9110, 11.6.1).
type challenge struct {
	scheme string // in lower case
	params map[string]string
}

// challenges lists the Bearer challenges, then the Basic ones.
func challenges(header http.Header) []challenge {
	var list []challenge
	for _, text := range header.Values("WWW-Authenticate") {
		list = append(list, readChallenges(text)...)
	}
	list = slices.DeleteFunc(list, func(c challenge) bool { return c.scheme != "basic" && c.scheme != "bearer" })
	slices.SortStableFunc(list, func(a, b challenge) int { return strings.Compare(b.scheme, a.scheme) })
	return list
}

// readChallenges reads a header field. Commas separate challenges and also their parameters; a word before = is a
// parameter.
func readChallenges(text string) []challenge {
	var list []challenge
	for {
		text = strings.TrimLeft(text, " \t,")
		if text == "" {
			return list
		}
		end := strings.IndexAny(text, " \t,=")
		if end < 0 {
			end = len(text)
		}
		word := strings.ToLower(text[:end])
		value, isParameter := strings.CutPrefix(strings.TrimLeft(text[end:], " \t"), "=")
		if !isParameter {
			list, text = append(list, challenge{word, map[string]string{}}), text[end:]
			continue
		}
		value, text = cutValue(strings.TrimLeft(value, " \t"))
		if len(list) > 0 {
			list[len(list)-1].params[word] = value
		}
	}
}

// cutValue cuts a parameter's value, which may be quoted, off the beginning of a text.
func cutValue(text string) (value, rest string) {
	if !strings.HasPrefix(text, `"`) {
		end := strings.IndexAny(text, " \t,")
		if end < 0 {
			end = len(text)
		}
		return text[:end], text[end:]
	}
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return b.String(), text[i+1:]
		case text[i] == '\\' && i+1 < len(text):
			i++
		}
		b.WriteByte(text[i])
	}
	return b.String(), ""
}

// token asks the token server that a challenge names (Docker's token authentication).
func (c *Client) token(ctx context.Context, e *endpoint, ch challenge, scope string,
	creds credentials) (string, error) {
	realm, err := url.Parse(ch.params["realm"])
	if err != nil || realm.Host == "" || realm.Scheme != "https" && realm.Scheme != "http" {
		return "", fmt.Errorf("does not name a usable token server: realm %.200q", ch.params["realm"])
	}
	known := c.mayLogIn(e, realm)
	if !known && (creds != credentials{} || realm.Scheme == "http") {
		return "", hinted(fmt.Errorf("sends to another host for a token, %.200q, which does not get credentials", realm.Host),
			"if "+safeHost(realm.Host)+" is its token server: --token-host "+safeHost(realm.Host))
	}
	ctx, cancel := c.document(ctx)
	defer cancel()
	query := realm.Query()
	if s := ch.params["service"]; s != "" {
		query.Set("service", s)
	}
	asked := scope
	if s := ch.params["scope"]; s != "" && len(s) < 1024 {
		asked = s
	}
	query.Set("scope", asked)
	header := http.Header{"Accept": {"application/json"}, "Accept-Encoding": {"identity"}, "User-Agent": {"layup"}}
	var a *answer
	realm.User, realm.Fragment = nil, ""
	if creds.identityToken != "" {
		a, err = c.exchangeIdentity(ctx, realm, query, creds, realm.Host == e.addr)
	} else {
		realm.RawQuery = query.Encode()
		a, err = c.follow(ctx, realm, header, creds.basic(), realm.Host == e.addr)
	}
	if err == nil {
		a, err = a.accepted([]int{http.StatusOK}, c.opt.Timing)
	}
	if err != nil {
		if s := statusOf(err); s != nil && creds != (credentials{}) {
			s.loggedIn = true
		}
		return "", fmt.Errorf("token server %.200q: %w", realm.Host, err)
	}
	return readToken(a)
}

// exchangeIdentity asks with an identity token, which docker login stores for some registries (OAuth2's refresh token).
func (c *Client) exchangeIdentity(ctx context.Context, realm *url.URL, query url.Values, creds credentials,
	own bool) (*answer, error) {
	query.Set("grant_type", "refresh_token")
	query.Set("refresh_token", creds.identityToken)
	query.Set("client_id", "layup")
	req, err := http.NewRequest(http.MethodPost, realm.String(), strings.NewReader(query.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return c.ask(ctx, req, own)
}

func readToken(a *answer) (string, error) {
	defer a.Close()
	body, err := io.ReadAll(io.LimitReader(a, maxToken+1))
	if err != nil {
		return "", fmt.Errorf("token server %.200q: %w", a.from.Host, err)
	}
	var doc struct {
		Token       string `json:"token"`
		AccessToken string `json:"access_token"`
	}
	err = json.Unmarshal(body, &doc)
	token := cmp.Or(doc.Token, doc.AccessToken)
	if err != nil || len(body) > maxToken || token == "" ||
		strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("token server %.200q: its answer does not hold a token", a.from.Host)
	}
	return "Bearer " + token, nil
}

// mayLogIn reports whether a token server may get the registry's credentials: it has the registry's host and port, or
// the user names it, or it uses https in the registry's domain, as gitlab.com does for registry.gitlab.com.
func (c *Client) mayLogIn(e *endpoint, realm *url.URL) bool {
	named := realm.Host == e.addr || slices.Contains(c.opt.TokenHosts, realm.Host)
	if named && (realm.Scheme == "https" || realm.Scheme == e.schemes[0]) {
		return true
	}
	if realm.Scheme != "https" || realm.Port() != "" && realm.Port() != "443" {
		return false
	}
	_, parent, _ := strings.Cut(hostOnly(e.addr), ".")
	host := realm.Hostname()
	return strings.Contains(parent, ".") && !isAddress(host) && (host == parent || strings.HasSuffix(host, "."+parent)) ||
		e.host == dockerHub && host == "auth.docker.io"
}

func isAddress(host string) bool {
	return strings.Trim(host, "0123456789.") == "" || strings.Contains(host, ":")
}

// safeHost returns a host for a hint, or HOST if a shell or a terminal could misread it.
func safeHost(host string) string {
	if strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789.-:[]") != "" {
		return "HOST"
	}
	return host
}

// basic returns the value of a Basic authorization; empty without a user and a password.
func (c credentials) basic() string {
	if c.user == "" && c.password == "" {
		return ""
	}
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(c.user+":"+c.password))
}
