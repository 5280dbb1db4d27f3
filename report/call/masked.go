package call

import (
	"regexp"
	"slices"
	"strings"

	"layup/analyze/show"
)

// secretFlags are the flags whose value, or a part of it, is a password or a token.
var secretFlags = []string{"--creds"}

// Masked returns a command line with its passwords masked: those that flags hold, and those in addresses.
func Masked(args []string) []string {
	safe := slices.Clone(args)
	for i, arg := range safe {
		for _, flag := range secretFlags {
			switch value, joined := strings.CutPrefix(arg, flag+"="); {
			case joined:
				safe[i] = flag + "=" + maskedPair(value)
			case arg == flag && i+1 < len(args):
				safe[i+1] = maskedPair(args[i+1])
			}
		}
		safe[i] = userInfo.ReplaceAllString(safe[i], "$1:"+show.Masked+"@")
	}
	return safe
}

// userInfo matches the user and the password of an address.
var userInfo = regexp.MustCompile(`(://[^/\s:@]*):[^/\s@]+@`)

// maskedPair masks the password of USER:PASSWORD, or all of a text without a colon.
func maskedPair(value string) string {
	user, _, ok := strings.Cut(value, ":")
	if !ok {
		return show.Masked
	}
	return user + ":" + show.Masked
}
