package kinds

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"

	"layup/analyze/digest"
	"layup/analyze/source"
	"layup/analyze/source/document"
	"layup/analyze/source/repository"
)

// An index may name thousands of manifests, and each may have 4 MiB: together they would fill the memory.
func TestManifestsAreBoundedTogether(t *testing.T) {
	config := []byte(`{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}`)
	documents, asked := map[string][]byte{digest.Of(config): config}, 0
	var list []any
	for i := range 40 {
		raw, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": document.OCIManifest, "layers": []any{},
			"config":      map[string]any{"mediaType": typeConfig, "digest": digest.Of(config), "size": len(config)},
			"annotations": map[string]any{"n": fmt.Sprint(i), "pad": string(bytes.Repeat([]byte("x"), 4_000_000))}})
		if err != nil {
			t.Fatal(err)
		}
		digest := digest.Of(raw)
		documents[digest] = raw
		descriptor := map[string]any{"mediaType": document.OCIManifest, "digest": digest, "size": len(raw)}
		list = append(list, platformOf(descriptor, fmt.Sprint("linux/amd64/v", i)))
	}
	top, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": document.OCIIndex, "manifests": list})
	if err != nil {
		t.Fatal(err)
	}
	documents["1"] = top
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Write(documents[path.Base(r.URL.Path)])
	}))
	defer s.Close()
	opt := Options{Options: source.Options{Limits: document.DefaultLimits()}, Registry: repository.Options{List: true}}
	a, err := Open(t.Context(), "docker://"+s.Listener.Addr().String()+"/a:1", opt)
	if err == nil {
		defer a.Close()
		_, err = a.List(t.Context())
	}
	if err == nil || !strings.Contains(err.Error(), "64 MiB together") {
		t.Errorf("got %v, want that manifests have too many bytes together", err)
	}
	if asked > 20 {
		t.Errorf("requests: got %d, want at most 20", asked)
	}
}
