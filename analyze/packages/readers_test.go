package packages_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"layup/analyze/packages/apk"
	"layup/analyze/packages/dpkg"
	"layup/analyze/packages/language"
	"layup/analyze/packages/record"
	"layup/analyze/packages/rpm"
	"layup/fixtures"
)

// stored returns a file of testdata. The Berkeley DB is testdata/libuuid of github.com/anchore/go-rpmdb v0.2.2
// (Apache-2.0), made by rpm 4.14; rpm.sqlite was made by rpm 4.18; wal.sqlite by SQLite, with changes in its log; ndb
// by lib/backend/ndb/rpmpkg.c of rpm 4.18, which put 429 packages, replaced 133 of them and removed 135.
func stored(t testing.TB, name string) []byte {
	b, err := fixtures.ReadGzip(filepath.Join("testdata", name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// ndb makes a database as rpm's lib/backend/ndb/rpmpkg.c does, of packages' headers.
func ndb(headers ...[]byte) []byte {
	const page, block = 4096, 16
	b := make([]byte, page)
	copy(b, "RpmP")
	le := binary.LittleEndian
	le.PutUint32(b[12:], 1)
	le.PutUint32(b[16:], uint32(len(headers)+1))
	for slot := 32; slot < page; slot += block {
		copy(b[slot:], "Slot")
	}
	for i, h := range headers {
		slot, at := b[32+i*block:], len(b)
		le.PutUint32(slot[4:], uint32(i+1))
		le.PutUint32(slot[8:], uint32(at/block))
		body := append([]byte("BlbS"), make([]byte, 12)...)
		le.PutUint32(body[4:], uint32(i+1))
		le.PutUint32(body[12:], uint32(len(h)))
		body = append(append(body, h...), make([]byte, 12)...)
		le.PutUint32(slot[12:], uint32((len(body)+block-1)/block))
		b = append(append(b, body...), make([]byte, (block-len(body)%block)%block)...)
	}
	return b
}

// header makes a package as rpm stores it, with a file.
func header(name, version string) []byte {
	be := binary.BigEndian
	var index, data []byte
	for tag, text := range map[uint32]string{1000: name, 1001: version, 1002: "1", 1022: "noarch", 1117: "tool",
		1118: "/bin/", 1035: strings.Repeat("ab", 32)} {
		kind := uint32(6)
		if tag == 1117 || tag == 1118 || tag == 1035 {
			kind = 8
		}
		for _, n := range []uint32{tag, kind, uint32(len(data)), 1} {
			index = be.AppendUint32(index, n)
		}
		data = append(append(data, text...), 0)
	}
	data = append(data, make([]byte, -len(data)&3)...)
	for _, n := range []uint32{1116, 4, uint32(len(data)), 1} {
		index = be.AppendUint32(index, n)
	}
	data = be.AppendUint32(data, 0)
	return slices.Concat(be.AppendUint32(be.AppendUint32(nil, uint32(len(index)/16)), uint32(len(data))), index, data)
}

func jar(t testing.TB, files map[string]string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range files {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: uint16(len(name) % 2 * int(zip.Deflate))})
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A reader reads one kind of database.
type reader struct {
	name string
	seed func(testing.TB) []byte
	want string // the packages of the seed
	read func([]byte) ([]record.Package, error)
}

func text(s string) func(testing.TB) []byte { return func(testing.TB) []byte { return []byte(s) } }

func ofRPM(name string, log func(testing.TB) []byte) func([]byte) ([]record.Package, error) {
	return func(b []byte) ([]record.Package, error) {
		d := rpm.Database{Name: name, Data: bytes.NewReader(b), Size: int64(len(b))}
		if log != nil {
			half := len(b) / 2 // of a mutation, the log may also be damaged
			d.Data, d.Size = bytes.NewReader(b[:half]), int64(half)
			d.Log, d.Ends = bytes.NewReader(b[half:]), int64(len(b)-half)
		}
		return d.Packages(context.Background(), record.NewCache())
	}
}

// withLog is a database and its log, each in one half.
func withLog(t testing.TB) []byte {
	b, log := stored(t, "wal.sqlite"), stored(t, "wal.sqlite-wal")
	return slices.Concat(b, log, make([]byte, len(b)-len(log)))
}

// built is what language.Executable sets aside of an executable with a build info.
func built(testing.TB) []byte {
	module := strings.Repeat("0", 16) + "path\tshop\nmod\tshop\tv1.2.3\th1:x=\ndep\tgolang.org/x/sys\tv0.5.0\th1:y=\n" +
		strings.Repeat("1", 16)
	b := append([]byte("\xff Go buildinf:\x08\x02"), make([]byte, 16)...)
	for _, s := range []string{"go1.22.1", module} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	return b
}

var readers = []reader{
	{"dpkg status", text("Package: a\nStatus: install ok installed\nVersion: 1:2-3\nArchitecture: all\nConffiles:\n" +
		" /etc/a 0123456789abcdef0123456789abcdef\nMulti-Arch: same\n\nPackage: b\nVersion: 1\n" +
		"Status: deinstall ok config-files\n\nPackage: c\nVersion: 1\nStatus: purge ok not-installed\n"), "a 1:2-3, b 1",
		func(b []byte) ([]record.Package, error) { return dpkg.Status(b, record.NewCache()) }},
	{"dpkg lists", text("/.\n/etc\n/etc/a\n0123456789abcdef0123456789abcdef  etc/a\n"), "",
		func(b []byte) ([]record.Package, error) {
			_, err := dpkg.Paths(b)
			_, err2 := dpkg.Sums(b)
			_, err3 := dpkg.ReadDiversions(b)
			return nil, orElse(err, err2, err3)
		}},
	{"apk", text("C:Q1x\nP:musl\nV:1.2-r0\nA:x86_64\nL:MIT\no:musl\nF:lib\nR:ld.so\na:0:0:755\n" +
		"Z:Q1l2SlYI1jFGPwG0Lx1jg5Mw8rbWE=\n\nP:busybox\nV:1.36-r1\n\n"), "musl 1.2-r0, busybox 1.36-r1", apk.Installed},
	{"rpm sqlite", func(t testing.TB) []byte { return stored(t, "rpm.sqlite") }, "first 1.0-1", ofRPM(rpm.SQLite, nil)},
	{"rpm sqlite with a log", withLog, "28 packages", ofRPM(rpm.SQLite, withLog)},
	{"rpm ndb", func(testing.TB) []byte { return ndb(header("x", "1"), header("y", "2")) }, "x 1-1, y 2-1",
		ofRPM(rpm.NDB, nil)},
	{"rpm ndb of rpm", func(t testing.TB) []byte { return stored(t, "ndb") }, "294 packages", ofRPM(rpm.NDB, nil)},
	{"rpm bdb", func(t testing.TB) []byte { return stored(t, "bdb") }, "libuuid 2.32.1-42.el8_8", ofRPM(rpm.BDB, nil)},
	{"node", text(`{"name":"left-pad","version":"1.3.0","license":"WTFPL"}`), "left-pad 1.3.0",
		func(b []byte) ([]record.Package, error) {
			return language.Node("/n/node_modules/left-pad/package.json", b)
		}},
	{"python", text("Metadata-Version: 2.1\nName: pip\nVersion: 23\n\nbody\n"), "pip 23",
		func(b []byte) ([]record.Package, error) {
			return language.Python("/lib/pip-23.dist-info/METADATA", b, []byte("pip/a.py,sha256=abc,1\n"+string(b)))
		}},
	{"java", func(t testing.TB) []byte {
		pom := "groupId=org.example\nartifactId=shop\nversion=1.0\n"
		inner := jar(t, map[string]string{"META-INF/maven/o/inner/pom.properties": strings.Replace(pom, "shop", "inner", 1)})
		return jar(t, map[string]string{"META-INF/maven/o/shop/pom.properties": pom, "lib/inner.jar": string(inner),
			"lib/inner2.jar": string(inner)})
	}, "org.example:inner 1.0, org.example:inner 1.0, org.example:shop 1.0", func(b []byte) ([]record.Package, error) {
		return new(language.Jars).Read(context.Background(), "/app/shop.jar", bytes.NewReader(b), int64(len(b)))
	}},
	{"go", built, "shop v1.2.3, stdlib 1.22.1, golang.org/x/sys v0.5.0", func(b []byte) ([]record.Package, error) {
		if !language.IsGo(bytes.NewReader(b)) {
			return nil, nil
		}
		return language.Go("/bin/shop", b, func() (io.ReaderAt, error) { return bytes.NewReader(b), nil })
	}},
}

func orElse(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func names(list []record.Package) string {
	var out []string
	for _, p := range list {
		out = append(out, p.Name+" "+p.Version)
	}
	if strings.HasPrefix(out[0], "org.") { // a zip made of a map
		slices.Sort(out)
	}
	return strings.Join(out, ", ")
}

func TestReadersReadWhatManagersWrite(t *testing.T) {
	for _, r := range readers {
		list, err := r.read(r.seed(t))
		switch {
		case r.want == "":
		case err != nil:
			t.Errorf("%s: %v", r.name, err)
		case r.want == "28 packages":
			if len(list) != 28 || list[2].Name != "p04" || list[2].Version != "2-1" || len(list[2].Files) != 30 {
				t.Errorf("%s: got %d packages, %v", r.name, len(list), list[2])
			}
		case r.want == "294 packages":
			got := strings.Split(names(list), ", ")
			slices.Sort(got)
			if len(got) != 294 || got[0] != "last 3-1" || got[1] != "n001 20-1" || got[2] != "n002 1-1" ||
				got[293] != "p29 1-1" {
				t.Errorf("%s: got %d packages, %q", r.name, len(got), got)
			}
		default:
			if got := names(list); got != r.want {
				t.Errorf("%s: got %q, want %q", r.name, got, r.want)
			}
		}
	}
}

// sound reports what no reader may return, whatever it reads.
func sound(t *testing.T, r reader, b []byte) {
	list, _ := r.read(b)
	for _, p := range list {
		if !p.Sound() || len(p.Files) > record.MostFiles {
			t.Errorf("%s: a package without a name or a version, or too large: %.100q", r.name, p.Name)
		}
		for _, f := range p.Files {
			if len(f.Path) > 2*record.MostPath {
				t.Errorf("%s: a path of %d bytes", r.name, len(f.Path))
			}
		}
	}
}

// 50,000 mutations of what the managers write never make a reader panic.
func TestDamagedDatabasesNeverPanic(t *testing.T) {
	random := rand.New(rand.NewPCG(15, 3))
	for _, r := range readers {
		seed := r.seed(t)
		for range 50_000 / len(readers) {
			sound(t, r, fixtures.RandomMutation(random).Apply(slices.Clone(seed)))
		}
	}
}

func fuzz(f *testing.F, prefix string) {
	var chosen []reader
	for _, r := range readers {
		if strings.HasPrefix(r.name, prefix) {
			f.Add(uint8(len(chosen)), r.seed(f))
			chosen = append(chosen, r)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) { sound(t, chosen[int(which)%len(chosen)], b) })
}

func FuzzDpkg(f *testing.F)   { fuzz(f, "dpkg") }
func FuzzAPK(f *testing.F)    { fuzz(f, "apk") }
func FuzzRPM(f *testing.F)    { fuzz(f, "rpm") }
func FuzzNode(f *testing.F)   { fuzz(f, "node") }
func FuzzPython(f *testing.F) { fuzz(f, "python") }
func FuzzJava(f *testing.F)   { fuzz(f, "java") }
func FuzzGo(f *testing.F)     { fuzz(f, "go") }
