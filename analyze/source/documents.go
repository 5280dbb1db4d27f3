package source

import (
	"errors"
	"fmt"
	"io/fs"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"layup/analyze/source/document"
	"layup/tarfs"
)

// document reads a blob that is JSON: an index, a manifest or a config. What names it in errors.
func (a *Archive) document(d document.Descriptor, what, limitName string, limit int64) ([]byte, error) {
	doc, err := a.shelf.document(d, what, limitName, limit)
	if errors.Is(err, fs.ErrNotExist) && a.store != nil {
		err = a.afterDamage(missingBlob{})
	}
	if err == nil {
		err = document.Hold(&a.held, len(doc))
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", what, d.Digest, err)
	}
	return doc, nil
}

// A missingBlob says that a blob is named but not there: the layout is incomplete.
type missingBlob struct{ digest string }

func (e missingBlob) Error() string {
	if e.digest == "" {
		return "blob not in the layout"
	}
	return "blob " + e.digest + " not in the layout"
}

// Is makes it a case of what does not exist.
func (missingBlob) Is(target error) bool { return target == fs.ErrNotExist }

// historyWarnings says if the instructions of the history cannot be given to layers.
func historyWarnings(cf *v1.ConfigFile, layers int) []tarfs.Warning {
	switch {
	case layers == 0 || document.HistoryEntries(cf) == layers:
		return nil
	case len(cf.History) == 0:
		return []tarfs.Warning{{Code: HistoryAbsent, Layer: tarfs.NoLayer}}
	}
	return []tarfs.Warning{{Code: HistoryDoesNotMatchLayers, Layer: tarfs.NoLayer}}
}
