package main

import (
	_ "github.com/bmatcuk/doublestar/v4"
	_ "github.com/docker/cli/templates"
	_ "github.com/docker/go-units"
	_ "github.com/google/go-cmp/cmp"
	_ "github.com/google/go-containerregistry/pkg/v1"
	_ "github.com/klauspost/compress/zstd"
	_ "github.com/olekukonko/tablewriter"
	_ "github.com/spf13/pflag"
	_ "github.com/ulikunitz/xz"
	_ "golang.org/x/sys/unix"
	_ "golang.org/x/term"
)
