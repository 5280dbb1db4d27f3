package tarfs_test

import (
	"fmt"
	"strings"
)

// A stream is a tar and what Scan makes of it: entries, then perhaps an error.
type stream struct {
	name  string
	data  []byte
	want  string // entries as "name type size", in order, separated by commas
	err   string
	end   bool // ended with two zero blocks
	tail  bool // has data after its end
	again bool // lists a path twice, so a lookup finds only one of the entries
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

// sparseMap10 is the map before the content in format 1.0.
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
	{name: "no padding at the end is accepted", data: member{name: "a", data: "1", unpadded: true}.bytes(),
		want: "a file 1"},
	{name: "half a padding at the end is accepted",
		data: member{name: "a", data: "1", unpadded: true, after: "\x00\x00"}.bytes(), want: "a file 1"},
	{name: "padding that is not zero is ignored",
		data: join(member{name: "a", data: "1", unpadded: true, after: strings.Repeat("x", 511)}.bytes(), archive(two)),
		want: "a file 1,b file 2", end: true},
	{name: "records of 10,240 bytes", data: join(archive(one), make([]byte, 10240-2048)), want: "a file 1", end: true},
	{name: "a second archive after the first is ignored", data: join(archive(one), archive(two)), want: "a file 1",
		end: true, tail: true},
	{name: "garbage after the end is noted", data: join(archive(one), []byte("garbage")), want: "a file 1", end: true,
		tail: true},
	{name: "garbage far after the end is noted", data: join(archive(one), make([]byte, 100000), []byte("x")),
		want: "a file 1", end: true, tail: true},
	{name: "a few zeros after the end are nothing", data: join(archive(one), make([]byte, 7)), want: "a file 1",
		end: true},
	{name: "a zero block and a header", data: join(blocks(one), zeroBlock, archive(two)), want: "a file 1",
		err: "tar header at offset 1024: one zero block, then data"},
	{name: "a zero block and garbage", data: join(blocks(one), zeroBlock, []byte(strings.Repeat("x", 512))),
		want: "a file 1", err: "tar header at offset 1024: one zero block, then data"},
	{name: "a zero block and half a block", data: join(blocks(one), zeroBlock, make([]byte, 100)), want: "a file 1",
		err: "tar header at offset 1024: unexpected end of archive"},
	{name: "half a header", data: blocks(one)[:300], err: "tar header at offset 0: unexpected end of archive"},
	{name: "a header without its content", data: blocks(member{name: "a", size: 1000}),
		err: `entry "a" at offset 0: unexpected end of archive`},
	{name: "a content without its last byte", data: member{name: "a", data: "1234", size: 5, unpadded: true}.bytes(),
		err: `entry "a" at offset 0: unexpected end of archive`},
	{name: "a content that ends with a block and with the archive",
		data: blocks(file("a", strings.Repeat("x", 512))), want: "a file 512"},
	{name: "a size past the blob", data: archive(member{name: "a", size: 1 << 40}),
		err: `entry "a" at offset 0: unexpected end of archive`},
	{name: "a size below zero", data: archive(one, member{name: "b", size: -5}), want: "a file 1",
		err: `entry "b" at offset 1024: size -5 is below zero`},
	{name: "garbage instead of a header", data: join(blocks(one), []byte(strings.Repeat("x", 1024))), want: "a file 1",
		err: `tar header at offset 1024: header checksum is wrong`},
}

var dialects = []stream{
	{name: "ustar with a prefix", data: archive(member{name: "b", patch: func(h []byte) { copy(h[345:], "pre/fix") }}),
		want: "pre/fix/b file 0", end: true},
	{name: "v7 has no prefix and no devices", data: archive(member{name: "a", magic: v7Magic, rawFlag: true, data: "1",
		patch: func(h []byte) { copy(h[345:], "prefix") }}), want: "a file 1", end: true},
	{name: "v7 directory", data: archive(member{name: "d/", magic: v7Magic, rawFlag: true}), want: "d dir 0", end: true},
	{name: "NUL with a trailing slash and a size is a directory without data",
		data: archive(member{name: "d/", rawFlag: true, size: 512}, one), want: "d dir 0,a file 1", end: true},
	{name: "regular with a trailing slash is a file", data: archive(file("f/", "1")), want: "f file 1", end: true},
	{name: "star keeps times after the prefix", data: archive(member{name: "b", patch: starTimes("14250001000")}),
		want: "pre/b file 0", end: true},
	{name: "star with an invalid time", data: archive(member{name: "b", patch: starTimes("not a time")}),
		err: `is not a number`},
	{name: "GNU keeps times in the place of ustar's prefix",
		data: archive(member{name: "b", magic: gnuMagic,
			patch: func(h []byte) { octal(h[345:357], 99); octal(h[357:369], 98) }}), want: "b file 0", end: true},
	{name: "GNU magic with a ustar prefix, as old Go wrote it",
		data: archive(member{name: "b", magic: gnuMagic, patch: func(h []byte) { copy(h[345:], "prefix") }}),
		want: "prefix/b file 0", end: true},
	{name: "a name that fills its field", data: archive(file(strings.Repeat("n", 100), "1")),
		want: strings.Repeat("n", 100) + " file 1", end: true},
	{name: "a name is cut at NUL", data: archive(file("a\x00b", "1")), want: "a file 1", end: true},
	{name: "signed checksums of old Sun tars", data: archive(member{name: "\xff\xfe", spoil: signedSum}),
		want: "\xff\xfe file 0", end: true},
	{name: "a wrong checksum", data: archive(one, member{name: "b", spoil: func(h []byte) { h[0]++ }}), want: "a file 1",
		err: `tar header at offset 1024: header checksum is wrong`},
	{name: "a checksum that is not a number", data: archive(member{name: "b",
		spoil: func(h []byte) { copy(h[148:], "zzzzzz") }}), err: `tar header at offset 0: header checksum is wrong`},
	{name: "base-256 ids, sizes and times", data: archive(member{name: "a", data: "1", patch: func(h []byte) {
		base256(h[108:116], 4000000)
		base256(h[116:124], 4294967294)
		base256(h[124:136], 1)
		base256(h[136:148], -5)
	}}), want: "a file 1", end: true},
	{name: "a base-256 number of more than 63 bits",
		data: archive(member{name: "a", patch: func(h []byte) {
			copy(h[136:148], "\x80\x00\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff")
		}}), err: `entry "a" at offset 0: mtime`},
	{name: "an octal field with spaces", data: archive(member{name: "a", data: "1",
		patch: func(h []byte) { copy(h[124:136], "         1 \x00") }}), want: "a file 1", end: true},
	{name: "empty numbers are zero", data: archive(member{name: "a",
		patch: func(h []byte) { copy(h[100:148], make([]byte, 48)) }}), want: "a file 0", end: true},
	{name: "a mode that is not a number", data: archive(member{name: "a",
		patch: func(h []byte) { copy(h[100:108], "rwxr-xr") }}),
		err: `entry "a" at offset 0: mode "rwxr-xr" is not a number`},
	{name: "a uid that is not a number", data: archive(member{name: "a",
		patch: func(h []byte) { copy(h[108:116], "00000x0") }}), err: `entry "a" at offset 0: uid "00000x0" is not a number`},
	{name: "a size that is not a number", data: archive(member{name: "a",
		patch: func(h []byte) { copy(h[124:136], "9bytes\x00\x00\x00\x00\x00\x00") }}),
		err: `entry "a" at offset 0: size "9bytes" is not a number`},
	{name: "a device number that is not a number",
		data: archive(member{name: "a", patch: func(h []byte) { copy(h[329:337], "x") }}),
		err:  `entry "a" at offset 0: device number "x`},
	{name: "types that carry no data, whatever their size says",
		data: archive(sized('1'), sized('2'), sized('3'), sized('4'), sized('5'), sized('6'), one),
		want: "1 hardlink 0,2 symlink 0,3 char 0,4 block 0,5 dir 0,6 fifo 0,a file 1", end: true},
	{name: "headers without data may say a size below zero", data: archive(member{name: "d/", flag: '5', size: -1}, one),
		want: "d dir 0,a file 1", end: true},
	{name: "data of an unknown type is skipped with it",
		data: archive(member{name: "v", flag: 'V', data: strings.Repeat("x", 600)}, one), want: "v other 0,a file 1",
		end: true},
	{name: "an unknown type longer than the archive", data: archive(member{name: "v", flag: 'Z', size: 1 << 20}),
		err: `entry "v" at offset 0: unexpected end of archive`},
	{name: "directories of tar --listed-incremental are directories",
		data: archive(member{name: "d/", flag: 'D', data: "Yf\x00\x00"}, one), want: "d dir 0,a file 1", end: true},
	{name: "contiguous files are files", data: archive(member{name: "c", flag: '7', data: "123"}), want: "c file 3",
		end: true},
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

var extensions = []stream{
	{name: "a PAX path", data: archive(member{name: "short", data: "1", pax: []string{"path=" + longPath}}),
		want: longPath + " file 1", end: true},
	{name: "a PAX path of 255 bytes", data: archive(member{name: "short", pax: []string{"path=" + deepName}}),
		want: deepName + " file 0", end: true},
	{name: "a PAX link", data: archive(member{name: "l", flag: '2', link: "short",
		pax: []string{"linkpath=" + longPath}}), want: "l symlink 0", end: true},
	{name: "a PAX size overrides the header's", data: archive(member{name: "a", data: "12345", size: noSize,
		pax: []string{"size=5"}}, two), want: "a file 5,b file 2", end: true},
	{name: "PAX ids", data: archive(member{name: "a", pax: []string{"uid=3000000", "gid=4294967294"}}), want: "a file 0",
		end: true},
	{name: "PAX id 4294967295 counts as root", data: archive(member{name: "a",
		pax: []string{"uid=4294967295", "gid=4294967295"}}), want: "a file 0", end: true},
	{name: "PAX times with fractions, before 1970, of more than nine digits", data: archive(
		member{name: "a", pax: []string{"mtime=1600000000.123456789"}}, member{name: "b", pax: []string{"mtime=-1.5"}},
		member{name: "c", pax: []string{"mtime=1.1234567899999"}}, member{name: "d", pax: []string{"mtime=-0.25"}},
		member{name: "e", pax: []string{"mtime=10413792000."}},
	), want: "a file 0,b file 0,c file 0,d file 0,e file 0", end: true},
	{name: "an invalid PAX time", data: archive(member{name: "a", pax: []string{"mtime=yesterday"}}),
		err: `PAX mtime: "yesterday" is not a time`},
	{name: "an invalid PAX fraction", data: archive(member{name: "a", pax: []string{"mtime=1.5e3"}}),
		err: `PAX mtime: "1.5e3" is not a time`},
	{name: "a PAX size that is not a number", data: archive(member{name: "a", pax: []string{"size=5k"}}),
		err: `PAX size "5k" is not a number`},
	{name: "a PAX size below zero", data: archive(member{name: "a", pax: []string{"size=-1"}}),
		err: `size -1 is below zero`},
	{name: "a PAX path with NUL", data: archive(one, member{name: "b", pax: []string{"path=x\x00y"}}), want: "a file 1",
		err: `PAX path holds NUL`},
	{name: "a PAX link with NUL", data: archive(member{name: "b", pax: []string{"linkpath=x\x00y"}}),
		err: `PAX linkpath holds NUL`},
	{name: "an attribute may hold NUL", data: archive(member{name: "b",
		pax: []string{"SCHILY.xattr.user.k=x\x00y=z\n"}}), want: "b file 0", end: true},
	{name: "an empty PAX value leaves the header's",
		data: archive(member{name: "b", data: "1", pax: []string{"path=", "size=", "mtime="}}), want: "b file 1", end: true},
	{name: "the last of two PAX records counts", data: archive(member{name: "b", pax: []string{"path=x", "path=y"}}),
		want: "y file 0", end: true},
	{name: "the last of two PAX headers counts", data: join(member{name: "P", flag: 'x',
		data: records([]string{"path=x", "uid=5"})}.bytes(), archive(member{name: "b", pax: []string{"gid=6"}})),
		want: "b file 0", end: true},
	{name: "a PAX header holds for one entry", data: archive(member{name: "b", pax: []string{"path=x"}}, one),
		want: "x file 0,a file 1", end: true},
	{name: "a PAX header without an entry", data: join(member{name: "P", flag: 'x',
		data: records([]string{"path=x"})}.bytes(), archive()), end: true},
	{name: "a global header is not an entry and does not change one",
		data: archive(member{name: "b", global: true, pax: []string{"path=x", "mtime=5"}}, one), want: "b file 0,a file 1",
		end: true},
	{name: "a global header forgets what came before it",
		data: join(member{name: "P", flag: 'x', data: records([]string{"path=x"})}.bytes(),
			archive(member{name: "b", global: true, pax: []string{"uid=5"}})), want: "b file 0", end: true},
	{name: "a damaged global header", data: archive(member{name: "g", flag: 'g', data: "5 a"}),
		err: `PAX record: bad length`},
	{name: "a PAX length too long", data: archive(member{name: "g", flag: 'x', data: "99 path=a\n"}),
		err: `PAX record: bad length`},
	{name: "a PAX length too short", data: archive(member{name: "g", flag: 'x', data: "5 path=a\n"}),
		err: `PAX record: bad length`},
	{name: "a missing PAX length", data: archive(member{name: "g", flag: 'x', data: "path=a\n"}),
		err: `PAX record: bad length`},
	{name: "a PAX length with leading zeros", data: archive(member{name: "b", data: "1", pax: nil},
		member{name: "P", flag: 'x', data: "000000000020 path=a\n"}, one), want: "b file 1,a file 1", end: true},
	{name: "a PAX record without a key", data: archive(member{name: "g", flag: 'x', data: "5 =a\n"}), err: `PAX record`},
	{name: "a PAX record without a value", data: archive(member{name: "g", flag: 'x', data: "8 patha\n"}),
		err: `PAX record`},
	{name: "a PAX record without a newline", data: archive(member{name: "g", flag: 'x', data: "9 path=ab"}),
		err: `PAX record`},
	{name: "a GNU long name and long link", data: archive(member{name: "short", flag: '2', link: "s", longName: longPath,
		longLink: longPath}), want: longPath + " symlink 0", end: true},
	{name: "a GNU long name beats a PAX path", data: archive(member{name: "short", longName: "long",
		pax: []string{"path=pax"}}), want: "long file 0", end: true},
	{name: "a GNU long name ends at NUL", data: archive(member{name: "short", longName: "long\x00rest"}),
		want: "long file 0", end: true},
	{name: "a GNU long name cut short", data: blocks(member{name: "short", longName: longPath})[:600],
		err: `unexpected end of archive`},
	{name: "PAX sparse 0.0", data: archive(member{name: "sp", data: "aaaabbbb", pax: []string{
		"GNU.sparse.size=12288", "GNU.sparse.numblocks=2", "GNU.sparse.offset=4096", "GNU.sparse.numbytes=4",
		"GNU.sparse.offset=8192", "GNU.sparse.numbytes=4"}}, one), want: "sp file 12288,a file 1", end: true},
	{name: "PAX sparse 0.1", data: archive(member{name: "GNUSparseFile.0/sp", data: "aaaabbbb", pax: []string{
		"GNU.sparse.size=12288", "GNU.sparse.numblocks=2", "GNU.sparse.name=sp", "GNU.sparse.map=4096,4,8192,4"}}, one),
		want: "sp file 12288,a file 1", end: true},
	{name: "PAX sparse 1.0", data: archive(member{name: "GNUSparseFile.0/sp",
		data: sparseMap10(4096, 4, 8192, 4) + "aaaabbbb", pax: []string{
			"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=sp", "GNU.sparse.realsize=12288"}}, one),
		want: "sp file 12288,a file 1", end: true},
	{name: "PAX sparse 1.0 of many regions", data: archive(manyRegions(200)), want: "sp file 200000", end: true},
	{name: "PAX sparse 1.0 of one hole", data: archive(member{name: "sp", data: sparseMap10(), pax: []string{
		"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=5000"}}), want: "sp file 5000", end: true},
	{name: "PAX sparse of an unknown version is a plain file",
		data: archive(member{name: "sp", data: "aaaa",
			pax: []string{"GNU.sparse.major=2", "GNU.sparse.minor=0", "GNU.sparse.name=x"}}), want: "sp file 4", end: true},
	{name: "PAX sparse 0.0 out of turn", data: archive(member{name: "sp",
		pax: []string{"GNU.sparse.numbytes=4", "GNU.sparse.offset=8192"}}), err: `sparse map is damaged`},
	{name: "PAX sparse regions out of order", data: archive(member{name: "sp", data: "aaaabbbb",
		pax: []string{"GNU.sparse.size=12288", "GNU.sparse.numblocks=2", "GNU.sparse.map=8192,4,4096,4"}}),
		err: `sparse map is damaged: region at 4096 of 4 bytes is out of order or outside the file`},
	{name: "PAX sparse region past the file", data: archive(member{name: "sp", data: "aaaa",
		pax: []string{"GNU.sparse.size=10", "GNU.sparse.numblocks=1", "GNU.sparse.map=8,4"}}),
		err: `sparse map is damaged: region at 8 of 4 bytes is out of order or outside the file`},
	{name: "PAX sparse with more data than regions",
		data: archive(member{name: "sp", data: "aaaabbbb",
			pax: []string{"GNU.sparse.size=100", "GNU.sparse.numblocks=1", "GNU.sparse.map=8,4"}}),
		err: `sparse map is damaged: it names 4 bytes, 8 are stored`},
	{name: "PAX sparse with less data than regions",
		data: archive(member{name: "sp", data: "aa", pax: []string{"GNU.sparse.size=100", "GNU.sparse.numblocks=1",
			"GNU.sparse.map=8,4"}}), err: `sparse map is damaged: it names 4 bytes, 2 are stored`},
	{name: "PAX sparse count that does not fit", data: archive(member{name: "sp", data: "aaaa",
		pax: []string{"GNU.sparse.size=100", "GNU.sparse.numblocks=2", "GNU.sparse.map=8,4"}}), err: `sparse map is damaged`},
	{name: "PAX sparse 1.0 with a map longer than the content",
		data: archive(member{name: "sp", data: "9\n" + strings.Repeat("\x00", 510),
			pax: []string{"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=5"}}), err: `sparse map is damaged`},
	{name: "PAX sparse 1.0 of a size below zero",
		data: archive(member{name: "sp", data: sparseMap10(),
			pax: []string{"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=-5"}}),
		err: `sparse map is damaged: size -5 is below zero`},
	{name: "PAX sparse 0.1 of a size below zero",
		data: archive(member{name: "sp", pax: []string{"GNU.sparse.major=0", "GNU.sparse.minor=1", "GNU.sparse.numblocks=0",
			"GNU.sparse.size=-5"}}), err: `sparse map is damaged: size -5 is below zero`},
	{name: "old GNU sparse of a size below zero",
		data: archive(member{name: "sp", flag: 'S', magic: gnuMagic,
			patch: func(h []byte) { copy(h[483:495], strings.Repeat("\xff", 12)) }}),
		err: `sparse map is damaged: size -1 is below zero`},
	{name: "a sparse directory", data: archive(member{name: "d/", flag: '5',
		pax: []string{"GNU.sparse.size=100", "GNU.sparse.numblocks=0", "GNU.sparse.map=0,0"}}), err: `sparse map is damaged`},
	{name: "old GNU sparse", data: archive(member{name: "sp", flag: 'S', magic: gnuMagic, data: "aaaabbbb",
		patch: gnuSparse(false, 12288, 4096, 4, 8192, 4)}, one), want: "sp file 12288,a file 1", end: true},
	{name: "old GNU sparse with two blocks of more regions",
		data: archive(member{name: "sp", flag: 'S', magic: gnuMagic, data: "abcdef",
			patch:     gnuSparse(true, 100, 0, 1, 2, 1, 4, 1, 6, 1),
			extension: gnuSparseMore(true, 8, 1) + gnuSparseMore(false, 10, 1)}, one), want: "sp file 100,a file 1", end: true},
	{name: "old GNU sparse without GNU's magic", data: archive(member{name: "sp", flag: 'S', data: "aaaa",
		patch: gnuSparse(false, 10, 0, 4)}), err: `sparse map is damaged`},
	{name: "old GNU sparse cut in its map", data: blocks(member{name: "sp", flag: 'S', magic: gnuMagic,
		patch: gnuSparse(true, 100, 0, 0)}), err: `unexpected end of archive`},
}

// manyRegions is a file of a byte and a hole in turn.
func manyRegions(n int64) member {
	var numbers []int64
	for i := range n {
		numbers = append(numbers, i*1000, 1)
	}
	return member{name: "sp", data: sparseMap10(numbers...) + strings.Repeat("x", int(n)), pax: []string{
		"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=200000"}}
}
