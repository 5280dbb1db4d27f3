package digest

import (
	"slices"
	"strings"
	"testing"
)

func TestOnlyWholeDigestsAreValid(t *testing.T) {
	a, b := strings.Repeat("a", 64), strings.Repeat("b", 128)
	for s, want := range map[string]bool{
		"sha256:" + a: true, "sha512:" + b: true, "sha256:" + b: false, "sha512:" + a: false, a: false, "md5:" + a: false,
		"sha256:" + strings.ToUpper(a): false, "": false, "sha256:" + a + "\n": false, " sha256:" + a: false,
	} {
		if err := Check(s); Valid(s) != want || (err == nil) != want {
			t.Errorf("%q: valid %v, error %v, want %v", s, Valid(s), err, want)
		}
	}
	if err := Check(strings.Repeat("x", 1000)); len(err.Error()) > 300 {
		t.Errorf("a long digest is not cut: %v", err)
	}
}

func TestPartsOfADigest(t *testing.T) {
	full := "sha256:0123456789abcdef"
	for _, c := range [][2]string{
		{Algorithm(full), "sha256"}, {Algorithm("abc"), "sha256"}, {Algorithm("sha512:ab"), "sha512"},
		{Hex(full), "0123456789abcdef"}, {Hex("abc"), "abc"}, {Short(full), "0123456789ab"}, {Short("abc"), "abc"},
		{Of(nil), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	} {
		if c[0] != c[1] {
			t.Errorf("got %q, want %q", c[0], c[1])
		}
	}
}

func TestMatchNamesBothDigests(t *testing.T) {
	if err := Match([]byte("one"), Of([]byte("one"))); err != nil {
		t.Error(err)
	}
	one, two := Of([]byte("one")), Of([]byte("two"))
	err := Match([]byte("one"), two)
	if err == nil || !strings.Contains(err.Error(), one) || !strings.Contains(err.Error(), two) {
		t.Errorf("got %v", err)
	}
	if err := Match(nil, "md5:00"); err == nil {
		t.Error("an unknown algorithm matches")
	}
}

func TestChainNamesEachStack(t *testing.T) {
	a, b := FromHex(strings.Repeat("a", 64)), FromHex(strings.Repeat("b", 64))
	if got, want := Chain([]string{a, b, "", a}), []string{a, Of([]byte(a + " " + b)), "", ""}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
