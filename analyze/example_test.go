package analyze_test

import (
	"context"
	"fmt"
	"io/fs"
	"log"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"layup/analyze"
	"layup/analyze/filter"
)

func openExample(opt analyze.Options) *analyze.Image {
	img, err := analyze.Open(context.Background(), "../fixtures/myfile.tar", opt)
	if err != nil {
		log.Fatal(err)
	}
	return img
}

// Who owns /etc/MYFILE?
func Example() {
	img, err := analyze.Open(context.Background(), "../fixtures/myfile.tar", analyze.Default())
	if err != nil {
		log.Fatal(err)
	}
	defer img.Close()
	owner, err := img.Owner("/etc/MYFILE", true, analyze.Last)
	if err != nil {
		log.Fatal(err)
	}
	layer := owner.Version.Layer()
	fmt.Printf("layer %d: %s\n", layer, img.Instruction(layer).Readable)
	// Output: layer 6: COPY MYFILE /etc/
}

// An archive need not be a file: any io.Reader can be opened, and any io.ReaderAt with a size.
func ExampleOpenReader() {
	archive, err := os.Open("../fixtures/myfile.tar")
	if err != nil {
		log.Fatal(err)
	}
	defer archive.Close()
	img, err := analyze.OpenReader(context.Background(), "myfile.tar", archive, analyze.Default())
	if err != nil {
		log.Fatal(err)
	}
	defer img.Close()
	fmt.Println(analyze.Title(img.Image), len(img.Layers), "layers")
	// Output: shop:1.2 7 layers
}

// An image of go-containerregistry may come from its packages remote, daemon or tarball. This one is in memory.
func ExampleOpenV1() {
	var image v1.Image = inMemory("tag shop:1\nlayer COPY\nf 0644 0:0 etc/shop.conf \"open=8\"\n")
	img, err := analyze.OpenV1(context.Background(), image, analyze.Default())
	if err != nil {
		log.Fatal(err)
	}
	defer img.Close()
	owner, err := img.Owner("/etc/shop.conf", true, analyze.Last)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("layer %d, verified: %s\n", owner.Version.Layer(), img.Verified)
	// Output: layer 0, verified: full
}

// What did every layer do to it?
func ExampleImage_Log() {
	img := openExample(analyze.Default())
	defer img.Close()
	for _, change := range img.Log("/etc/MYFILE") {
		fmt.Println(change.Layer, change.Kind)
	}
	// Output:
	// 1 add
	// 2 modify
	// 3 modify
	// 4 delete
	// 6 add
}

// Which versions of files below /etc and /tmp are hidden, and by which layer?
func ExampleImage_Find() {
	img := openExample(analyze.Default())
	defer img.Close()
	paths, err := filter.Globs("/etc/**", "/tmp/**")
	if err != nil {
		log.Fatal(err)
	}
	for hit := range img.Find(false, filter.All(filter.Hidden, filter.Match(paths))) {
		v := hit.Version
		fmt.Printf("%s of layer %d: %s by layer %d\n", v.Node().Path(), v.Layer(), hit.Status, hit.HiddenBy)
	}
	// Output:
	// /etc/MYFILE of layer 1: overwritten by layer 2
	// /etc/MYFILE of layer 2: overwritten by layer 3
	// /etc/MYFILE of layer 3: deleted by layer 4
	// /tmp/token of layer 2: deleted by layer 4
}

// Which files does a container see, and what is in one of them?
func ExampleImage_FS() {
	img := openExample(analyze.Default())
	defer img.Close()
	fsys := img.FS(analyze.Last)
	err := fs.WalkDir(fsys, "etc", func(path string, d fs.DirEntry, err error) error {
		fmt.Println(d)
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	content, err := fs.ReadFile(fsys, "etc/MYFILE")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%q\n", content)
	// Output:
	// d etc/
	// - MYFILE
	// - passwd
	// - shop.conf
	// "four\n"
}

// What did the deleted file say?
func ExampleImage_FS_deleted() {
	img := openExample(analyze.Default())
	defer img.Close()
	for _, hidden := range img.Hidden(false, func(analyze.Hit) bool { return true }) {
		if hidden.Version.Node().Path() != "/tmp/token" {
			continue
		}
		content, err := fs.ReadFile(img.FS(hidden.Version.Layer()), "tmp/token")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s", content)
	}
	// Output: hunter2
}
