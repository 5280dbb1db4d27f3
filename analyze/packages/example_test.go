package packages_test

import (
	"context"
	"fmt"
	"log"

	"layup/analyze"
	"layup/analyze/packages"
)

// Which packages are installed, which layer brought each, and which owns a file?
func Example() {
	ctx, opt := context.Background(), analyze.Default()
	opt.Needs = packages.Needs(false)
	img, err := analyze.Open(ctx, "../../fixtures/packages.tar", opt)
	if err != nil {
		log.Fatal(err)
	}
	defer img.Close()
	set, err := packages.Read(ctx, img)
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range set.List {
		if p.Status == packages.Installed {
			fmt.Println(p.Name, p.Version, "by layer", p.Layer)
		}
	}
	owner, err := img.Owner("/bin/bash", true, analyze.Last)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("/bin/bash:", set.Owners(owner.Version.Node())[0].Name)
	// Output:
	// base-files 12.4 by layer 0
	// bash 5.2.15-2 by layer 0
	// libc6 2.36-9+deb12u4 by layer 2
	// left-pad 1.3.0 by layer 4
	// /bin/bash: bash
}
