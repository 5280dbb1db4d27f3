package tarfs_test

import (
	"fmt"
	"strings"
)

// A stream is a tar, what Scan makes of it, or the error in whole.
type stream struct {
	name  string
	data  []byte
	want  string // entries as "name type size", in order, separated by commas
	err   string
	end   bool // ended with two zero blocks
	tail  bool // has data after its end
	again bool // a path stands in it twice, so a lookup does not tell which entry is meant
}

func file(name, data string) member {
	return member{name: name, mode: 0o644, mtime: defaultTime, data: data}
}

var (
	one       = file("a", "1")
	two       = file("b", "22")
	zeroBlock = make([]byte, blockSize)
	longPath  = strings.Repeat("d/", 100) + "end"
	deepName  = strings.Repeat("n", 255)
)

func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// sparseMap10 is the map that leads the content in format 1.0.
func sparseMap10(numbers ...int64) string {
	var b strings.Builder
	fmt.Fprintln(&b, len(numbers)/2)
	for _, n := range numbers {
		fmt.Fprintln(&b, n)
	}
	return b.String() + string(make([]byte, -b.Len()&(blockSize-1)))
}

// gnuSparse writes the old GNU map into a header: up to four regions, the flag for more, the real size.
func gnuSparse(more bool, size int64, numbers ...int64) func([]byte) {
	return func(h []byte) {
		for i, n := range numbers {
			octal(h[386+12*i:398+12*i], n)
		}
		if more {
			h[482] = 1
		}
		octal(h[483:495], size)
	}
}

func gnuSparseMore(more bool, numbers ...int64) string {
	b := make([]byte, blockSize)
	for i, n := range numbers {
		octal(b[12*i:12*i+12], n)
	}
	if more {
		b[504] = 1
	}
	return string(b)
}

// streams are read as stated, and as archive/tar reads them.
var streams = append(append(append([]stream{}, endings...), dialects...), extensions...)

var endings = []stream{
	{name: "two zero blocks end an archive", data: archive(one), want: "a file 1", end: true},
	{name: "no bytes at all are an empty layer", data: nil},
	{name: "two zero blocks alone are an empty layer", data: archive(), end: true},
	{name: "one zero block alone is an empty layer", data: zeroBlock},
	{name: "one zero block at the very end is accepted", data: join(blocks(one), zeroBlock), want: "a file 1"},
	{name: "no end mark is accepted", data: blocks(one, two), want: "a file 1,b file 2"},
	{name: "no padding at the end is accepted", data: member{name: "a", data: "1", unpadded: true}.bytes(), want: "a file 1"},
	{name: "half a padding at the end is accepted", data: member{name: "a", data: "1", unpadded: true, after: "\x00\x00"}.bytes(), want: "a file 1"},
	{name: "padding that is not zero is not looked at", data: join(member{name: "a", data: "1", unpadded: true, after: strings.Repeat("x", 511)}.bytes(), archive(two)), want: "a file 1,b file 2", end: true},
	{name: "records of 10,240 bytes", data: join(archive(one), make([]byte, 10240-2048)), want: "a file 1", end: true},
	{name: "a second archive after the first is no part of it", data: join(archive(one), archive(two)), want: "a file 1", end: true, tail: true},
	{name: "garbage after the end is noted", data: join(archive(one), []byte("garbage")), want: "a file 1", end: true, tail: true},
	{name: "garbage far after the end is noted", data: join(archive(one), make([]byte, 100000), []byte("x")), want: "a file 1", end: true, tail: true},
	{name: "a few zeros after the end are nothing", data: join(archive(one), make([]byte, 7)), want: "a file 1", end: true},
	{name: "a zero block and a header", data: join(blocks(one), zeroBlock, archive(two)), want: "a file 1", err: "tar header at offset 1024: one zero block, then data"},
	{name: "a zero block and garbage", data: join(blocks(one), zeroBlock, []byte(strings.Repeat("x", 512))), want: "a file 1", err: "tar header at offset 1024: one zero block, then data"},
	{name: "a zero block and half a block", data: join(blocks(one), zeroBlock, make([]byte, 100)), want: "a file 1", err: "tar header at offset 1024: unexpected end of archive"},
	{name: "half a header", data: blocks(one)[:300], err: "tar header at offset 0: unexpected end of archive"},
	{name: "a header without its content", data: blocks(member{name: "a", size: 1000}), err: `entry "a" at offset 0: unexpected end of archive`},
	{name: "a content without its last byte", data: member{name: "a", data: "1234", size: 5, unpadded: true}.bytes(), err: `entry "a" at offset 0: unexpected end of archive`},
	{name: "a content that ends where a block does, and the archive too", data: blocks(file("a", strings.Repeat("x", 512))), want: "a file 512"},
	{name: "a size past the blob", data: archive(member{name: "a", size: 1 << 40}), err: `entry "a" at offset 0: unexpected end of archive`},
	{name: "a size below zero", data: archive(one, member{name: "b", size: -5}), want: "a file 1", err: `entry "b" at offset 1024: size -5 is below zero`},
	{name: "garbage instead of a header", data: join(blocks(one), []byte(strings.Repeat("x", 1024))), want: "a file 1", err: `tar header at offset 1024: header checksum is wrong`},
}

var dialects = []stream{
	{name: "ustar with a prefix", data: archive(member{name: "b", patch: func(h []byte) { copy(h[345:], "pre/fix") }}), want: "pre/fix/b file 0", end: true},
	{name: "v7 has no prefix and no devices", data: archive(member{name: "a", magic: v7Magic, rawFlag: true, data: "1", patch: func(h []byte) { copy(h[345:], "prefix") }}), want: "a file 1", end: true},
	{name: "v7 directory", data: archive(member{name: "d/", magic: v7Magic, rawFlag: true}), want: "d dir 0", end: true},
	{name: "NUL with a trailing slash and a size is a directory without data", data: archive(member{name: "d/", rawFlag: true, size: 512}, one), want: "d dir 0,a file 1", end: true},
	{name: "regular with a trailing slash is a file", data: archive(file("f/", "1")), want: "f file 1", end: true},
	{name: "star keeps times behind the prefix", data: archive(member{name: "b", patch: starTimes("14250001000")}), want: "pre/b file 0", end: true},
	{name: "star with a time that is none", data: archive(member{name: "b", patch: starTimes("not a time")}), err: `is no number`},
	{name: "GNU keeps times where ustar has the prefix", data: archive(member{name: "b", magic: gnuMagic, patch: func(h []byte) { octal(h[345:357], 99); octal(h[357:369], 98) }}), want: "b file 0", end: true},
	{name: "GNU magic with a ustar prefix, as old Go wrote it", data: archive(member{name: "b", magic: gnuMagic, patch: func(h []byte) { copy(h[345:], "prefix") }}), want: "prefix/b file 0", end: true},
	{name: "a name that fills its field", data: archive(file(strings.Repeat("n", 100), "1")), want: strings.Repeat("n", 100) + " file 1", end: true},
	{name: "a name is cut at NUL", data: archive(file("a\x00b", "1")), want: "a file 1", end: true},
	{name: "signed checksums of old Sun tars", data: archive(member{name: "\xff\xfe", spoil: signedSum}), want: "\xff\xfe file 0", end: true},
	{name: "a wrong checksum", data: archive(one, member{name: "b", spoil: func(h []byte) { h[0]++ }}), want: "a file 1", err: `tar header at offset 1024: header checksum is wrong`},
	{name: "a checksum that is no number", data: archive(member{name: "b", spoil: func(h []byte) { copy(h[148:], "zzzzzz") }}), err: `tar header at offset 0: header checksum is wrong`},
	{name: "base-256 ids, sizes and times", data: archive(member{name: "a", data: "1", patch: func(h []byte) {
		base256(h[108:116], 4000000)
		base256(h[116:124], 4294967294)
		base256(h[124:136], 1)
		base256(h[136:148], -5)
	}}), want: "a file 1", end: true},
	{name: "a base-256 number of more than 63 bits", data: archive(member{name: "a", patch: func(h []byte) { copy(h[136:148], "\x80\x00\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff") }}), err: `entry "a" at offset 0: mtime`},
	{name: "an octal field with spaces", data: archive(member{name: "a", data: "1", patch: func(h []byte) { copy(h[124:136], "         1 \x00") }}), want: "a file 1", end: true},
	{name: "empty numbers are zero", data: archive(member{name: "a", patch: func(h []byte) { copy(h[100:148], make([]byte, 48)) }}), want: "a file 0", end: true},
	{name: "a mode that is no number", data: archive(member{name: "a", patch: func(h []byte) { copy(h[100:108], "rwxr-xr") }}), err: `entry "a" at offset 0: mode "rwxr-xr" is no number`},
	{name: "a uid that is no number", data: archive(member{name: "a", patch: func(h []byte) { copy(h[108:116], "00000x0") }}), err: `entry "a" at offset 0: uid "00000x0" is no number`},
	{name: "a size that is no number", data: archive(member{name: "a", patch: func(h []byte) { copy(h[124:136], "9bytes\x00\x00\x00\x00\x00\x00") }}), err: `entry "a" at offset 0: size "9bytes" is no number`},
	{name: "a device number that is no number", data: archive(member{name: "a", patch: func(h []byte) { copy(h[329:337], "x") }}), err: `entry "a" at offset 0: device number "x`},
	{name: "types that carry no data, whatever their size says", data: archive(sized('1'), sized('2'), sized('3'), sized('4'), sized('5'), sized('6'), one), want: "1 hardlink 0,2 symlink 0,3 other 0,4 other 0,5 dir 0,6 other 0,a file 1", end: true},
	{name: "headers without data may say a size below zero", data: archive(member{name: "d/", flag: '5', size: -1}, one), want: "d dir 0,a file 1", end: true},
	{name: "data of an unknown type is skipped with it", data: archive(member{name: "v", flag: 'V', data: strings.Repeat("x", 600)}, one), want: "v other 0,a file 1", end: true},
	{name: "an unknown type longer than the archive", data: archive(member{name: "v", flag: 'Z', size: 1 << 20}), err: `entry "v" at offset 0: unexpected end of archive`},
	{name: "contiguous files are files", data: archive(member{name: "c", flag: '7', data: "123"}), want: "c file 3", end: true},
}

func sized(flag byte) member {
	return member{name: string(flag), flag: flag, size: 4096, link: "x", major: 1}
}

func starTimes(text string) func([]byte) {
	return func(h []byte) {
		copy(h[345:], "pre")
		copy(h[476:488], text)
		copy(h[508:], "tar\x00")
	}
}

// signedSum writes the sum over signed bytes.
func signedSum(h []byte) {
	copy(h[148:156], "        ")
	n := 0
	for _, c := range h {
		n += int(int8(c))
	}
	copy(h[148:156], fmt.Sprintf("%06o\x00 ", n))
}
