package analyze_test

import (
	"context"
	"fmt"
	"io"
	"os"

	"layup/analyze"
)

// Who owns /etc/MYFILE?
func Example() {
	img, err := analyze.Open(context.Background(), "../fixtures/myfile.tar", analyze.Default())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer img.Close()
	owner, err := img.Owner("/etc/MYFILE", true, analyze.Last)
	if err != nil {
		fmt.Println(err)
		return
	}
	layer := owner.Version.Layer()
	fmt.Printf("layer %d: %s\n", layer, img.Instruction(layer).Readable)
	// Output: layer 6: COPY MYFILE /etc/
}

// What did every layer do to it?
func ExampleImage_Log() {
	img, err := analyze.Open(context.Background(), "../fixtures/myfile.tar", analyze.Default())
	if err != nil {
		fmt.Println(err)
		return
	}
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

// What did the deleted file say?
func ExampleImage_Content() {
	ctx := context.Background()
	img, err := analyze.Open(ctx, "../fixtures/myfile.tar", analyze.Default())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer img.Close()
	for _, hidden := range img.Hidden(false, func(analyze.Hit) bool { return true }) {
		if hidden.Version.Node().Path() != "/tmp/token" {
			continue
		}
		body, err := img.Content(ctx, hidden.Version)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer body.Close()
		if _, err := io.Copy(os.Stdout, body); err != nil {
			fmt.Println(err)
		}
	}
	// Output: hunter2
}
