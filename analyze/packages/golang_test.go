package packages_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"layup/fixtures"
	"layup/fixtures/direct"
)

// info is a build info of a module.
func info(module string) []byte {
	text := strings.Repeat("0", 16) + "path\t" + module + "\nmod\t" + module + "\tv1.0.0\th1:x=\n" +
		strings.Repeat("1", 16)
	b := append([]byte("\xff Go buildinf:\x08\x02"), make([]byte, 16)...)
	for _, s := range []string{"go1.22.1", text} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	return b
}

// An elf is an executable with contents at offsets, and a section for some.
type elf struct {
	at       map[int][]byte
	sections map[string]int // offset by name
	writable [2]int         // from where to where
	size     int
}

func (e elf) bytes() []byte {
	le, b := binary.LittleEndian, make([]byte, max(e.size, 96<<10))
	copy(b, "\x7fELF\x02\x01\x01")
	le.PutUint16(b[16:], 2)
	le.PutUint16(b[18:], 62)
	le.PutUint32(b[20:], 1)
	le.PutUint64(b[32:], 64) // program headers
	le.PutUint16(b[52:], 64)
	le.PutUint16(b[54:], 56)
	le.PutUint16(b[56:], 1)
	le.PutUint16(b[58:], 64)
	p := b[64:]
	le.PutUint32(p, 1)
	le.PutUint32(p[4:], 6) // may be written to
	for _, at := range []int{8, 16, 24} {
		le.PutUint64(p[at:], uint64(e.writable[0]))
	}
	for _, at := range []int{32, 40} {
		le.PutUint64(p[at:], uint64(e.writable[1]-e.writable[0]))
	}
	for at, content := range e.at {
		copy(b[at:], content)
	}
	if e.sections == nil {
		return b
	}
	names := []byte("\x00.shstrtab\x00")
	headers := make([]byte, 128)
	le.PutUint32(headers[64:], 1)
	le.PutUint32(headers[68:], 3)
	for name, at := range e.sections {
		h := make([]byte, 64)
		le.PutUint32(h, uint32(len(names)))
		le.PutUint32(h[4:], 1)
		for _, k := range []int{16, 24} {
			le.PutUint64(h[k:], uint64(at))
		}
		le.PutUint64(h[32:], 4096)
		names, headers = append(append(names, name...), 0), append(headers, h...)
	}
	le.PutUint64(headers[64+24:], uint64(len(b)))
	le.PutUint64(headers[64+32:], uint64(len(names)))
	b = append(b, names...)
	b = append(b, make([]byte, -len(b)&7)...)
	le.PutUint64(b[40:], uint64(len(b)))
	le.PutUint16(b[60:], uint16(len(headers)/64))
	le.PutUint16(b[62:], 1)
	return append(b, headers...)
}

// macho returns a program of macOS with the sections of one segment, each of 4096 bytes, and contents at offsets.
func macho(order binary.AppendByteOrder, wide bool, sections map[string]int, at map[int][]byte) []byte {
	word := func(b []byte, v int) []byte {
		if wide {
			return order.AppendUint64(b, uint64(v))
		}
		return order.AppendUint32(b, uint32(v))
	}
	name := func(b []byte, text string) []byte { return append(b, (text + strings.Repeat("\x00", 16))[:16]...) }
	numbers := func(b []byte, list ...uint32) []byte {
		for _, n := range list {
			b = order.AppendUint32(b, n)
		}
		return b
	}
	magic, kind, command, section := uint32(0xfeedface), uint32(1), 56, 68
	if wide {
		magic, kind, command, section = 0xfeedfacf, 0x19, 72, 80
	}
	command += section * len(sections)
	b := numbers(nil, magic, 0x0100000c, 0, 2, 2, uint32(8+command), 0)
	if wide {
		b = numbers(b, 0)
	}
	b = numbers(b, 0x1b, 8, kind, uint32(command)) // a command without content first
	b = name(b, "__DATA")
	for range 4 {
		b = word(b, 0)
	}
	b = numbers(b, 7, 3, uint32(len(sections)), 0)
	for title, offset := range sections {
		b = word(word(name(name(b, title), "__DATA"), 0), 4096)
		b = numbers(b, uint32(offset), 4, 0, 0, 0, 0, 0)
		if wide {
			b = numbers(b, 0)
		}
	}
	b = append(b, make([]byte, 96<<10-len(b))...)
	for offset, content := range at {
		copy(b[offset:], content)
	}
	return b
}

// The section of a program of macOS decides also if the file has something else that looks like a build info.
func TestTheSectionDecidesInProgramsOfMacOS(t *testing.T) {
	const data, other = 64 << 10, 32 << 10
	sections := map[string]int{"__text": 4096, "__go_buildinfo": data}
	contents := map[int][]byte{data: info("right"), other: info("wrong")}
	files, want := map[string][]byte{}, []string{}
	for i, order := range []binary.AppendByteOrder{binary.BigEndian, binary.LittleEndian} {
		for j, wide := range []bool{false, true} {
			name := fmt.Sprintf("bin/x%d%d", i, j)
			files[name] = macho(order, wide, sections, contents)
			want = append(want, "right /"+name)
		}
	}
	if got, warned := goPackages(t, files); !slices.Equal(got, want) || warned != "" {
		t.Errorf("got %q, want %q; %s", got, want, warned)
	}
	cut := macho(binary.LittleEndian, true, map[string]int{"__text": 4096}, contents)
	if got, warned := goPackages(t, map[string][]byte{"bin/y": cut}); len(got) > 0 || warned == "" {
		t.Errorf("no section: got %q; %s", got, warned)
	}
}

// goPackages says which packages of Go an image has with these executables, as NAME PATH, and what the program warned
// of.
func goPackages(t *testing.T, files map[string][]byte) (list []string, warned string) {
	t.Helper()
	l := fixtures.Layer{}
	for name, content := range files {
		l.Entries = append(l.Entries, fixtures.Entry{Kind: 'f', Mode: 0o755, Path: name, Content: content})
	}
	slices.SortFunc(l.Entries, func(a, b fixtures.Entry) int { return strings.Compare(a.Path, b.Path) })
	img := &fixtures.Image{Layers: []fixtures.Layer{l}, History: []fixtures.History{{CreatedBy: "COPY"}}}
	a := direct.Layup(t, "packages", "--manager", "go", "-f", "{{.name}} {{.path}}", direct.Write(t, "go.tar", img))
	for _, line := range direct.Lines(a.Out) {
		if !strings.HasPrefix(line, "stdlib ") {
			list = append(list, line)
		}
	}
	return list, a.Err
}

// The section of the build info decides, as in debug/buildinfo, wherever else the file has something like one.
func TestTheSectionOfTheBuildInfoDecides(t *testing.T) {
	const data, other = 64 << 10, 32 << 10
	section := func(at int) map[string]int { return map[string]int{".text": 4096, ".go.buildinfo": at, ".debug": 8192} }
	for _, tt := range []struct {
		name string
		file elf
		want string
	}{
		{"one in its section", elf{map[int][]byte{data: info("right")}, section(data), [2]int{data, data + 8192}, 0},
			"right"},
		{"one without sections", elf{map[int][]byte{data: info("right")}, nil, [2]int{data, data + 8192}, 0}, "right"},
		{"another before it", elf{map[int][]byte{other: info("wrong"), data: info("right")}, section(data),
			[2]int{data, data + 8192}, 0}, "right"},
		{"another before it in the data", elf{map[int][]byte{data: info("wrong"), data + 4096: info("right")},
			section(data + 4096), [2]int{data, data + 8192}, 0}, "right"},
		{"another after it", elf{map[int][]byte{other: info("right"), data: info("wrong")}, section(other),
			[2]int{data, data + 8192}, 0}, "right"},
		{"another before it that has no end", elf{map[int][]byte{other: []byte("\xff Go buildinf:\x08\x02" +
			strings.Repeat("\x00", 16) + "\xff\xff\x7f"), data: info("right")}, section(data), [2]int{data, data + 8192}, 0},
			"right"},
		{"only in a constant of another language", elf{map[int][]byte{other: info("wrong")}, map[string]int{".text": 4096},
			[2]int{data, data + 8192}, 0}, ""},
		{"without sections, another before the data", elf{map[int][]byte{other: info("wrong"), data: info("right")}, nil,
			[2]int{data, data + 8192}, 0}, "right"},
	} {
		got, warned := goPackages(t, map[string][]byte{"bin/x": tt.file.bytes()})
		want := strings.TrimSpace(tt.want + " /bin/x")
		if tt.want == "" {
			want = ""
		}
		if strings.Join(got, ", ") != want || tt.want != "" && warned != "" {
			t.Errorf("%s: got %q, %s", tt.name, got, warned)
		}
	}
}

// An executable of Go is found under every name, also under those of databases.
func TestExecutablesMayHaveAnyName(t *testing.T) {
	content := elf{map[int][]byte{64 << 10: info("right")}, map[string]int{".go.buildinfo": 64 << 10},
		[2]int{64 << 10, 72 << 10}, 0}.bytes()
	large := append(slices.Clone(content), make([]byte, 2<<20)...)
	files := map[string][]byte{}
	var want []string
	for i, name := range []string{"bin/status", "bin/Packages", "bin/Packages.db", "bin/rpmdb.sqlite", "bin/RECORD",
		"bin/installed", "bin/diversions", "bin/package.json", "bin/os-release", "bin/METADATA", "bin/a.egg-info",
		"bin/a.jar", "bin/a.list",
		"x.dist-info/RECORD", "var/lib/rpm/Packages.old", "opt/dpkg/info/tool.list", "opt/dpkg/info/tool",
		"opt/dpkg/info/tool.md5sums", "opt/status.d/x"} {
		if files[name] = content; i%2 == 1 {
			files[name] = large
		}
		want = append(want, "right /"+name)
	}
	slices.Sort(want)
	if got, _ := goPackages(t, files); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What names and symbols of an executable take is bounded, however long a table says that they are.
func TestHostileExecutablesTakeLittle(t *testing.T) {
	e := elf{map[int][]byte{32 << 10: info("a"), 64 << 10: info("b")}, map[string]int{}, [2]int{64 << 10, 72 << 10},
		4 << 20}
	for i := range 60_000 {
		e.sections[strings.Repeat("s", 5)+fmt.Sprint(i)] = 4096
	}
	b := e.bytes()
	names := bytes.Index(b, []byte("\x00.shstrtab\x00"))
	for i := names + 1; i < len(b)-60_002*64; i++ {
		b[i] = 's' // one name without an end
	}
	got, _ := goPackages(t, map[string][]byte{"bin/x": b})
	if len(got) != 1 || got[0] != "b /bin/x" {
		t.Errorf("got %q", got)
	}
}

// What the Go toolchain itself builds, with symbols and without. By hand: PIE, 386, s390x, Windows and macOS.
func TestProgramsOfTheToolchainAreRead(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	dir := t.TempDir()
	direct.Put(t, filepath.Join(dir, "go.mod"), []byte("module example.org/tool\n\ngo 1.22\n"))
	direct.Put(t, filepath.Join(dir, "main.go"), []byte("package main\n\nimport \"debug/buildinfo\"\n\n"+
		"func main() { buildinfo.ReadFile(\"x\") }\n"))
	files := map[string][]byte{}
	var want []string
	for i, flag := range []string{"-ldflags=", "-ldflags=-s -w"} {
		out := filepath.Join(dir, fmt.Sprintf("tool%d", i))
		c := exec.Command("go", "build", "-trimpath", flag, "-o", out, ".")
		c.Dir, c.Env = dir, append(os.Environ(), "GOFLAGS=")
		if text, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", flag, err, text)
		}
		content, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		files[fmt.Sprintf("bin/tool%d", i)] = content
		want = append(want, fmt.Sprintf("example.org/tool /bin/tool%d", i))
	}
	got, warned := goPackages(t, files)
	if !slices.Equal(got, want) || warned != "" {
		t.Errorf("got %q, want %q; %s", got, want, warned)
	}
}
