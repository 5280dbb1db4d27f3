package store

import "layup/tarfs"

// What reading an engine's store warns of.
var (
	StoreRedirect = tarfs.Code{Name: "store-redirect-not-followed", Severity: tarfs.High,
		Message: "overlayfs shows a directory of a lower layer here: it is not followed, and its content is not shown"}
	StoreMetacopy = tarfs.Code{Name: "store-metacopy-without-content", Severity: tarfs.High,
		Message: "overlayfs keeps only metadata here, and the content in a lower layer: the file is shown as on the disk"}
	StoreAttribute = tarfs.Code{Name: "store-attribute-skipped", Severity: tarfs.Medium,
		Message: "an extended attribute with '=' in its name is not listed"}
	SocketSkipped = tarfs.Code{Name: "store-socket-skipped", Severity: tarfs.Low,
		Message: "a socket: no listing shows it"}
)
