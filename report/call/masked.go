package call

import (
	"slices"
	"strings"

	"layup/analyze/expression"
	"layup/analyze/show"
)

// secretFlags are the flags whose value, or a part of it, is a password or a token.
var secretFlags = []string{"--creds"}

// Masked returns a command line with its passwords masked: those that flags hold, and those in addresses.
func Masked(args []string) []string {
	safe := slices.Clone(args)
	for i, arg := range safe {
		for _, flag := range secretFlags {
			name, value, joined := strings.Cut(arg, "=")
			switch single := "-" + name; {
			case name != flag && single != flag:
			case joined:
				safe[i] = name + "=" + maskedPair(value)
			case i+1 < len(args):
				safe[i+1] = maskedPair(args[i+1])
			}
		}
		safe[i] = WithoutPasswords(safe[i])
	}
	return safe
}

// address matches what comes after the scheme of an address that says who asks: that may be a password.
var address = expression.Lazy(`://[^/\s]*@[^/\s]*`)

// WithoutPasswords masks who asks in the addresses of a text. A reference with a digest is not such an address.
func WithoutPasswords(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	return address().ReplaceAllStringFunc(text, func(found string) string {
		host := found[strings.LastIndexByte(found, '@'):]
		if strings.HasPrefix(host, "@sha256:") || strings.HasPrefix(host, "@sha512:") {
			return found
		}
		return "://" + show.Masked + host
	})
}

// maskedPair masks the password of USER:PASSWORD, or all of a text without a colon.
func maskedPair(value string) string {
	user, _, ok := strings.Cut(value, ":")
	if !ok {
		return show.Masked
	}
	return user + ":" + show.Masked
}
