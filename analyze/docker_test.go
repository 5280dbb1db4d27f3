package analyze_test

import (
	"encoding/json"
	"testing"

	"layup/analyze"
)

// What is known of an image without its layers.
func TestConfigAloneKnowsNoSizes(t *testing.T) {
	opt := analyze.Default()
	for _, reading := range []analyze.Reading{analyze.Always, analyze.IfAtHand, analyze.Never} {
		opt.Layers = reading
		img, err := analyze.Open(t.Context(), "../fixtures/myfile.tar", opt)
		if err != nil {
			t.Fatal(err)
		}
		defer img.Close()
		d, rows := img.Docker(), img.DockerHistory()
		if read := reading != analyze.Never; (d.Size != nil) != read || (rows[len(rows)-1].Size != nil) != read || img.LayersRead() != read {
			t.Errorf("reading %v: size %v, of the oldest row %v, layers read: %v", reading, d.Size, rows[len(rows)-1].Size, img.LayersRead())
		}
		if len(d.RootFS.Layers) != len(img.Layers) || len(img.LayerFacts()) != len(img.Layers) {
			t.Errorf("reading %v: %d of %d layers", reading, len(d.RootFS.Layers), len(img.Layers))
		}
		if !json.Valid(d.JSON()) {
			t.Errorf("reading %v: no JSON: %s", reading, d.JSON())
		}
	}
}
