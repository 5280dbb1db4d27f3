package tarfs_test

import "strings"

var extensions = []stream{
	{name: "a PAX path", data: archive(member{name: "short", data: "1", pax: []string{"path=" + longPath}}), want: longPath + " file 1", end: true},
	{name: "a PAX path of 255 bytes", data: archive(member{name: "short", pax: []string{"path=" + deepName}}), want: deepName + " file 0", end: true},
	{name: "a PAX link", data: archive(member{name: "l", flag: '2', link: "short", pax: []string{"linkpath=" + longPath}}), want: "l symlink 0", end: true},
	{name: "a PAX size overrides the header's", data: archive(member{name: "a", data: "12345", size: noSize, pax: []string{"size=5"}}, two), want: "a file 5,b file 2", end: true},
	{name: "PAX ids", data: archive(member{name: "a", pax: []string{"uid=3000000", "gid=4294967294"}}), want: "a file 0", end: true},
	{name: "PAX id 4294967295 counts as root", data: archive(member{name: "a", pax: []string{"uid=4294967295", "gid=4294967295"}}), want: "a file 0", end: true},
	{name: "PAX times with fractions, before 1970, of more than nine digits", data: archive(
		member{name: "a", pax: []string{"mtime=1600000000.123456789"}}, member{name: "b", pax: []string{"mtime=-1.5"}},
		member{name: "c", pax: []string{"mtime=1.1234567899999"}}, member{name: "d", pax: []string{"mtime=-0.25"}}, member{name: "e", pax: []string{"mtime=10413792000."}},
	), want: "a file 0,b file 0,c file 0,d file 0,e file 0", end: true},
	{name: "a PAX time that is none", data: archive(member{name: "a", pax: []string{"mtime=yesterday"}}), err: `PAX mtime: "yesterday" is no time`},
	{name: "a PAX fraction that is none", data: archive(member{name: "a", pax: []string{"mtime=1.5e3"}}), err: `PAX mtime: "1.5e3" is no time`},
	{name: "a PAX size that is no number", data: archive(member{name: "a", pax: []string{"size=5k"}}), err: `PAX size "5k" is no number`},
	{name: "a PAX size below zero", data: archive(member{name: "a", pax: []string{"size=-1"}}), err: `size -1 is below zero`},
	{name: "a PAX path with NUL", data: archive(one, member{name: "b", pax: []string{"path=x\x00y"}}), want: "a file 1", err: `PAX path holds NUL`},
	{name: "a PAX link with NUL", data: archive(member{name: "b", pax: []string{"linkpath=x\x00y"}}), err: `PAX linkpath holds NUL`},
	{name: "an attribute may hold NUL", data: archive(member{name: "b", pax: []string{"SCHILY.xattr.user.k=x\x00y=z\n"}}), want: "b file 0", end: true},
	{name: "an empty PAX value leaves the header's", data: archive(member{name: "b", data: "1", pax: []string{"path=", "size=", "mtime="}}), want: "b file 1", end: true},
	{name: "the last of two PAX records counts", data: archive(member{name: "b", pax: []string{"path=x", "path=y"}}), want: "y file 0", end: true},
	{name: "the last of two PAX headers counts", data: join(member{name: "P", flag: 'x', data: records([]string{"path=x", "uid=5"})}.bytes(), archive(member{name: "b", pax: []string{"gid=6"}})), want: "b file 0", end: true},
	{name: "a PAX header holds for one entry", data: archive(member{name: "b", pax: []string{"path=x"}}, one), want: "x file 0,a file 1", end: true},
	{name: "a PAX header without an entry", data: join(member{name: "P", flag: 'x', data: records([]string{"path=x"})}.bytes(), archive()), end: true},
	{name: "a global header is no entry and changes none", data: archive(member{name: "b", global: true, pax: []string{"path=x", "mtime=5"}}, one), want: "b file 0,a file 1", end: true},
	{name: "a global header forgets what came before it", data: join(member{name: "P", flag: 'x', data: records([]string{"path=x"})}.bytes(), archive(member{name: "b", global: true, pax: []string{"uid=5"}})), want: "b file 0", end: true},
	{name: "a damaged global header", data: archive(member{name: "g", flag: 'g', data: "5 a"}), err: `PAX record: bad length`},
	{name: "a PAX length too long", data: archive(member{name: "g", flag: 'x', data: "99 path=a\n"}), err: `PAX record: bad length`},
	{name: "a PAX length too short", data: archive(member{name: "g", flag: 'x', data: "5 path=a\n"}), err: `PAX record: bad length`},
	{name: "a PAX length of nothing", data: archive(member{name: "g", flag: 'x', data: "path=a\n"}), err: `PAX record: bad length`},
	{name: "a PAX length with leading zeros", data: archive(member{name: "b", data: "1", pax: nil}, member{name: "P", flag: 'x', data: "000000000020 path=a\n"}, one), want: "b file 1,a file 1", end: true},
	{name: "a PAX record without a key", data: archive(member{name: "g", flag: 'x', data: "5 =a\n"}), err: `PAX record`},
	{name: "a PAX record without a value", data: archive(member{name: "g", flag: 'x', data: "8 patha\n"}), err: `PAX record`},
	{name: "a PAX record without a newline", data: archive(member{name: "g", flag: 'x', data: "9 path=ab"}), err: `PAX record`},
	{name: "a GNU long name and long link", data: archive(member{name: "short", flag: '2', link: "s", longName: longPath, longLink: longPath}), want: longPath + " symlink 0", end: true},
	{name: "a GNU long name beats a PAX path", data: archive(member{name: "short", longName: "long", pax: []string{"path=pax"}}), want: "long file 0", end: true},
	{name: "a GNU long name ends at NUL", data: archive(member{name: "short", longName: "long\x00rest"}), want: "long file 0", end: true},
	{name: "a GNU long name cut short", data: blocks(member{name: "short", longName: longPath})[:600], err: `unexpected end of archive`},
	{name: "PAX sparse 0.0", data: archive(member{name: "sp", data: "aaaabbbb", pax: []string{
		"GNU.sparse.size=12288", "GNU.sparse.numblocks=2", "GNU.sparse.offset=4096", "GNU.sparse.numbytes=4", "GNU.sparse.offset=8192", "GNU.sparse.numbytes=4"}}, one), want: "sp file 12288,a file 1", end: true},
	{name: "PAX sparse 0.1", data: archive(member{name: "GNUSparseFile.0/sp", data: "aaaabbbb", pax: []string{
		"GNU.sparse.size=12288", "GNU.sparse.numblocks=2", "GNU.sparse.name=sp", "GNU.sparse.map=4096,4,8192,4"}}, one), want: "sp file 12288,a file 1", end: true},
	{name: "PAX sparse 1.0", data: archive(member{name: "GNUSparseFile.0/sp", data: sparseMap10(4096, 4, 8192, 4) + "aaaabbbb", pax: []string{
		"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=sp", "GNU.sparse.realsize=12288"}}, one), want: "sp file 12288,a file 1", end: true},
	{name: "PAX sparse 1.0 of many regions", data: archive(manyRegions(200)), want: "sp file 200000", end: true},
	{name: "PAX sparse 1.0 of nothing but a hole", data: archive(member{name: "sp", data: sparseMap10(), pax: []string{
		"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=5000"}}), want: "sp file 5000", end: true},
	{name: "PAX sparse of an unknown version is a plain file", data: archive(member{name: "sp", data: "aaaa", pax: []string{"GNU.sparse.major=2", "GNU.sparse.minor=0", "GNU.sparse.name=x"}}), want: "sp file 4", end: true},
	{name: "PAX sparse 0.0 out of turn", data: archive(member{name: "sp", pax: []string{"GNU.sparse.numbytes=4", "GNU.sparse.offset=8192"}}), err: `sparse map is damaged`},
	{name: "PAX sparse regions out of order", data: archive(member{name: "sp", data: "aaaabbbb", pax: []string{"GNU.sparse.size=12288", "GNU.sparse.numblocks=2", "GNU.sparse.map=8192,4,4096,4"}}), err: `sparse map is damaged: region at 4096 of 4 bytes is out of order or out of the file`},
	{name: "PAX sparse region past the file", data: archive(member{name: "sp", data: "aaaa", pax: []string{"GNU.sparse.size=10", "GNU.sparse.numblocks=1", "GNU.sparse.map=8,4"}}), err: `sparse map is damaged: region at 8 of 4 bytes is out of order or out of the file`},
	{name: "PAX sparse with more data than regions", data: archive(member{name: "sp", data: "aaaabbbb", pax: []string{"GNU.sparse.size=100", "GNU.sparse.numblocks=1", "GNU.sparse.map=8,4"}}), err: `sparse map is damaged: it names 4 bytes, 8 are stored`},
	{name: "PAX sparse with less data than regions", data: archive(member{name: "sp", data: "aa", pax: []string{"GNU.sparse.size=100", "GNU.sparse.numblocks=1", "GNU.sparse.map=8,4"}}), err: `sparse map is damaged: it names 4 bytes, 2 are stored`},
	{name: "PAX sparse count that does not fit", data: archive(member{name: "sp", data: "aaaa", pax: []string{"GNU.sparse.size=100", "GNU.sparse.numblocks=2", "GNU.sparse.map=8,4"}}), err: `sparse map is damaged`},
	{name: "PAX sparse 1.0 whose map is longer than the content", data: archive(member{name: "sp", data: "9\n" + strings.Repeat("\x00", 510), pax: []string{"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=5"}}), err: `sparse map is damaged`},
	{name: "PAX sparse 1.0 of a size below zero", data: archive(member{name: "sp", data: sparseMap10(), pax: []string{"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=-5"}}), err: `sparse map is damaged: size -5 is below zero`},
	{name: "PAX sparse 0.1 of a size below zero", data: archive(member{name: "sp", pax: []string{"GNU.sparse.major=0", "GNU.sparse.minor=1", "GNU.sparse.numblocks=0", "GNU.sparse.size=-5"}}), err: `sparse map is damaged: size -5 is below zero`},
	{name: "old GNU sparse of a size below zero", data: archive(member{name: "sp", flag: 'S', magic: gnuMagic, patch: func(h []byte) { copy(h[483:495], strings.Repeat("\xff", 12)) }}), err: `sparse map is damaged: size -1 is below zero`},
	{name: "a sparse directory", data: archive(member{name: "d/", flag: '5', pax: []string{"GNU.sparse.size=100", "GNU.sparse.numblocks=0", "GNU.sparse.map=0,0"}}), err: `sparse map is damaged`},
	{name: "old GNU sparse", data: archive(member{name: "sp", flag: 'S', magic: gnuMagic, data: "aaaabbbb", patch: gnuSparse(false, 12288, 4096, 4, 8192, 4)}, one), want: "sp file 12288,a file 1", end: true},
	{name: "old GNU sparse with two blocks of more regions", data: archive(member{name: "sp", flag: 'S', magic: gnuMagic, data: "abcdef",
		patch: gnuSparse(true, 100, 0, 1, 2, 1, 4, 1, 6, 1), extension: gnuSparseMore(true, 8, 1) + gnuSparseMore(false, 10, 1)}, one), want: "sp file 100,a file 1", end: true},
	{name: "old GNU sparse without GNU's magic", data: archive(member{name: "sp", flag: 'S', data: "aaaa", patch: gnuSparse(false, 10, 0, 4)}), err: `sparse map is damaged`},
	{name: "old GNU sparse cut in its map", data: blocks(member{name: "sp", flag: 'S', magic: gnuMagic, patch: gnuSparse(true, 100, 0, 0)}), err: `unexpected end of archive`},
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
