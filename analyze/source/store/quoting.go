package store

import "strconv"

// shown returns a name for a message, quoted.
func shown(name string) string {
	const most = 200
	if len(name) > most {
		return strconv.Quote(name[:most]) + "…"
	}
	return strconv.Quote(name)
}
