package source

import "layup/tarfs"

// What opening and verifying an image warns of.
var (
	DiffIDMismatch = tarfs.Code{Name: "diff-id-mismatch", Severity: tarfs.High,
		Message: "the content does not match the diffID in the image's config"}
	LayersOutOfOrder = tarfs.Code{Name: "oci-manifest-layers-out-of-order", Severity: tarfs.High,
		Message: "the OCI manifest lists the layers in another order than the config: the config's order is used"}
	DescriptorsAfterLayers = tarfs.Code{Name: "descriptors-after-layers", Severity: tarfs.High,
		Message: "the manifest lists what is not a layer after the layers: it is ignored; some engines refuse the image"}
	StoreDiffers = tarfs.Code{Name: "store-differs-from-tar-split", Severity: tarfs.High,
		Message: "the layer's directory is not as the engine stored it: its record (tar-split) or its blob says otherwise"}
	CompressedTailDamaged = tarfs.Code{Name: "compressed-stream-damaged-tail", Severity: tarfs.Medium,
		Message: "the compressed stream has a damaged tail"}
	HistoryDoesNotMatchLayers = tarfs.Code{Name: "history-does-not-match-layers", Severity: tarfs.Low,
		Message: "the history and the layers differ in number: the instructions of the layers are unknown"}
	HistoryAbsent = tarfs.Code{Name: "history-absent", Severity: tarfs.Low,
		Message: "the image has no history: the instructions of the layers are unknown"}
	MediaTypeMismatch = tarfs.Code{Name: "media-type-mismatch", Severity: tarfs.Low,
		Message: "the layer's compression is not what its media type says"}
	PaddingDropped = tarfs.Code{Name: "archive-padding-dropped", Severity: tarfs.Low,
		Message: "the zero padding at the end of the archive is missing, although the diffID covers it"}
	ManifestTypeMissing = tarfs.Code{Name: "manifest-type-missing", Severity: tarfs.Low,
		Message: "the registry does not send the type of the manifest: its content decides"}
)
