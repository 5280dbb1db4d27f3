package document

import (
	"strings"
	"testing"
	"time"
)

func TestOddButValidConfigsAreRead(t *testing.T) {
	limits := DefaultLimits()
	for _, doc := range []string{
		`{}`, `null`,
		`{"created":"","history":[{"created":""},{"created":null},{}]}`,
		`{"created":"yesterday"}`,
		`{"config":null,"rootfs":null,"history":null}`,
		`{"config":{"Cmd":"/bin/sh -c x","Entrypoint":["/a"],"Shell":null,"Memory":1e999},"unknown":{"x":[1]}}`,
		`{"config":{"Healthcheck":{"Test":["CMD"],"Interval":30000000000,"StartInterval":5}}}`,
		`{"config":{"ExposedPorts":{"80/tcp":{}},"Volumes":null}}`,
	} {
		c, err := ParseConfig([]byte(doc), &limits)
		if err != nil || c.File == nil {
			t.Errorf("%s: %v", doc, err)
		}
	}
	c, _ := ParseConfig([]byte(`{"os":"linux","created":"2024-01-02T03:04:05.678Z","config":{"Cmd":"x","Env":["A=b"]},
		"history":[{"created":"2024-01-02T03:04:05+02:00","created_by":"y"}]}`), &limits)
	file := c.File
	if !file.Created.Equal(time.Date(2024, 1, 2, 3, 4, 5, 678e6, time.UTC)) ||
		file.History[0].Created.Hour() != 3 || file.History[0].CreatedBy != "y" {
		t.Errorf("got %v, %v", file.Created, file.History)
	}
	if file.Config.Cmd[0] != "x" || file.Config.Env[0] != "A=b" || file.OS != "linux" {
		t.Errorf("got %+v", file.Config)
	}
}

func TestConfigsOfWrongTypesAreRefusedByField(t *testing.T) {
	limits := DefaultLimits()
	for doc, want := range map[string]string{
		`[]`:                             "config: want an object, found list",
		`{"history":"x"}`:                "config: history: want a list, found string",
		`{"history":[1]}`:                "config: history: want an object, found number",
		`{"rootfs":[]}`:                  "config: rootfs: want an object, found list",
		`{"config":{"Env":"x"}}`:         "config: config.Env: want a list, found string",
		`{"config":{"Cmd":{}}}`:          "Cmd, Entrypoint or Shell: want a list, found object",
		`{"architecture":1}`:             "config: architecture: want a string, found number",
		`{"created":1}`:                  "created: want a string, found number",
		`{"rootfs":{"diff_ids":"x"}}`:    "config: rootfs.diff_ids: want a list, found string",
		`{"rootfs":{"diff_ids":[null]}}`: "config: rootfs.diff_ids[0]: want a string, found null",
	} {
		_, err := ParseConfig([]byte(doc), &limits)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", doc, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "v1.") {
			t.Errorf("%s: names a type of Go: %v", doc, err)
		}
	}
}

func FuzzConfig(f *testing.F) {
	for _, doc := range []string{`{}`, `{"history":[null],"rootfs":{"diff_ids":["x"]}}`,
		`{"config":{"Cmd":"x"},"created":""}`} {
		f.Add([]byte(doc))
	}
	limits := DefaultLimits()
	f.Fuzz(func(t *testing.T, doc []byte) {
		c, err := ParseConfig(doc, &limits)
		if err == nil && len(c.File.RootFS.DiffIDs) != len(c.DiffIDs) {
			t.Errorf("%q: %d and %d diffIDs", doc, len(c.File.RootFS.DiffIDs), len(c.DiffIDs))
		}
	})
}
