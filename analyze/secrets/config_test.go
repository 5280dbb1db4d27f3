package secrets

import (
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"layup/analyze"
	"layup/analyze/source"
)

// Every text of a config is a field, what builders left in it once, and the annotations of the manifest.
func TestEveryTextOfTheConfigIsAField(t *testing.T) {
	img := &analyze.Image{Image: &source.Image{
		ConfigFile: &v1.ConfigFile{Author: "me", Config: v1.Config{Env: []string{"A=1"}, User: "u", WorkingDir: "/w",
			Volumes: map[string]struct{}{"/v": {}}, Labels: map[string]string{"l": "2"}}},
		Config:   []byte(`{"container_config":{"Env":["A=1","B=3"],"Cmd":["run"]}}`),
		Manifest: []byte(`{"annotations":{"n":"4"}}`),
	}}
	s, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range s.fields(img) {
		if f.text != "" {
			got = append(got, f.name+" "+f.text)
		}
	}
	want := []string{"config.Env.A A=1", "config.Labels.l l=2", "config.User u", "config.WorkingDir /w",
		"config.Volumes /v", "author me",
		"container_config.Env.B B=3", "container_config.Cmd run", "manifest.annotations.n n=4"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}
