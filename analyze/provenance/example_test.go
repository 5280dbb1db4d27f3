package provenance_test

import (
	"fmt"
	"log"
	"os"

	"layup/analyze/provenance"
	"layup/analyze/source/document"
)

// A statement is about the manifest of one image. The digests of its layers find the steps that made them.
func ExampleStatement_Fit() {
	doc, err := os.ReadFile("testdata/max-v1.json")
	if err != nil {
		log.Fatal(err)
	}
	limits := document.DefaultLimits()
	const manifest = "sha256:5e137834419214e50c637eaf45cb1cdabbd41b0dfea5dc8fee8a4e8a8c7cbc13"
	statement, err := provenance.Read(doc, manifest, &limits)
	if err != nil || statement == nil {
		log.Fatal(err)
	}
	build, err := statement.Fit([]string{
		"sha256:7828eece3438f19d9160f2919ed28078cc166080ff5a0a725dafeca99c107be8",
		"sha256:f0c405045123c8959c437498fcab8ffc8fd823295b050c5fe6733cb65b885529",
		"sha256:d9dc2bef8b8fa1b98fa682c185d74433690cade3d1d25c5305c98b4ca4cd91ae",
		"sha256:f0c405045123c8959c437498fcab8ffc8fd823295b050c5fe6733cb65b885529",
		"sha256:1ae3fce6a0565af01649b48acc3730239f44838ff16969a4f8a9f74149d3ac53",
		"sha256:ddf05a8986144b9b52f963176f35e8613b648273b4c3b344ed1fc53a40d76112",
		"sha256:9468e8d7981876cf2d1ffd00310119ea24611ef3019bde540bafe299e64a3e76",
		"sha256:514a4c3817c0cfbb7e9bfe6bde1441611bbd4d5d5f06b6c3742dae4918cd74ac",
		"sha256:e64e79c9b6b99dfb5d136d987867d42063c2eac724246cea2acbf973c3e48779",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("the base %s has %d layers\n", build.Base.Name, build.Base.Layers)
	for layer, line := range build.Lines {
		if line != nil {
			fmt.Printf("layer %d: %s %s\n", layer, line, line.OneLine())
		}
	}
	// Output:
	// the base base has 6 layers
	// layer 6: Dockerfile:5 COPY --from=build /out/a /srv/a
	// layer 7: Dockerfile:6 RUN echo two > /MYFILE && rm -f /etc/hostname
	// layer 8: Dockerfile:9 COPY app.txt /app.txt
}
