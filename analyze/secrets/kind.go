package secrets

import (
	"bytes"
	"encoding/binary"
)

// What is not searched by default.
const (
	program    = "program"
	compressed = "compressed"
)

// kinds are how such content begins.
var kinds = []struct{ magic, kind string }{
	{"\x7fELF", program}, {"MZ", program}, {"\xfe\xed\xfa\xce", program}, {"\xfe\xed\xfa\xcf", program},
	{"\xce\xfa\xed\xfe", program}, {"\xcf\xfa\xed\xfe", program}, {"\xca\xfe\xba\xbe", program}, {"\x00asm", program},
	{"!<arch>\n", program}, {"dex\n", program},
	{"PK\x03\x04", compressed}, {"\x1f\x8b", compressed}, {"BZh", compressed}, {"\xfd7zXZ\x00", compressed},
	{"\x28\xb5\x2f\xfd", compressed}, {"7z\xbc\xaf\x27\x1c", compressed}, {"Rar!\x1a\x07", compressed},
	{"\x04\x22\x4d\x18", compressed}, {"\xed\xab\xee\xdb", compressed},
}

// kindOf says why content is not searched by default; empty if it is.
func kindOf(head []byte) string {
	for _, k := range kinds {
		if bytes.HasPrefix(head, []byte(k.magic)) && (k.magic != "MZ" || bytes.IndexByte(head, 0) >= 0) {
			return k.kind
		}
	}
	return ""
}

// tarMagic stands in every header of a tar since 1988.
const tarMagic, tarMagicAt = "ustar", 257

// isArchive reports whether content may be an archive or a compressed file.
func isArchive(head []byte) bool {
	return kindOf(head) == compressed || len(head) > tarMagicAt && bytes.HasPrefix(head[tarMagicAt:], []byte(tarMagic))
}

// wideOf returns the order of the bytes of text in UTF-16, which its mark tells, or NULs in every other of its first
// bytes; nil for everything else.
func wideOf(head []byte) binary.ByteOrder {
	head = head[:min(len(head), 64)&^1]
	var zeros [2]int
	for i, b := range head {
		if b == 0 {
			zeros[i%2]++
		}
	}
	const least = 8
	switch n := len(head) / 2; {
	case bytes.HasPrefix(head, []byte("\xff\xfe")), n >= least && zeros[1] == n && zeros[0] == 0:
		return binary.LittleEndian
	case bytes.HasPrefix(head, []byte("\xfe\xff")), n >= least && zeros[0] == n && zeros[1] == 0:
		return binary.BigEndian
	}
	return nil
}
