package kinds

import (
	"archive/tar"
	"fmt"
	"strings"
	"testing"
)

func TestMembersOfAnArchiveAreFoundByAnySpelling(t *testing.T) {
	s := sampleOf(t, "a", "b")
	for _, prefix := range []string{"./", "/", "x/../", "././/"} {
		var list []member
		for _, m := range s.dockerMembers("x:1") {
			m.name = prefix + m.name
			list = append(list, m)
		}
		if got := files(t, one(t, fileOf(t, "x.tar", archiveOf(t, list...)))); got != "a b" {
			t.Errorf("%q: got %q", prefix, got)
		}
	}
}

func TestAMemberNamedTwiceIsRefused(t *testing.T) {
	list := sampleOf(t, "a").dockerMembers("x:1")
	for _, m := range list {
		again := member{name: "./" + m.name, body: m.body}
		got := refusal(t, fileOf(t, "x.tar", archiveOf(t, append(list, again)...)))
		if !strings.Contains(got, `duplicate member "`+m.name+`"`) {
			t.Errorf("%s: got %q", m.name, got)
		}
	}
	dirs := append([]member{{name: "d/", kind: tar.TypeDir}, {name: "d", kind: tar.TypeDir}}, list...)
	if got := refusal(t, fileOf(t, "x.tar", archiveOf(t, dirs...))); got != "" {
		t.Errorf("a directory twice: %s", got)
	}
}

// linked returns an archive in which another member stands for the second layer's.
func linked(t *testing.T, extra ...member) string {
	list := sampleOf(t, "a", "b").dockerMembers("x:1")
	second := list[1].name
	for i := range extra {
		extra[i].name = strings.ReplaceAll(extra[i].name, "LAYER", second)
		extra[i].link = strings.ReplaceAll(extra[i].link, "LAYER", second)
		if extra[i].body == "CONTENT" {
			extra[i].body = list[1].body
		}
	}
	return fileOf(t, "x.tar", archiveOf(t, append(without(list, second), extra...)...))
}

func TestLinksAmongMembersAreFollowed(t *testing.T) {
	content := member{name: "store/real.tar", body: "CONTENT"}
	for _, tt := range []struct {
		case_ string
		links []member
	}{
		{"symlink", []member{{name: "LAYER", link: "../store/real.tar"}, content}},
		{"symlink after its target", []member{content, {name: "LAYER", link: "../store/real.tar"}}},
		{"hard link", []member{content, {name: "LAYER", link: "store/real.tar", kind: tar.TypeLink}}},
		{"hard link to a symlink", []member{content, {name: "l", link: "store/real.tar"},
			{name: "LAYER", link: "l", kind: tar.TypeLink}}},
		{"chain", []member{content, {name: "LAYER", link: "../one"}, {name: "one", link: "two"},
			{name: "two", link: "store/real.tar"}}},
		{"linked directory", []member{content, {name: "d", link: "store"}, {name: "LAYER", link: "../d/real.tar"}}},
	} {
		if got := files(t, one(t, linked(t, tt.links...))); got != "a b" {
			t.Errorf("%s: got %q", tt.case_, got)
		}
	}
}

func TestMembersThatAreNotFilesAreNamed(t *testing.T) {
	chain := []member{{name: "LAYER", link: "../0"}}
	for i := range 45 {
		chain = append(chain, member{name: string(rune('0' + i)), link: string(rune('0' + i + 1))})
	}
	for _, tt := range []struct {
		case_ string
		links []member
		want  string
	}{
		{"a link up and out", []member{{name: "LAYER", link: "../../etc/passwd"}},
			`link out of the archive, to "../../etc/passwd"`},
		{"an absolute link", []member{{name: "LAYER", link: "/etc/passwd"}}, `link out of the archive, to "/etc/passwd"`},
		{"a hard link out", []member{{name: "LAYER", link: "../x", kind: tar.TypeLink}}, "link out of the archive"},
		{"a link to itself", []member{{name: "LAYER", link: "layer.tar"}}, "link loop"},
		{"a loop", []member{{name: "LAYER", link: "../x"}, {name: "x", link: "y"}, {name: "y", link: "x"}}, "link loop"},
		{"a directory loop", []member{{name: "LAYER", link: "../x/y"}, {name: "x", link: "x/y"}}, "link loop"},
		{"45 links", chain, "link loop"},
		{"a link to nothing", []member{{name: "LAYER", link: "../gone"}}, "not in the archive"},
		{"a directory", []member{{name: "LAYER", kind: tar.TypeDir}}, "is a directory"},
		{"a link that climbs from a directory", []member{{name: "LAYER", link: "../d/../x"}, {name: "x", body: "CONTENT"}},
			`is a link to "../d/../x": readers differ`},
		{"a FIFO", []member{{name: "LAYER", kind: tar.TypeFifo}}, "is a device or FIFO"},
		{"a device", []member{{name: "LAYER", kind: tar.TypeChar}}, "is a device or FIFO"},
		{"nothing", nil, "not in the archive"},
	} {
		got := refusal(t, linked(t, tt.links...))
		if !strings.HasPrefix(got, "layer 1: ") || !strings.Contains(got, tt.want) || !strings.Contains(got, "layer.tar") {
			t.Errorf("%s: got %q, want %q", tt.case_, got, tt.want)
		}
	}
}

// Docker unpacks an archive before it looks at it: there, d/manifest.json takes the place of manifest.json.
func TestMembersBelowALinkAreRefused(t *testing.T) {
	list := sampleOf(t, "a").dockerMembers("x:1")
	other := member{name: "d/manifest.json", body: "[]"}
	for _, tt := range []struct {
		case_ string
		extra []member
		want  string
	}{
		{"below a symlink", []member{{name: "d", link: "."}, other}, `member "d/manifest.json" lies below the link "d"`},
		{"before its symlink", []member{other, {name: "d", link: "."}}, `member "d/manifest.json" lies below the link "d"`},
		{"far below", []member{{name: "d", link: "."}, {name: "d-d"}, {name: "d/e/f"}},
			`member "d/e/f" lies below the link "d"`},
		{"below a hard link", []member{{name: "l", link: "."}, {name: "d", link: "l", kind: tar.TypeLink}, other},
			`below the link "d"`},
		{"beside a link", []member{{name: "d", link: "."}, {name: "d-d/manifest.json"}}, ""},
	} {
		got := refusal(t, fileOf(t, "x.tar", archiveOf(t, append(tt.extra, list...)...)))
		if !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: got %q, want %q", tt.case_, got, tt.want)
		}
	}
}

func TestDocumentsThatAreNotFilesAreNamed(t *testing.T) {
	list := without(sampleOf(t, "a").dockerMembers("x:1"), "manifest.json")
	for want, m := range map[string]member{
		"manifest.json: is a directory":             {name: "manifest.json", kind: tar.TypeDir},
		"manifest.json: is a link out of the archi": {name: "manifest.json", link: "/etc/passwd"},
		"manifest.json: is a device or FIFO":        {name: "manifest.json", kind: tar.TypeFifo},
	} {
		if got := refusal(t, fileOf(t, "x.tar", archiveOf(t, append(list, m)...))); !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestSparseMembersAreRefused(t *testing.T) {
	list := sampleOf(t, "a").dockerMembers("x:1")
	content := archiveOf(t, list...)
	copy(content[156:], "S") // the first header becomes that of a GNU sparse file without regions
	copy(content[257:], "ustar  \x00")
	copy(content[483:], "00000024000\x00")
	sum := 0
	copy(content[148:156], "        ")
	for _, c := range content[:512] {
		sum += int(c)
	}
	copy(content[148:], fmt.Sprintf("%06o\x00 ", sum))
	if got := refusal(t, fileOf(t, "x.tar", content)); !strings.Contains(got, "sparse") {
		t.Errorf("got %q", got)
	}
}
