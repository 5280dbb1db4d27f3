# Needs Go and nothing else; lint fetches staticcheck.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
PLATFORMS   := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64
FUZZTIME    ?= 30s
ROUNDS      ?= 2000
VERSION     ?= 0.0.0
COSIGN      ?= v2/cmd/cosign@v2.6.5
COSIGN_BIN  ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/layup-test/$(COSIGN)
# What tests need and no module of this one is: the engines that ask a catalogue, and a server that speaks S3.
KEPT        := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/layup-test
GITLEAKS    := github.com/zricethezav/gitleaks/v8@v8.30.1
S3          := github.com/versity/versitygw/cmd/versitygw@v1.8.0 github.com/johannesboyne/gofakes3/cmd/gofakes3@v1.2.0
ENGINES     := @duckdb/node-api@1.5.6-r.1 chdb@3.4.0
# The program does not speak HTTP/2: without it the binary is 0.6 MB smaller.
BUILD       := go build -trimpath -tags nethttpomithttp2

.PHONY: build test slow damage mutations race test-engines test-packages test-cosign test-gitleaks test-s3 test-sql test-slurm test-kubernetes engines fuzz bench bench-go bench-quick lint vet format staticcheck cross release image module golden demo clean

build: ## the static binary ./layup
	CGO_ENABLED=0 $(BUILD) -o layup .

test: ## every test; a loaded machine takes many times as long as an idle one
	go test -timeout 20m ./...

slow: ## the tests that wait for the network, with the limits that users have
	LAYUP_TRUE_LIMITS=1 go test -count=1 -run 'RegistriesThatMisbehave' ./fixtures/registries

test-cached: ## conformance and golden questions asked twice, the answer from the cache counts
	LAYUP_TEST_CACHED=1 go test -count=1 -timeout 60m ./fixtures/archives ./fixtures/commands

damage: ## one damaged record of a store after another, ROUNDS of each sample
	LAYUP_DAMAGE_ROUNDS=$(ROUNDS) go test -count=1 -timeout 60m -run 'OneDamagedRecord' ./fixtures/stores

mutations: ## damaged archives of every packing, ROUNDS of each
	LAYUP_MUTATIONS=$(ROUNDS) go test -count=1 -timeout 180m -run 'DamageNeverChanges' ./fixtures/hostile

prompts: ROUNDS = 20
prompts: ## hostile names at the prompts of bash, zsh and fish: ROUNDS images
	LAYUP_COMPLETION_ROUNDS=$(ROUNDS) go test -count=1 -timeout 60m -run 'HostileNamesComplete' ./fixtures/commands

race: ## every test with the race detector (needs a C compiler)
	go test -race -timeout 60m ./...

test-engines: ## tests with the engines of this machine, dockerd, podman and containerd: needs root
	LAYUP_ENGINES=1 go test -count=1 -p 1 -v -run 'IntoDocker$$|WithEngines$$' ./fixtures/...

test-packages: ## packages beside dpkg in Debian's own image, made by debootstrap: needs root, and minutes
	LAYUP_PACKAGES=1 go test -count=1 -timeout 30m -v ./fixtures/packages

test-cosign: ## signatures beside cosign, which is built once, from the Go proxy: needs minutes and 2 GB
	[ -x $(COSIGN_BIN)/cosign ] || GOBIN=$(COSIGN_BIN) GOFLAGS= go install github.com/sigstore/cosign/$(COSIGN)
	LAYUP_COSIGN=$(COSIGN_BIN)/cosign go test -count=1 -v ./fixtures/signed

test-gitleaks: ## secrets beside gitleaks, which is built once: Debian, node and Go, findings and CPU; needs root and minutes
	[ -x "$(KEPT)/bin/gitleaks" ] || GOBIN="$(KEPT)/bin" GOFLAGS= go install $(GITLEAKS)
	LAYUP_GITLEAKS="$(KEPT)/bin/gitleaks" go test -count=1 -timeout 60m -v -run 'BesideGitleaks' ./fixtures/secrets

engines:
	mkdir -p "$(KEPT)/sql" && npm install --silent --no-audit --no-fund --prefix "$(KEPT)/sql" $(ENGINES)

test-sql: engines ## a catalogue asked by DuckDB and ClickHouse, which npm installs in the user's cache
	go test -count=1 -v -run 'Engines|PrintedQueries' ./fixtures/arrays

test-s3: ## a catalogue in versitygw and gofakes3, which the module proxy has: they take minutes to build
	for server in $(S3); do CGO_ENABLED=0 GOBIN="$(KEPT)/bin" go install -trimpath $$server || exit 1; done
	go test -count=1 -v -run 'Bucket' ./fixtures/arrays ./analyze/catalogue/place

test-slurm: ## the printed script under Debian's Slurm on this machine, with tasks killed at random: needs root
	command -v sbatch docker-registry >/dev/null || apt-get install -y --no-install-recommends slurm-wlm docker-registry
	LAYUP_SLURM=1 go test -count=1 -v -run 'Slurm' ./fixtures/arrays

test-kubernetes: ## the printed manifest beside the types of Kubernetes, which the module proxy has
	LAYUP_KUBERNETES=1 go test -count=1 -v -run 'Kubernetes' ./fixtures/arrays

fuzz: ## every fuzz target for FUZZTIME; adds to the totals in docs/fuzzing.md
	go run ./fixtures/fuzz -time $(FUZZTIME)

bench: bench-go ## Go benchmarks, then layup beside other tools: writes BENCHMARKS.md
	go run ./fixtures/bench -write BENCHMARKS.md

bench-go: ## every Go benchmark, with memory
	go test -run '^$$' -bench . -benchmem ./...

bench-quick: ## the comparison with small inputs, written nowhere
	go run ./fixtures/bench -quick -rounds 2

lint: format vet staticcheck ## all checks of the source

format:
	@out=$$(gofmt -l .); if [ -n "$$out" ]; then echo "gofmt: $$out" >&2; exit 1; fi

vet:
	go vet ./...

staticcheck:
	go run $(STATICCHECK) ./...

cross: ## static binaries for all platforms, in dist/
	@set -e; for p in $(PLATFORMS); do \
	  os=$${p%/*}; arch=$${p#*/}; ext=; [ $$os = windows ] && ext=.exe; \
	  echo "$$p"; CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(BUILD) -o dist/layup-$$os-$$arch$$ext .; \
	done

release: ## archives, packages, image and recipes of VERSION, in dist/VERSION; RELEASE_URL precedes their addresses
	go run ./fixtures/release -version $(VERSION) -o dist/$(VERSION)

image: ## an OCI archive of an image that holds the program alone, for amd64 and arm64, in dist/image
	rm -rf dist/image && go run ./fixtures/release -version $(VERSION) -o dist/image -only image

module: ## give the module another NAME, as example.org/you/layup, in go.mod and in all imports
	@test -n "$(NAME)" || { echo "make module NAME=example.org/you/layup" >&2; exit 2; }
	go mod edit -module $(NAME)
	find . -name '*.go' -exec sed -i -E 's#"layup/(analyze|fixtures|report|tarfs)\b#"$(NAME)/\1#; s#\blayup/report/call\.#$(NAME)/report/call.#' {} +

golden: ## write the stored answers and the README's transcripts again
	UPDATE=1 go test -count=1 -p 1 ./fixtures/...

demo: ## the main question, on an image that the repository holds
	go run . owner fixtures/myfile.tar /etc/MYFILE

clean:
	rm -rf layup dist
