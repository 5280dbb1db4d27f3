//go:build !unix

package oci

// syncDir does nothing: there directories are not files.
func syncDir(string) error { return nil }
