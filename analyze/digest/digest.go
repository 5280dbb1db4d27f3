// Package digest checks, formats and computes digests, ALGORITHM:HEX. No other package does.
// Source: OCI image specification, descriptor.md, Digests.
package digest

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
)

// The algorithms that the OCI image specification registers and that can be computed here.
const (
	SHA256 = "sha256"
	SHA512 = "sha512"
)

// The numbers of digits of the algorithms.
const (
	digits256 = 64
	digits512 = 128
)

// areDigits reports whether s is lower-case hexadecimal digits alone.
func areDigits(s string) bool { return strings.Trim(s, "0123456789abcdef") == "" }

// Valid reports whether s is a digest of a known algorithm with lower-case hexadecimal digits of its length.
func Valid(s string) bool {
	name, digits, _ := strings.Cut(s, ":")
	return areDigits(digits) && (name == SHA256 && len(digits) == digits256 || name == SHA512 && len(digits) == digits512)
}

// Check returns an error that says what is wanted, unless s is Valid.
func Check(s string) error {
	if Valid(s) {
		return nil
	}
	shown := fmt.Sprintf("%.80q", s)
	if len(s) > 80 {
		shown += "…"
	}
	return fmt.Errorf("bad digest %s: want sha256: and 64, or sha512: and 128 lower-case hexadecimal digits", shown)
}

// IsHex reports whether s is the 64 lower-case hexadecimal digits of a SHA-256, without the algorithm.
func IsHex(s string) bool { return len(s) == digits256 && areDigits(s) }

// IsStart reports whether s may be the beginning of a SHA-256 that a person typed: at least four digits, with or
// without the algorithm.
func IsStart(s string) bool {
	digits := strings.TrimPrefix(s, SHA256+":")
	return 4 <= len(digits) && len(digits) <= digits256 && areDigits(digits)
}

// FromHex returns the digest of the hexadecimal digits of a SHA-256.
func FromHex(digits string) string { return SHA256 + ":" + digits }

// Algorithm returns the part before the colon, or sha256 if there is no colon.
func Algorithm(s string) string {
	if name, _, ok := strings.Cut(s, ":"); ok {
		return name
	}
	return SHA256
}

// Hex returns the part after the colon, or all of it if there is no colon.
func Hex(s string) string {
	if _, digits, ok := strings.Cut(s, ":"); ok {
		return digits
	}
	return s
}

// Short returns the first twelve hexadecimal digits, as engines print IDs.
func Short(s string) string {
	digits := Hex(s)
	return digits[:min(len(digits), 12)]
}

// New returns the hash of an algorithm, or an error if it is unknown.
func New(algorithm string) (hash.Hash, error) {
	switch algorithm {
	case SHA256:
		return sha256.New(), nil
	case SHA512:
		return sha512.New(), nil
	}
	return nil, fmt.Errorf("digest algorithm %q is unknown", algorithm)
}

// Sum formats what a hash of the algorithm has computed.
func Sum(algorithm string, h hash.Hash) string {
	return algorithm + ":" + hex.EncodeToString(h.Sum(nil))
}

// Of returns the SHA-256 of a document.
func Of(doc []byte) string {
	sum := sha256.Sum256(doc)
	return FromHex(hex.EncodeToString(sum[:]))
}

// ErrMismatch says that a digest names other content.
var ErrMismatch = errors.New("content does not match its digest")

// Compare returns an ErrMismatch unless the two digests are equal.
func Compare(want, got string) error {
	if got != want {
		return fmt.Errorf("%w: want %s, got %s", ErrMismatch, want, got)
	}
	return nil
}

// Match compares a document with the digest that names it, which must be valid.
func Match(doc []byte, want string) error {
	algorithm := Algorithm(want)
	h, err := New(algorithm)
	if err != nil {
		return err
	}
	h.Write(doc)
	return Compare(want, Sum(algorithm, h))
}

// Chain returns the chainIDs of a stack of layers by their diffIDs, oldest first. Each names a layer on top of all
// older ones. From the first unknown diffID on they are empty. Source: OCI image specification, config.md, Layer
// ChainID.
func Chain(diffIDs []string) []string {
	chain := make([]string, len(diffIDs))
	for i, diffID := range diffIDs {
		switch {
		case diffID == "":
			return chain
		case i == 0:
			chain[i] = diffID
		default:
			chain[i] = Of([]byte(chain[i-1] + " " + diffID))
		}
	}
	return chain
}
