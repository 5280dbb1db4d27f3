package tarfs_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"layup/tarfs"
)

// An item is an entry of a test layer in a notation that can be read aloud: a kind, a name, and what is special about
// it.
//
//	f a =text 0600 5:6 @99 x:user.k=v    a file with content, mode, owner, time, attribute
//	d etc; p fifo; c dev #1:3; b disk #8:0  other types
//	l ln -> target                       a symlink
//	h b -> a                             a hard link
//	V label                              any other letter is the typeflag itself
type item struct {
	kind         byte
	name, link   string
	mode         int64
	uid, gid     int64
	mtime        int64
	major, minor int64
	data         string
	xattrs       []string // name=value
}

// layerOf reads a layer in the notation, entries separated by semicolons or newlines.
func layerOf(text string) []item {
	var items []item
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ';' || r == '\n' }) {
		if f := strings.Fields(line); len(f) > 1 {
			items = append(items, itemOf(f))
		}
	}
	return items
}

func itemOf(f []string) item {
	it := item{kind: f[0][0], name: f[1], mode: 0o644, mtime: defaultTime}
	if it.kind == 'd' {
		it.mode = 0o755
	}
	if it.name == `""` {
		it.name = ""
	}
	for i := 2; i < len(f); i++ {
		if f[i] == "->" {
			i++
			it.link = strings.Trim(f[i], `"`)
			continue
		}
		it.set(f[i])
	}
	return it
}

// set reads one field after the name.
func (it *item) set(field string) {
	a, b, pair := strings.Cut(field, ":")
	switch {
	case field[0] == '=':
		it.data = field[1:]
	case field[0] == '@':
		it.mtime = number(field[1:], 10)
	case field[0] == '#':
		it.major, it.minor = number(a[1:], 10), number(b, 10)
	case a == "x":
		it.xattrs = append(it.xattrs, b)
	case pair:
		it.uid, it.gid = number(a, 10), number(b, 10)
	default:
		it.mode = number(field, 8)
	}
}

func number(s string, base int) int64 {
	n, err := strconv.ParseInt(s, base, 64)
	if err != nil {
		panic(fmt.Sprintf("the test's notation: %v", err))
	}
	return n
}

var flagOf = map[byte]byte{'f': '0', 'd': '5', 'l': '2', 'h': '1', 'c': '3', 'b': '4', 'p': '6'}

// member returns the header and data of the item in a tar.
func (it item) member() member {
	m := member{
		name: it.name, link: it.link, flag: flagOf[it.kind], mode: it.mode, uid: it.uid, gid: it.gid,
		mtime: it.mtime, major: it.major, minor: it.minor, data: it.data,
	}
	if m.flag == 0 {
		m.flag = it.kind
	}
	if it.kind == 'd' && it.name != "" && !strings.HasSuffix(it.name, "/") {
		m.name += "/"
	}
	if len(m.name) > 100 {
		m.pax, m.name = append(m.pax, "path="+m.name), m.name[:100]
	}
	if len(m.link) > 100 {
		m.pax, m.link = append(m.pax, "linkpath="+m.link), m.link[:100]
	}
	for _, x := range it.xattrs {
		m.pax = append(m.pax, "SCHILY.xattr."+x)
	}
	return m
}

// String returns the notation.
func (it item) String() string {
	s := fmt.Sprintf("%c %s", it.kind, it.name)
	if it.name == "" {
		s = fmt.Sprintf(`%c ""`, it.kind)
	}
	if it.link != "" {
		s += " -> " + it.link
	}
	if it.data != "" {
		s += " =" + it.data
	}
	if it.kind == 'c' || it.kind == 'b' {
		s += fmt.Sprintf(" #%d:%d", it.major, it.minor)
	}
	s += fmt.Sprintf(" %#o %d:%d @%d", it.mode, it.uid, it.gid, it.mtime)
	for _, x := range it.xattrs {
		s += " x:" + x
	}
	return s
}

// tarOf packs a layer.
func tarOf(items []item) []byte {
	var members []member
	for _, it := range items {
		members = append(members, it.member())
	}
	return archive(members...)
}

// A stack is a merged image and the tars it came from.
type stack struct {
	tars [][]byte
	tree *tarfs.Tree
	errs []*tarfs.LayerError
}

// stackOf packs, scans and merges layers.
func stackOf(t testing.TB, layers [][]item, view tarfs.View) stack {
	t.Helper()
	s := stack{}
	var tables []*tarfs.Layer
	for _, items := range layers {
		data := tarOf(items)
		s.tars = append(s.tars, data)
		tables = append(tables, mustScan(t, data))
	}
	s.tree, s.errs = tarfs.Merge(tables, view)
	return s
}

// show describes what a snapshot holds at a version, in one line.
func (s stack) show(at *tarfs.Snapshot, v tarfs.Version) string {
	line := facts(v, s.tars)
	if first, ok := at.FirstName(v); ok {
		line += " first=" + first.Path()
	}
	return line
}

func facts(v tarfs.Version, tars [][]byte) string {
	m := v.Meta()
	line := fmt.Sprintf("%s %s %04o %d:%d layer=%d meta=%d", v.Node().Path(), v.Type(), m.Mode, m.UID, m.GID, v.Layer(),
		v.MetaLayer())
	if v.HasMTime() {
		line += fmt.Sprintf(" @%d", m.MTime)
	}
	if v.Implied() {
		line += " implied"
	}
	switch v.Type() {
	case tarfs.File:
		line += fmt.Sprintf(" =%s content=%d", contentOf(v, tars), v.ContentLayer())
	case tarfs.Symlink:
		line += fmt.Sprintf(" -> %s content=%d", v.Link(), v.ContentLayer())
	case tarfs.Char, tarfs.Block:
		major, minor := v.Device()
		line += fmt.Sprintf(" #%d:%d content=%d", major, minor, v.ContentLayer())
	}
	for _, x := range v.Xattrs() {
		line += " x:" + x.Name + "=" + x.Value
	}
	return line
}

// visible lists a snapshot in path order.
func (s stack) visible(at *tarfs.Snapshot) []string {
	var list []string
	for v := range at.Walk(s.tree.Root(), -1) {
		list = append(list, s.show(at, v))
	}
	return list
}

// hidden lists what is not visible at the top, who hid it, and how.
func (s stack) hidden() []string {
	var list []string
	for v := range s.tree.Versions() {
		if by, how := v.HiddenBy(); how != tarfs.NotHidden {
			list = append(list, fmt.Sprintf("%s by %d %s", facts(v, s.tars), by, how))
		}
	}
	return list
}

// warned lists the warnings as "code layer path".
func (s stack) warned() []string {
	var list []string
	for _, w := range s.tree.Warnings() {
		list = append(list, fmt.Sprintf("%s %d %s", w.Code, w.Layer, w.Path))
	}
	return list
}
