package tarfs

// A Code names one kind of oddity in an image. Codes are stable: people filter on them.
type Code string

// The codes of what a layer or an image may hold that an auditor should know. What each means stands in docs/warnings.md.
const (
	WhiteoutThenEntry         Code = "whiteout-then-entry-in-one-layer"
	WhiteoutAndEntry          Code = "whiteout-and-entry-in-one-layer"
	OpaqueRootIgnored         Code = "opaque-root-ignored-by-overlay"
	OverlayWhiteoutDevice     Code = "overlay-native-whiteout-device"
	OverlayPrivateXattr       Code = "overlay-private-xattr"
	DuplicateEntry            Code = "duplicate-entry"
	EntryTypeRefused          Code = "entry-type-refused-by-engines"
	HardlinkIntoLowerLayer    Code = "hardlink-into-lower-layer"
	HardlinkTargetMissing     Code = "hardlink-target-missing"
	HardlinkToItself          Code = "hardlink-to-itself"
	HardlinkToDirectory       Code = "hardlink-to-directory"
	HardlinkEscapesRoot       Code = "hardlink-escapes-root"
	UnknownEntryType          Code = "unknown-entry-type-skipped"
	WhiteoutInvalid           Code = "whiteout-invalid"
	ParentNotADirectory       Code = "parent-not-a-directory"
	FileHiddenByImplied       Code = "file-hidden-by-implied-directory"
	SymlinkHiddenByImplied    Code = "symlink-hidden-by-implied-directory"
	DiffIDMismatch            Code = "diff-id-mismatch"
	LayersOutOfOrder          Code = "oci-manifest-layers-out-of-order"
	PathEscapesRoot           Code = "path-escapes-root"
	PathAbsolute              Code = "path-absolute"
	ParentThroughSymlink      Code = "parent-through-symlink"
	SymlinkReplacedByDir      Code = "symlink-replaced-by-directory"
	RootNotADirectory         Code = "root-not-a-directory"
	AUFSMetadata              Code = "aufs-metadata"
	EntryBelowWhiteoutName    Code = "entry-below-whiteout-name"
	CompressedTailDamaged     Code = "compressed-stream-damaged-tail"
	DataAfterEnd              Code = "data-after-end-of-archive"
	ParentNotListed           Code = "parent-not-listed"
	OpaqueHidesNothing        Code = "opaque-hides-nothing"
	WhiteoutHidesNothing      Code = "whiteout-hides-nothing"
	WhiteoutNotEmptyRegular   Code = "whiteout-not-empty-regular-file"
	HistoryDoesNotMatchLayers Code = "history-does-not-match-layers"
	HistoryAbsent             Code = "history-absent"
	PAXGlobalHeader           Code = "pax-global-header"
	MediaTypeMismatch         Code = "media-type-mismatch"
	PaddingDropped            Code = "archive-padding-dropped"
	ManifestTypeMissing       Code = "manifest-type-missing"
	SocketSkipped             Code = "store-socket-skipped"
	StoreRedirect             Code = "store-redirect-not-followed"
	StoreMetacopy             Code = "store-metacopy-without-content"
	StoreAttribute            Code = "store-attribute-skipped"
	StoreDiffers              Code = "store-differs-from-tar-split"
)

// A Severity says how far engines may depart from what is shown: High means that they show another tree or refuse the image.
type Severity string

const (
	High   Severity = "high"
	Medium Severity = "medium"
	Low    Severity = "low"
)

// facts holds for each code its severity and the sentence that explains it to a person.
var facts = map[Code]struct {
	severity Severity
	message  string
}{
	WhiteoutThenEntry:         {High, "a whiteout is followed by an entry of the same name in one layer: engines drop the whiteout, the specification keeps it"},
	WhiteoutAndEntry:          {High, "a whiteout and an entry of the same name stand in one layer: engines differ in what they show"},
	OpaqueRootIgnored:         {High, "an opaque marker at the root: overlay engines ignore it, the specification hides everything below"},
	OverlayWhiteoutDevice:     {High, "a character device 0:0 is a whiteout for overlay engines, a device for the specification"},
	OverlayPrivateXattr:       {High, "an attribute private to overlayfs: Docker and podman obey it, so the tree on a host differs"},
	DuplicateEntry:            {High, "the path is listed twice in one layer: the last entry is shown; Docker and podman refuse the image"},
	EntryTypeRefused:          {High, "an entry type that engines refuse"},
	HardlinkIntoLowerLayer:    {High, "a hard link to a file of a lower layer: overlay engines refuse the layer"},
	HardlinkTargetMissing:     {High, "a hard link to a file that is not there: engines refuse the layer; the entry is skipped"},
	HardlinkToItself:          {High, "a hard link to itself: engines refuse the layer; the entry is skipped"},
	HardlinkToDirectory:       {High, "a hard link to a directory: engines refuse the layer; the entry is skipped"},
	HardlinkEscapesRoot:       {High, "a hard link whose target climbs above the root: engines refuse the layer; the entry is skipped"},
	UnknownEntryType:          {High, "an entry of unknown type is skipped: engines refuse the layer"},
	WhiteoutInvalid:           {High, "a whiteout of no name, of '.' or of '..' is ignored: some engines remove a directory for it"},
	ParentNotADirectory:       {High, "the parent is no directory in this layer: engines refuse the layer; the entry is skipped"},
	FileHiddenByImplied:       {High, "a file of a lower layer is hidden by a directory that this layer does not list"},
	SymlinkHiddenByImplied:    {High, "a symlink of a lower layer is hidden by a directory that this layer does not list: engines differ in what they show"},
	DiffIDMismatch:            {High, "the content does not match the diffID in the image's config"},
	LayersOutOfOrder:          {High, "the OCI manifest lists the layers in another order than the config: read in the config's order"},
	PathEscapesRoot:           {Medium, "the name climbs above the root; it is clamped there"},
	PathAbsolute:              {Medium, "the name begins with a slash; it is read as relative to the root"},
	ParentThroughSymlink:      {Medium, "the parent directory is reached through a symlink of the same layer"},
	SymlinkReplacedByDir:      {Medium, "a symlink of a lower layer is replaced by a directory"},
	RootNotADirectory:         {Medium, "an entry for the root that is no directory is ignored"},
	AUFSMetadata:              {Medium, "metadata of AUFS, not shown"},
	EntryBelowWhiteoutName:    {Medium, "an entry below a directory whose name looks like a whiteout is a real file"},
	CompressedTailDamaged:     {Medium, "the compressed stream has a damaged tail"},
	DataAfterEnd:              {Medium, "data follows the end of the archive; engines do not read it"},
	ParentNotListed:           {Low, "the directory is not listed in this layer; Docker and podman reset its mode to 0755 and its owner to root"},
	OpaqueHidesNothing:        {Low, "an opaque marker over nothing"},
	WhiteoutHidesNothing:      {Low, "a whiteout over nothing"},
	WhiteoutNotEmptyRegular:   {Low, "a whiteout that is no empty regular file"},
	HistoryDoesNotMatchLayers: {Low, "the history and the layers differ in number: the instructions of the layers are unknown"},
	HistoryAbsent:             {Low, "the image has no history: the instructions of the layers are unknown"},
	PAXGlobalHeader:           {Low, "a PAX global header; engines ignore it"},
	MediaTypeMismatch:         {Low, "the layer's compression is not what its media type says"},
	StoreDiffers:              {High, "the layer's directory is not as the engine stored it: its record (tar-split), or the layer's blob, says otherwise"},
	StoreRedirect:             {High, "overlayfs shows here a directory that stood elsewhere in a lower layer: it is not followed, what it holds is not shown"},
	StoreMetacopy:             {High, "overlayfs keeps only the metadata here and the content in a lower layer: it is shown as it lies on the disk"},
	StoreAttribute:            {Medium, "an extended attribute whose name holds '=': it is not listed"},
	SocketSkipped:             {Low, "a socket, of which no listing tells"},
	PaddingDropped:            {Low, "the zero padding at the end of the archive, which the diffID covers, is missing"},
	ManifestTypeMissing:       {Low, "the registry does not say of what type the manifest is: its content decides"},
}

// Severity returns how grave a code is; an unknown code is High.
func (c Code) Severity() Severity {
	if f, ok := facts[c]; ok {
		return f.severity
	}
	return High
}

// Message returns one sentence that explains the code.
func (c Code) Message() string { return facts[c].message }

// NoLayer is the layer of a warning, or of a directory, that belongs to none: the root, and what concerns the whole image.
const NoLayer = -1

// A Warning is an oddity of an image: a fact, not a failure.
type Warning struct {
	Code  Code
	Layer int    // position in the stack, from 0; NoLayer for the whole image
	Path  string // exact bytes, beginning with '/', or as written for the path-* codes; empty where the code has none
	More  int    // further warnings of this code that were only counted; on the last one kept of a code
}
