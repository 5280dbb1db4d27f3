package tarfs

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const xattrPrefix = "SCHILY.xattr."

// extended is what PAX and GNU headers say of the next entry.
type extended struct {
	longName, longLink []byte // GNU L and K
	path, linkpath     []byte
	size, uid, gid     string
	mtime              string
	xattrs             []Xattr
	xattrIndex         map[string]int // from a name to its index in xattrs, if there are many
	xattrBytes         int
	sparse             map[string]string // GNU.sparse.*
	sparseMap          []string          // offsets and sizes of format 0.0, in turn
}

var errRecord = errors.New("PAX record: bad length")

// parsePAX reads the records of a PAX header into x, and forgets those of an earlier header. Source: POSIX.1-2001, pax
// Extended Header.
func parsePAX(body []byte, x *extended, lim *Limits) error {
	*x = extended{longName: x.longName, longLink: x.longLink}
	for len(body) > 0 {
		key, value, rest, err := paxRecord(body)
		if err != nil {
			return err
		}
		body = rest
		if err := x.set(key, value, lim); err != nil {
			return err
		}
	}
	if len(x.sparseMap) > 0 { // map01 counts them
		x.setSparse("GNU.sparse.map", strings.Join(x.sparseMap, ","))
	}
	return nil
}

// paxRecord cuts off the first record, "LENGTH KEY=VALUE\n".
func paxRecord(b []byte) (key, value, rest []byte, err error) {
	digits, _, ok := bytes.Cut(b, []byte{' '})
	if !ok {
		return nil, nil, nil, errRecord
	}
	n, perr := strconv.ParseInt(string(digits), 10, 64)
	if perr != nil || n < 5 || n > int64(len(b)) || int(n) <= len(digits)+1 {
		return nil, nil, nil, errRecord
	}
	record, rest := b[len(digits)+1:n], b[n:]
	if record[len(record)-1] != '\n' {
		return nil, nil, nil, errRecord
	}
	key, value, ok = bytes.Cut(record[:len(record)-1], []byte{'='})
	if !ok || len(key) == 0 {
		return nil, nil, nil, errors.New("PAX record: no key")
	}
	return key, value, rest, nil
}

func (x *extended) set(key, value []byte, lim *Limits) error {
	switch string(key) {
	case "path", "linkpath", "uname", "gname":
		if bytes.IndexByte(value, 0) >= 0 {
			return fmt.Errorf("PAX %s holds NUL", key)
		}
	default:
		if bytes.IndexByte(key, 0) >= 0 {
			return errors.New("PAX key holds NUL")
		}
	}
	switch string(key) {
	case "path":
		x.path = value
	case "linkpath":
		x.linkpath = value
	case "size":
		x.size = string(value)
	case "uid":
		x.uid = string(value)
	case "gid":
		x.gid = string(value)
	case "mtime":
		x.mtime = string(value)
	case "atime", "ctime":
		if _, _, err := paxTime(string(value)); len(value) > 0 && err != nil {
			return fmt.Errorf("PAX %s: %w", key, err)
		}
	case "GNU.sparse.offset", "GNU.sparse.numbytes":
		return x.addSparse(string(key) == "GNU.sparse.offset", string(value))
	default:
		return x.other(key, value, lim)
	}
	return nil
}

func (x *extended) other(key, value []byte, lim *Limits) error {
	if bytes.HasPrefix(key, []byte("GNU.sparse.")) {
		x.setSparse(string(key), string(value))
		return nil
	}
	rest, ok := bytes.CutPrefix(key, []byte(xattrPrefix))
	if !ok {
		return nil
	}
	name := string(rest)
	if i, ok := x.xattr(name); ok { // the last record of a key counts
		x.xattrBytes += len(value) - len(x.xattrs[i].Value)
		x.xattrs[i].Value = string(value)
		return over("xattr-bytes", int64(x.xattrBytes), int64(lim.XattrBytes))
	}
	x.xattrs = append(x.xattrs, Xattr{name, string(value)})
	x.xattrBytes += len(name) + len(value)
	return cmp.Or(over("xattrs", int64(len(x.xattrs)), int64(lim.Xattrs)),
		over("xattr-bytes", int64(x.xattrBytes), int64(lim.XattrBytes)))
}

// few is the number of attributes up to which names are compared one by one.
const few = 8

// xattr finds an attribute that an earlier record set.
func (x *extended) xattr(name string) (int, bool) {
	if len(x.xattrs) <= few {
		i := slices.IndexFunc(x.xattrs, func(a Xattr) bool { return a.Name == name })
		return i, i >= 0
	}
	if x.xattrIndex == nil {
		x.xattrIndex = map[string]int{}
	}
	for i := len(x.xattrIndex); i < len(x.xattrs); i++ {
		x.xattrIndex[x.xattrs[i].Name] = i
	}
	i, ok := x.xattrIndex[name]
	return i, ok
}

func (x *extended) setSparse(key, value string) {
	if x.sparse == nil {
		x.sparse = map[string]string{}
	}
	x.sparse[key] = value
}

// addSparse takes a record of format 0.0: offset and numbytes alternate, many times.
func (x *extended) addSparse(offset bool, value string) error {
	if offset != (len(x.sparseMap)%2 == 0) || strings.Contains(value, ",") {
		return errSparse
	}
	x.sparseMap = append(x.sparseMap, value)
	return nil
}

// apply lets the extended headers override the block's fields.
func (x *extended) apply(h *header) error {
	if len(x.path) > 0 {
		h.name = x.path
	}
	if len(x.linkpath) > 0 {
		h.link = x.linkpath
	}
	if len(x.longName) > 0 {
		h.name = x.longName
	}
	if len(x.longLink) > 0 {
		h.link = x.longLink
	}
	var p decimals
	p.set(&h.size, "size", x.size)
	p.set(&h.uid, "uid", x.uid)
	p.set(&h.gid, "gid", x.gid)
	if x.mtime != "" {
		var err error
		if h.mtime, h.mtimeNS, err = paxTime(x.mtime); err != nil && p.err == nil {
			p.err = fmt.Errorf("PAX mtime: %w", err)
		}
	}
	return p.err
}

// decimals reads decimal numbers and keeps the first error.
type decimals struct{ err error }

func (p *decimals) set(to *int64, what, s string) {
	if s == "" {
		return
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("PAX %s %q is not a number", what, cut(s))
	}
	*to = n
}

// cut bounds what an error quotes from an image.
func cut(s string) string {
	if len(s) > 40 {
		return s[:40]
	}
	return s
}

// paxTime reads seconds with a decimal fraction. Nine digits of the fraction count. The time is sec plus nsec, even if
// sec is negative.
func paxTime(s string) (sec int64, nsec uint32, err error) {
	whole, fraction, _ := strings.Cut(s, ".")
	sec, err = strconv.ParseInt(whole, 10, 64)
	if err != nil || strings.Trim(fraction, "0123456789") != "" {
		return 0, 0, fmt.Errorf("%q is not a time", cut(s))
	}
	for i := range 9 {
		nsec *= 10
		if i < len(fraction) {
			nsec += uint32(fraction[i] - '0')
		}
	}
	if strings.HasPrefix(whole, "-") && nsec > 0 { // -1.5 is half a second before -1
		sec, nsec = sec-1, 1_000_000_000-nsec
	}
	return sec, nsec, nil
}
