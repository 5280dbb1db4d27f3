package tarfs

import (
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
)

// A Code is a kind of warning: its stable name, how grave it is, and one sentence that explains it. The package that
// raises a warning declares its code; docs/warnings.md lists the codes of all packages.
type Code struct {
	Name     string
	Severity Severity
	Message  string
}

// String returns the name.
func (c Code) String() string { return c.Name }

// A Severity says how far engines may depart from what is shown.
type Severity string

const (
	High   Severity = "high"   // an engine shows another tree, or refuses the image
	Medium Severity = "medium" // engines agree, but people or other tools may be misled
	Low    Severity = "low"    // common and harmless
)

// What Scan and Merge warn of.
var (
	WhiteoutThenEntry = Code{"whiteout-then-entry-in-one-layer", High,
		"an entry follows a whiteout of the same name in one layer: engines drop the whiteout, the specification keeps it"}
	WhiteoutAndEntry = Code{"whiteout-and-entry-in-one-layer", High,
		"a whiteout and an entry of the same name are in one layer: engines differ in what they show"}
	OpaqueRootIgnored = Code{"opaque-root-ignored-by-overlay", High,
		"an opaque marker at the root: overlay engines ignore it, the specification hides everything below"}
	OverlayWhiteoutDevice = Code{"overlay-native-whiteout-device", High,
		"a character device 0:0 is a whiteout for overlay engines, a device for the specification"}
	OverlayPrivateXattr = Code{"overlay-private-xattr", High,
		"an attribute private to overlayfs: Docker and podman obey it, so the tree on a host differs"}
	DuplicateEntry = Code{"duplicate-entry", High,
		"the path is listed twice in one layer: the last entry is shown; Docker and podman refuse the image"}
	EntryTypeRefused       = Code{"entry-type-refused-by-engines", High, "engines refuse this type of entry"}
	HardlinkIntoLowerLayer = Code{"hardlink-into-lower-layer", High,
		"a hard link to a file of a lower layer: overlay engines refuse the layer"}
	HardlinkTargetMissing = Code{"hardlink-target-missing", High,
		"a hard link to a file that does not exist: engines refuse the layer; the entry is skipped"}
	HardlinkToItself = Code{"hardlink-to-itself", High,
		"a hard link to itself: engines refuse the layer; the entry is skipped"}
	HardlinkToDirectory = Code{"hardlink-to-directory", High,
		"a hard link to a directory: engines refuse the layer; the entry is skipped"}
	HardlinkEscapesRoot = Code{"hardlink-escapes-root", High,
		"the target of a hard link climbs above the root: engines refuse the layer; the entry is skipped"}
	UnknownEntryType = Code{"unknown-entry-type-skipped", High,
		"an entry of unknown type is skipped: engines refuse the layer"}
	WhiteoutInvalid = Code{"whiteout-invalid", High,
		"a whiteout without a name, or of '.' or '..', is ignored: some engines remove a directory for it"}
	ParentNotADirectory = Code{"parent-not-a-directory", High,
		"the parent is not a directory in this layer: engines refuse the layer; the entry is skipped"}
	FileHiddenByImplied = Code{"file-hidden-by-implied-directory", High,
		"a directory that this layer does not list hides a file of a lower layer"}
	SymlinkHiddenByImplied = Code{"symlink-hidden-by-implied-directory", High,
		"a directory that this layer does not list hides a symlink of a lower layer: engines differ in what they show"}
	PathEscapesRoot = Code{"path-escapes-root", Medium, "the name climbs above the root; it stops at the root"}
	PathAbsolute    = Code{"path-absolute", Medium,
		"the name begins with a slash; it is read as relative to the root"}
	ParentThroughSymlink = Code{"parent-through-symlink", Medium,
		"the parent directory is reached through a symlink of the same layer"}
	SymlinkReplacedByDir = Code{"symlink-replaced-by-directory", Medium,
		"a symlink of a lower layer is replaced by a directory"}
	RootNotADirectory = Code{"root-not-a-directory", Medium,
		"an entry for the root that is not a directory is ignored"}
	AUFSMetadata           = Code{"aufs-metadata", Medium, "metadata of AUFS: it is not shown"}
	EntryBelowWhiteoutName = Code{"entry-below-whiteout-name", Medium,
		"a real file in a directory with the name of a whiteout"}
	DataAfterEnd = Code{"data-after-end-of-archive", Medium,
		"data follows the end of the archive; engines do not read it"}
	ParentNotListed = Code{"parent-not-listed", Low,
		"the directory is not listed in this layer; Docker and podman reset its mode to 0755 and its owner to root"}
	OpaqueHidesNothing      = Code{"opaque-hides-nothing", Low, "an opaque marker hides nothing"}
	WhiteoutHidesNothing    = Code{"whiteout-hides-nothing", Low, "a whiteout hides nothing"}
	WhiteoutNotEmptyRegular = Code{"whiteout-not-empty-regular-file", Low, "a whiteout is not an empty regular file"}
	PAXGlobalHeader         = Code{"pax-global-header", Low, "a PAX global header; engines ignore it"}
)

// NoLayer is the layer of what belongs to no layer: the root directory, and a warning about the whole image.
const NoLayer = -1

// A Warning is something odd in an image: a fact, not a failure.
type Warning struct {
	Code  Code
	Layer int    // position in the stack, from 0; NoLayer for the whole image
	Path  string // exact bytes, beginning with '/', or as written for the path-* codes; empty if the code has none
	More  int    // further warnings of this code that were only counted; set on the last one of a code
	Note  string // what else is known, such as an offset; empty for most codes
}

// Text returns the sentence of the code, with what else is known.
func (w Warning) Text() string {
	if w.Note == "" {
		return w.Code.Message
	}
	return w.Code.Message + ": " + w.Note
}

// AfterEnd is the note of DataAfterEnd: the data begins at an offset of an archive of size bytes, perhaps with another
// archive.
func AfterEnd(at, size int64, second bool) string {
	if second {
		return fmt.Sprintf("%d bytes; a second archive begins at offset %d", size-at, at)
	}
	return fmt.Sprintf("%d bytes at offset %d", size-at, at)
}

// kept is how many warnings of one code are kept; the others are only counted.
const kept = 1000

// remembered is how many warnings are remembered to find repetitions.
const remembered = 500_000

// warnings collects warnings, each code, layer and path once.
type warnings struct {
	all  []Warning
	n    map[string]int      // by name of the code
	seen map[uint64]struct{} // hashes: paths may be long
	seed maphash.Seed

	marked bool     // by a Pile
	added  []uint64 // to seen, since the first mark
}

func (w *warnings) add(code Code, layer int, path string) { w.addNoted(code, layer, path, "") }

func (w *warnings) addNoted(code Code, layer int, path, note string) {
	if w.n == nil {
		w.n = map[string]int{}
	}
	if w.seen == nil {
		w.seen, w.seed = map[uint64]struct{}{}, maphash.MakeSeed()
	}
	key := maphash.Comparable(w.seed, Warning{Code: Code{Name: code.Name}, Layer: layer, Path: path})
	if _, ok := w.seen[key]; ok {
		return
	}
	if len(w.seen) < remembered {
		w.seen[key] = struct{}{}
		if w.marked {
			w.added = append(w.added, key)
		}
	}
	if w.n[code.Name]++; w.n[code.Name] <= kept {
		w.all = append(w.all, Warning{Code: code, Layer: layer, Path: path, Note: note})
	}
}

// mark returns what restore needs to forget the warnings that follow.
func (w *warnings) mark() warnings {
	w.marked = true
	return warnings{all: w.all, n: maps.Clone(w.n), added: w.added}
}

// restore forgets the warnings since mark.
func (w *warnings) restore(before warnings) {
	for _, key := range w.added[len(before.added):] {
		delete(w.seen, key)
	}
	w.all, w.n, w.added = before.all, before.n, before.added
}

// list returns the warnings. The last of each code has the number of those that were not kept.
func (w *warnings) list() []Warning {
	list := slices.Clone(w.all)
	told := map[string]bool{}
	for i := range slices.Backward(list) {
		if code := list[i].Code.Name; !told[code] {
			told[code] = true
			list[i].More = max(0, w.n[code]-kept)
		}
	}
	return list
}
