package dockerfile_test

import (
	"context"
	"fmt"
	"log"

	"layup/analyze"
	"layup/analyze/dockerfile"
)

// Without a provenance there is an estimate.
func Example() {
	opt := analyze.Default()
	opt.Layers, opt.Origin = analyze.Never, true
	img, err := analyze.Open(context.Background(), "../../fixtures/myfile.tar", opt)
	if err != nil {
		log.Fatal(err)
	}
	defer img.Close()
	d := dockerfile.Of(img)
	fmt.Println("estimate:", d.Estimate)
	for _, p := range d.Parts[1:] {
		fmt.Println(p.Layers, p.Text)
	}
	// Output:
	// estimate: true
	// [] FROM scratch
	// [0] ADD file:4f2c1a7d /
	// [] ENV PATH=/usr/local/bin:/usr/bin:/bin
	// [1] COPY rootfs /
	// [2] RUN echo two > /etc/MYFILE && echo $TOKEN > /tmp/token
	// [3] RUN chmod 600 /etc/MYFILE
	// [4] RUN rm /etc/MYFILE /tmp/token
	// [5] COPY --chown=33:33 MYFILE /usr/share/MYFILE
	// [] WORKDIR /etc
	// [6] COPY MYFILE /etc/
	// [] CMD ["/usr/bin/shop", "--config", "/etc/shop.conf"]
}
