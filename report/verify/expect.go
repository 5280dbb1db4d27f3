package verify

import (
	"fmt"
	"slices"

	"layup/analyze/digest"
	"layup/analyze/source"
	"layup/report/call"
	"layup/tarfs"
)

// checkExpected reports why an image cannot be compared with an ID.
func checkExpected(id string, all bool) error {
	switch {
	case id == "":
		return nil
	case all:
		return call.Usage("--image NAME takes one", "verify: --expect names one image; --all does not apply")
	case !digest.Valid(id) || digest.Algorithm(id) != digest.SHA256:
		return call.Usage("the whole ID is needed: docker image inspect --format '{{.Id}}' IMAGE",
			"verify: --expect %q: want sha256: and 64 hexadecimal digits", id)
	}
	return nil
}

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
		if len(img.Manifest) > 0 && digest.Of(img.Manifest) == id {
			check.Digest, check.Found = id, id
		}
		if check.Found != id {
			check.Verdict, check.Code, check.Message = source.Failed, source.CodeDigest,
				fmt.Sprintf("is another image: want %s, got %s", id, check.Found)
		}
		v.Images[i].Checks = append([]source.Check{check}, v.Images[i].Checks...)
	}
}

// stored reports whether the layers are those of an engine's store, which has only its own records to check them.
func (one verified) stored() bool {
	return one.image != nil && slices.ContainsFunc(one.image.Layers, (*source.Layer).Assembled)
}

// trustLine says what the record of a store proves.
func trustLine(checks []source.Check) string {
	if countOf(checks, whatExpected, source.Passed) > 0 {
		return "the ID is the expected one, and binds every layer of the image that passed"
	}
	return "whoever could write the store could also rewrite its records: --expect ID binds the image to an ID known " +
		"from elsewhere"
}
