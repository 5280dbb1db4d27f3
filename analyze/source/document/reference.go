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

// CutTag divides a reference at the colon before its tag, which is not the one before a port.
func CutTag(ref string) (name, tag string, tagged bool) {
	i := strings.LastIndexByte(ref, ':')
	if i < 0 || strings.Contains(ref[i:], "/") {
		return ref, "", false
	}
	return ref[:i], ref[i+1:], true
}
