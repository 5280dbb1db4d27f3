package report

import (
	"crypto/sha256"
	"fmt"
	"regexp"

	"layup/analyze/source"
	"layup/report/call"
	"layup/tarfs"
)

// checkExpected reports why an image cannot be held against an ID.
func checkExpected(id string, all bool) error {
	switch {
	case id == "":
		return nil
	case all:
		return call.Usage("--image NAME takes one", "verify: --expect names one image; --all does not apply")
	case !wholeDigest.MatchString(id):
		return call.Usage("the whole ID is needed: docker image inspect --format '{{.Id}}' IMAGE",
			"verify: --expect %q: want sha256: and 64 hexadecimal digits", id)
	}
	return nil
}

var wholeDigest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// whatExpected is the check that binds an image to an ID from elsewhere.
const whatExpected = "expected ID"

// expect adds to the record of each image whether it is the one that was expected.
func (v *record) expect(id string) {
	if id == "" {
		return
	}
	for i := range v.Images {
		img := v.Images[i].Image
		check := source.Check{What: whatExpected, Layer: tarfs.NoLayer, Size: -1, Digest: img.ID, Expected: id, Found: img.ID,
			Verdict: source.Passed}
		if manifest := fmt.Sprintf("sha256:%x", sha256.Sum256(img.Manifest)); len(img.Manifest) > 0 && manifest == id {
			check.Digest, check.Found = manifest, manifest
		}
		if check.Found != id {
			check.Verdict, check.Code, check.Message = source.Failed, source.CodeDigest,
				fmt.Sprintf("is another image: want %s, got %s", id, check.Found)
		}
		v.Images[i].Checks = append([]source.Check{check}, v.Images[i].Checks...)
	}
}

// stored reports whether the layers are those of an engine's store, with nothing but its own records to hold them
// against.
func (one verified) stored() bool {
	if one.image == nil {
		return false
	}
	for _, l := range one.image.Layers {
		if l.Assembled() {
			return true
		}
	}
	return false
}

// trustLine says what the record of a store proves.
func trustLine(checks []source.Check) string {
	if countOf(checks, whatExpected, source.Passed) > 0 {
		return "the ID is the expected one, and binds every layer of the image that passed"
	}
	return "whoever could write the store could rewrite its records too: --expect ID binds the image to an ID known " +
		"from elsewhere"
}
