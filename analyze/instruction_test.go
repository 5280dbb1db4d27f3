package analyze

import (
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"layup/analyze/source"
)

// Nix writes comments only; jib writes one created_by and a comment for each layer; BuildKit writes its name in each.
func TestTheCommentSaysWhatCreatedByDoesNot(t *testing.T) {
	type entry [2]string // created_by and comment
	for _, test := range []struct {
		builder string
		history []entry
		want    []string
	}{
		{"nix", []entry{{"", "store paths: ['/nix/store/a']"}, {"", "store paths: ['/nix/store/b']"}},
			[]string{"store paths: ['/nix/store/a']", "store paths: ['/nix/store/b']"}},
		{"jib", []entry{{"jib-maven-plugin:3.4.0", "dependencies"}, {"jib-maven-plugin:3.4.0", "classes"}},
			[]string{"jib-maven-plugin:3.4.0 dependencies", "jib-maven-plugin:3.4.0 classes"}},
		{"buildkit", []entry{{"RUN make", "buildkit.dockerfile.v0"}, {"RUN make", "buildkit.dockerfile.v0"}},
			[]string{"RUN make", "RUN make"}},
		{"docker import", []entry{{"", "Imported from -"}}, []string{"Imported from -"}},
		{"docker commit", []entry{{"/bin/bash", "by hand"}}, []string{"/bin/bash"}},
	} {
		img := &source.Image{ConfigFile: new(v1.ConfigFile)}
		for _, e := range test.history {
			img.ConfigFile.History = append(img.ConfigFile.History, v1.History{CreatedBy: e[0], Comment: e[1]})
			img.Layers = append(img.Layers, new(source.Layer))
		}
		var got []string
		for i, in := range instructions(img) {
			if got = append(got, in.Readable); in.Raw != test.history[i][0] || in.Comment != test.history[i][1] {
				t.Errorf("%s: got %+v", test.builder, in)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.builder, got, test.want)
		}
	}
}

func TestReadableIsWhatTheDockerfileHas(t *testing.T) {
	for _, test := range []struct{ builder, raw, want string }{
		{"none", "", ""},
		{"classic, not run", "/bin/sh -c #(nop)  CMD [\"bash\"]", `CMD ["bash"]`},
		{"classic, not run", "/bin/sh -c #(nop) ADD file:4f2c1a7d in / ", "ADD file:4f2c1a7d in /"},
		{"classic, a CMD of a shell", `/bin/sh -c #(nop)  CMD ["/bin/sh" "-c" "exec nginx"]`,
			`CMD ["/bin/sh" "-c" "exec nginx"]`},
		{"classic, nothing said", "/bin/sh -c #(nop)", ""},
		{"classic, run", "/bin/sh -c apt-get update     && apt-get install", "RUN apt-get update && apt-get install"},
		{"classic, a mark in the script", `/bin/sh -c echo "#(nop) CMD"`, `RUN echo "#(nop) CMD"`},
		{"classic, bash", "/bin/bash -o pipefail -c curl x | sh -c y", "RUN curl x | sh -c y"},
		{"classic, bash, not run", "/bin/bash -o pipefail -c #(nop)  ENV A=b", "ENV A=b"},
		{"classic, options in one", "/bin/bash -euxo pipefail -c make", "RUN make"},
		{"classic, option after c", "/bin/bash -ceux make -j2", "RUN make -j2"},
		{"classic, long options", "/bin/bash --noprofile --norc -e -c make", "RUN make"},
		{"classic, login shell", "/usr/bin/bash --login -c rvm use", "RUN rvm use"},
		{"classic, busybox", "/busybox/busybox sh -c echo", "RUN echo"},
		{"classic, arguments", "|1 FOO=bar /bin/sh -c echo $FOO", "RUN echo $FOO"},
		{"classic, a value with spaces", "|2 A=b CFLAGS=-O2 -g /bin/sh -c make", "RUN make"},
		{"classic, an empty value", "|1 FOO= /bin/sh -c make", "RUN make"},
		{"classic, a value of a shell", "|1 SH=/bin/bash /bin/sh -c make", "RUN make"},
		{"classic, an earlier value with a script", "|2 A=/bin/sh -c x B=y /bin/sh -c make", "RUN make"},
		{"classic, the last value with a script", "|1 A=x /bin/sh -c y /bin/sh -c make", "RUN y /bin/sh -c make"},
		{"classic, a value with lines", "|1 KEY=one\ntwo /bin/sh -c make", "RUN make"},
		{"classic, arguments and bash", "|1 A=b /bin/bash -o pipefail -c make | tee log", "RUN make | tee log"},
		{"classic, arguments, no shell", "|1 A=b echo hi there", "RUN echo hi there"},
		{"classic, no arguments", "|0 /bin/sh -c make", "RUN make"},
		{"classic, no shell", "echo hi", "echo hi"},
		{"a shell without a script", "/bin/sh -c", "/bin/sh -c"},
		{"commit", "/bin/bash", "/bin/bash"},
		{"no arguments after all", "|x y", "|x y"},
		{"fewer arguments than said", "|3 A=b c", "|3 A=b c"},
		{"too many arguments to count", "|99999999999999999999 A=b /bin/sh -c x", "|99999999999999999999 A=b /bin/sh -c x"},
		{"buildkit, run", "RUN /bin/sh -c apk add curl # buildkit", "RUN apk add curl"},
		{"buildkit, a shell in the shell", "RUN /bin/sh -c bash -c 'x' # buildkit", "RUN bash -c 'x'"},
		{"buildkit, arguments", "RUN |1 TOKEN=hunter2 /bin/sh -c make # buildkit", "RUN make"},
		{"buildkit, arguments, no shell", "RUN |2 A=b C=d make all # buildkit", "RUN make all"},
		{"buildkit, bash", "RUN /bin/bash -eo pipefail -c make # buildkit", "RUN make"},
		{"buildkit, no shell", "RUN make all # buildkit", "RUN make all"},
		{"buildkit, another shell", "RUN conda run -n env /bin/bash -c make # buildkit",
			"RUN conda run -n env /bin/bash -c make"},
		{"buildkit, not run", `ENTRYPOINT ["/bin/sh" "-c" "x"]`, `ENTRYPOINT ["/bin/sh" "-c" "x"]`},
		{"buildkit, copied", "COPY --chown=1:1 src /dst # buildkit", "COPY --chown=1:1 src /dst"},
		{"buildkit, a document", "COPY <<EOF /etc/motd # buildkit", "COPY <<EOF /etc/motd"},
		{"buildkit, a map", "EXPOSE map[80/tcp:{}]", "EXPOSE map[80/tcp:{}]"},
		{"buildkit, a script", "RUN /bin/sh -c set -e\n\n  apt-get update\nmake\n # buildkit",
			"RUN set -e ⏎ apt-get update ⏎ make"},
		{"buildkit, a file for a program", "RUN /bin/sh -c cat <<EOF > /x\none\nEOF # buildkit",
			"RUN cat <<EOF > /x ⏎ one ⏎ EOF"},
		{"buildah", "/bin/sh -c #(nop) COPY file:1b82143d in /a ", "COPY file:1b82143d in /a"},
		{"buildah, words counted", "|2 A=b c /bin/sh -c make", "RUN make"},
		{"buildah, no shell", `/bin/sh -c ["make", "all"]`, `RUN ["make", "all"]`},
		{"buildah, a flag", "/bin/sh -c --mount=type=cache,target=/x make", "RUN --mount=type=cache,target=/x make"},
		{"kaniko", "RUN apt-get update", "RUN apt-get update"},
		{"kaniko, a shell of one's own", `RUN /bin/sh -c "make all"`, `RUN /bin/sh -c "make all"`},
		{"kaniko, a shell of one's own", `RUN bash -c 'make all'`, `RUN bash -c 'make all'`},
		{"kaniko", "COPY --from=0 /a /b", "COPY --from=0 /a /b"},
		{"a builder unknown", "RUN /bin/sh -c make", "RUN make"},
		{"windows", `cmd /S /C #(nop) WORKDIR C:\app`, `WORKDIR C:\app`},
		{"windows, run", `cmd /S /C powershell -Command "x"`, `RUN powershell -Command "x"`},
		{"windows, powershell",
			`powershell -Command $ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue'; #(nop)  ENV A=b`,
			"ENV A=b"},
		{"windows, powershell, run", `powershell -Command $ErrorActionPreference = 'Stop'; Get-Item`,
			"RUN $ErrorActionPreference = 'Stop'; Get-Item"},
		{"windows, pwsh", `C:\pwsh\pwsh.exe -NoProfile -ExecutionPolicy Bypass -Command Get-Item`, "RUN Get-Item"},
		{"windows, arguments", `|1 A=b cmd /S /C dir`, "RUN dir"},
		{"windows, buildkit", `RUN cmd /S /C dir # buildkit`, "RUN dir"},
		{"windows, a base", "Apply image 10.0.17763.1", "Apply image 10.0.17763.1"},
		{"debuerreotype", "# debian.sh --arch 'amd64' out/ 'bookworm'", "# debian.sh --arch 'amd64' out/ 'bookworm'"},
		{"bazel", "bazel build //app:image", "bazel build //app:image"},
	} {
		if got := readable(test.raw); got != test.want {
			t.Errorf("%s: %q\ngot  %q\nwant %q", test.builder, test.raw, got, test.want)
		}
	}
}
