package secrets

import (
	"bytes"
	"encoding/binary"

	"layup/analyze/archives"
)

// What is not searched by default.
const (
	program    = "program"
	compressed = "compressed"
)

// programs are how programs begin.
var programs = []string{"\x7fELF", "MZ", "\xfe\xed\xfa\xce", "\xfe\xed\xfa\xcf", "\xce\xfa\xed\xfe",
	"\xcf\xfa\xed\xfe", "\xca\xfe\xba\xbe", "\x00asm", "!<arch>\n", "dex\n"}

// kindOf says why content is not searched by default; empty if it is.
func kindOf(head []byte) string {
	for _, magic := range programs {
		if bytes.HasPrefix(head, []byte(magic)) && (magic != "MZ" || bytes.IndexByte(head, 0) >= 0) {
			return program
		}
	}
	if archives.IsCompressed(head) {
		return compressed
	}
	return ""
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
