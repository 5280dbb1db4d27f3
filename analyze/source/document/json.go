// Package document reads the JSON that describes images: indexes, manifests, configs, and what they name. It refuses
// what two readers could understand differently.
package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode"

	"layup/analyze/show"
)

// knownKeys are the keys that readers of these documents look for. Go's reader folds case and others do not: two keys
// that differ only in case would show different images to different readers.
var knownKeys = foldedSet(
	"architecture", "artifactType", "annotations", "author", "config", "container_config", "created", "created_by",
	"comment", "data", "diff_ids", "digest", "docker_version", "empty_layer", "history", "id", "imageLayoutVersion",
	"layers", "LayerSources", "manifests", "mediaType", "os", "os.features", "os.version", "parent", "platform",
	"RepoTags", "rootfs", "schemaVersion", "size", "subject", "type", "urls", "variant", "Cmd", "Entrypoint", "Env",
	"ExposedPorts", "Healthcheck", "Labels", "OnBuild", "Shell", "StopSignal", "User", "Volumes", "WorkingDir",
	"fsLayers",
)

// freeMaps are the objects with keys of any name. In them, names that differ in case are two names.
var freeMaps = foldedSet("labels", "annotations", "exposedports", "volumes")

func foldedSet(names ...string) map[string]bool {
	set := map[string]bool{}
	for _, n := range names {
		set[fold(n)] = true
	}
	return set
}

// fold returns one string for all names that encoding/json takes for one, also those with a Kelvin sign or a long s.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		for {
			next := unicode.SimpleFold(r)
			if next <= r {
				return next
			}
			r = next
		}
	}, s)
}

// CheckJSON refuses what two readers could understand differently: other encodings, data after the value, duplicate
// keys. It also refuses what is nested deeper than depth. Keys are more names that readers look for in the document.
func CheckJSON(doc []byte, depth int, keys ...string) error {
	if err := checkEncoding(doc); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	w := walker{depth: depth, more: foldedSet(keys...)}
	for {
		token, err := dec.Token()
		if err != nil {
			return syntax(err, dec.InputOffset())
		}
		if err := w.take(token); err != nil {
			return err
		}
		if len(w.open) == 0 {
			break
		}
	}
	if rest := bytes.TrimLeft(doc[dec.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return fmt.Errorf("data after the JSON value (%d bytes)", len(rest))
	}
	return nil
}

// checkEncoding names what is often found instead of JSON.
func checkEncoding(doc []byte) error {
	text := bytes.TrimLeft(doc, " \t\r\n")
	switch {
	case len(text) == 0:
		return errors.New("not JSON: it is empty")
	case bytes.HasPrefix(doc, []byte("\xef\xbb\xbf")):
		return errors.New("begins with a BOM (byte order mark)")
	case bytes.HasPrefix(doc, []byte("\xff\xfe")), bytes.HasPrefix(doc, []byte("\xfe\xff")),
		len(doc) > 1 && (doc[0] == 0 || doc[1] == 0):
		return errors.New("not UTF-8 JSON but UTF-16 or binary")
	case text[0] == '<':
		return errors.New("not JSON but an HTML or XML page")
	}
	return nil
}

func syntax(err error, offset int64) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("not JSON: it ends at offset %d in the middle of a value", offset)
	}
	return fmt.Errorf("not JSON: at offset %d: %w", offset, err)
}

// walker follows the tokens of one document.
type walker struct {
	depth int
	open  []*container
	more  map[string]bool // like knownKeys
}

// container is an array or object that has not ended.
type container struct {
	object bool
	free   bool
	isKey  bool   // the next token of an object is a key
	key    string // the last key, folded
	seen   map[string]bool
	folded map[string]bool
}

func (w *walker) take(token json.Token) error {
	var top *container
	if len(w.open) > 0 {
		top = w.open[len(w.open)-1]
	}
	switch delim, _ := token.(json.Delim); delim {
	case '{', '[':
		return w.push(top, delim == '{')
	case '}', ']':
		w.open = w.open[:len(w.open)-1]
		return nil
	}
	if top == nil || !top.object {
		return nil
	}
	if !top.isKey {
		top.isKey = true
		return nil
	}
	top.isKey = false
	return top.name(token.(string), w.more)
}

func (w *walker) push(top *container, object bool) error {
	c := &container{object: object, isKey: object}
	if top != nil && top.object {
		c.free = freeMaps[top.key]
		top.isKey = true
	}
	w.open = append(w.open, c)
	if w.depth > 0 && len(w.open) > w.depth {
		return fmt.Errorf("nested too deep: %w", Over(limitJSONDepth, len(w.open), w.depth))
	}
	return nil
}

// name notes a key and refuses a duplicate.
func (c *container) name(key string, more map[string]bool) error {
	if c.seen == nil {
		c.seen, c.folded = map[string]bool{}, map[string]bool{}
	}
	if c.seen[key] {
		return fmt.Errorf("duplicate key %s", show.Cut(key))
	}
	c.seen[key] = true
	c.key = fold(key)
	if c.free || !knownKeys[c.key] && !more[c.key] {
		return nil
	}
	if c.folded[c.key] {
		return fmt.Errorf("duplicate key %s (also in another case)", show.Cut(key))
	}
	c.folded[c.key] = true
	return nil
}

// Unmarshal is json.Unmarshal after CheckJSON, with messages for people.
func Unmarshal(doc []byte, depth int, v any, keys ...string) error {
	if err := CheckJSON(doc, depth, keys...); err != nil {
		return err
	}
	return Typed(json.Unmarshal(doc, v))
}

// embeddedNames are parts of a path that encoding/json adds for embedded structs: no JSON has them.
var embeddedNames = strings.NewReplacer("ConfigFile.", "", "config.Config.", "config.", "history.History.", "history.")

// Typed describes a mismatch of types in the words of JSON.
func Typed(err error) error {
	t, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return err
	}
	where := ""
	if t.Field != "" {
		where = show.Safe(embeddedNames.Replace(t.Field)) + ": "
	}
	found, _, _ := strings.Cut(t.Value, " ")
	if found == "array" {
		found = "list"
	}
	return fmt.Errorf("%swant %s, found %s", where, wanted(t.Type), found)
}

func wanted(t reflect.Type) string {
	if t == reflect.TypeFor[[]byte]() {
		return "a string in base64"
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Struct, reflect.Map, reflect.Pointer:
		return "an object"
	default:
		return "a whole number"
	}
}
