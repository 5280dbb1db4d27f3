package document

import "strings"

// Familiar returns a reference as Docker shows it: without docker.io/library/, and with :latest if it has no tag.
func Familiar(ref string) string {
	for _, registry := range []string{"docker.io/", "index.docker.io/"} {
		ref = strings.TrimPrefix(ref, registry)
	}
	ref = strings.TrimPrefix(ref, "library/")
	if last := ref[strings.LastIndexByte(ref, '/')+1:]; !strings.ContainsAny(last, ":@") {
		ref += ":latest"
	}
	return ref
}
