package dockerfile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"layup/analyze"
	"layup/analyze/provenance"
)

func TestHistoryIsReadAsInstructions(t *testing.T) {
	const long = "RUN /bin/sh -c set -eux;     apt-get update &&     apt-get install -y 'a    && b' &&     " +
		"rm -rf /var/lib/apt/lists/* && echo \"x    y\" # buildkit"
	for _, tt := range []struct{ raw, want string }{
		{`/bin/sh -c #(nop) COPY file:1b82143ddc7fdc5390a7dc9a6d7fbbfabeb837b8 in /a `, "COPY file:1b82143ddc7f /a"},
		{`/bin/sh -c #(nop) ADD --chown=1:2 dir:1b82143ddc7fdc53 in / `, "ADD --chown=1:2 dir:1b82143ddc7f /"},
		{"COPY /out/a /srv/a # buildkit", "COPY /out/a /srv/a"},
		{"RUN /bin/sh -c echo two > /MYFILE &&     rm -f /x # buildkit", "RUN echo two > /MYFILE && rm -f /x"},
		{long, "RUN set -eux; \\\n    apt-get update \\\n    && apt-get install -y 'a    && b' \\\n    " +
			"&& rm -rf /var/lib/apt/lists/* \\\n    && echo \"x    y\""},
		{"RUN |2 A=1 B=two words /bin/sh -c make # buildkit", "RUN make"},
		{"|1 A=1 /bin/bash -o pipefail -c make", "RUN make"},
		{"RUN /bin/sh -c echo a\necho b\n # buildkit", "RUN <<EOF\necho a\necho b\nEOF"},
		{"RUN /bin/sh -c cat <<EOF\nb\nEOF\n # buildkit", "RUN <<EOFF\ncat <<EOF\nb\nEOF\nEOFF"},
		{`/bin/sh -c #(nop)  CMD ["nginx" "-g" "daemon off;"]`, `CMD ["nginx", "-g", "daemon off;"]`},
		{`CMD ["/bin/sh" "-c" "echo \"hi\""]`, `CMD ["/bin/sh", "-c", "echo \"hi\""]`},
		{`ENTRYPOINT ["/a"]`, `ENTRYPOINT ["/a"]`},
		{`/bin/sh -c #(nop)  EXPOSE 80`, "EXPOSE 80"},
		{`EXPOSE map[443/tcp:{} 80/tcp:{}]`, "EXPOSE 443/tcp 80/tcp"},
		{`EXPOSE &{[{{18 0} {18 0}}] 0xc000} [8080/udp]`, ""},
		{`EXPOSE [80/tcp 9000-9001/udp]`, "EXPOSE 80/tcp 9000-9001/udp"},
		{`VOLUME [/data /x y]`, `VOLUME ["/data", "/x", "y"]`},
		{`SHELL [/bin/bash -o pipefail -c]`, `SHELL ["/bin/bash", "-o", "pipefail", "-c"]`},
		{`ENV PATH=/bin:/sbin`, "ENV PATH=/bin:/sbin"},
		{`ENV A=b c B=$x`, `ENV A="b c" B="\$x"`},
		{`LABEL maintainer=NGINX Docker Maintainers <docker-maint@nginx.com>`,
			`LABEL maintainer="NGINX Docker Maintainers <docker-maint@nginx.com>"`},
		{`LABEL org.opencontainers.image.title=a b org.opencontainers.image.url=https://x/?a=b`,
			`LABEL org.opencontainers.image.title="a b" org.opencontainers.image.url="https://x/?a=b"`},
		{"ARG VERSION", "ARG VERSION"},
		{"ARG VERSION=1.2", "ARG VERSION=1.2"},
		{`HEALTHCHECK &{["CMD-SHELL" "curl -f http://localhost/ || exit 1"] "30s" "3s" "0s" "0s" '\x03'}`,
			"HEALTHCHECK --interval=30s --timeout=3s --retries=3 CMD curl -f http://localhost/ || exit 1"},
		{`/bin/sh -c #(nop)  HEALTHCHECK &{["CMD" "/ok" "a b"] "0s" "0s" "5s" '\x00'}`,
			`HEALTHCHECK --start-period=5s CMD ["/ok", "a b"]`},
		{`HEALTHCHECK &{["NONE"] "0s" "0s" "0s" "0s" '\x00'}`, "HEALTHCHECK NONE"},
		{"USER 1000:1000", "USER 1000:1000"},
		{"WORKDIR /srv", "WORKDIR /srv"},
		{"bazel build //x", ""},
		{"", ""},
		{"USER \x1b[31mred", `USER \x1b[31mred`},
	} {
		got, _ := instruction(analyze.Instruction{Raw: tt.raw}.Written())
		if got != tt.want {
			t.Errorf("%q:\ngot  %q\nwant %q", tt.raw, got, tt.want)
		}
	}
}

func TestDockerfilesAreDividedIntoInstructions(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"FROM a\n# b\n\nRUN c \\\n# d\n\n  e\nCMD f\n", []string{"1-1", "2-2", "3-3", "4-7", "8-8"}},
		{"FROM a\nRUN <<EOF\nFROM b\nEOF\nCOPY <<A <<-\"B\" /x/\n1\nA\n2\n\tB\nCMD c",
			[]string{"1-1", "2-4", "5-9", "10-10"}},
		{"# escape=`\nFROM a\nRUN b `\n  c\nRUN d \\\nCMD e", []string{"1-1", "2-2", "3-4", "5-5", "6-6"}},
		{"RUN a \\", []string{"1-1"}},
		{"RUN <<EOF\nnever ends", []string{"1-1", "2-2"}}, // BuildKit refuses it
		{"RUN cat <<<X && echo $((1<<4)) \"<<X\"\nCMD b\nX", []string{"1-1", "2-2", "3-3"}},
		{`RUN a \\` + "\nCMD b", []string{"1-1", "2-2"}},
		{"# a comment\n# escape=`\nRUN a \\\n  b", []string{"1-1", "2-2", "3-4"}},
		{"ENV A=<<EOF\nCMD b", []string{"1-1", "2-2"}},
		{"", []string{"1-1"}},
	} {
		var got []string
		for _, p := range partsOf(provenance.Dockerfile{Name: "x", Text: tt.text}) {
			got = append(got, fmt.Sprintf("%d-%d", p.Line, p.EndLine))
			if lines := strings.Count(p.Text, "\n"); lines != p.EndLine-p.Line {
				t.Errorf("%q: %d ends of lines in lines %d to %d", tt.text, lines, p.Line, p.EndLine)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
}
