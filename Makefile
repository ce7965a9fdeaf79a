# Go and make are all that this file needs: no container engine, no C compiler, no kubectl, no etcd. What it builds goes to
# bin/. Versions are pinned in go.mod files: tools in hack/tools, Kubernetes in hack/devcluster.

KUBECTL ?= bin/kubectl
MODULES := . hack/devcluster hack/tools

KUBERNETES_VERSION := $(shell sed -n 's|^.*k8s.io/kubernetes \(v[0-9.]*\).*|\1|p' hack/devcluster/go.mod)
KUBERNETES_LDFLAGS := -s -w \
	-X k8s.io/component-base/version.gitVersion=$(KUBERNETES_VERSION) \
	-X k8s.io/component-base/version.gitMajor=$(word 1,$(subst ., ,$(KUBERNETES_VERSION:v%=%))) \
	-X k8s.io/component-base/version.gitMinor=$(word 2,$(subst ., ,$(KUBERNETES_VERSION)))

# Everything is built without cgo, so that each package is compiled once, here and in go run.
export CGO_ENABLED := 0

# RACE=1 forces the race detector, RACE=0 switches it off. It needs cgo, and thus a C compiler.
ifndef RACE
RACE := $(shell set -- $$(go env CC); if command -v "$$1" >/dev/null; then echo 1; else echo 0; fi)
endif
# The packages that share a machine's processors with API servers may take longer than Go's ten minutes.
GO_TEST := $(if $(filter 1,$(RACE)),CGO_ENABLED=1 go test -race,go test) -timeout 40m

# The browser that make test-browser drives; empty where none is found.
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

BENCH ?= .
BENCHTIME ?= 1s
FUZZTIME ?= 30s

MAKEFLAGS += --no-print-directory

##@ Try it

.PHONY: help
help: ## Show this list.
	@awk 'BEGIN {FS = ":.*## "} /^##@ / {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

DEMO_BINARIES := bin/devcluster bin/kubectl bin/simulator bin/manager

.PHONY: demo
demo: $(DEMO_BINARIES) ## Pay, refund and debit once against the simulator, on a Kubernetes API server of its own.
	go run ./hack/demo demo

.PHONY: up
up: $(DEMO_BINARIES) ## Start that API server, the simulator and the manager, and leave them running.
	go run ./hack/demo up

.PHONY: down
down: $(DEMO_BINARIES) ## Stop what "make up" has started.
	go run ./hack/demo down

##@ Develop

.PHONY: build
build: bin/manager bin/simulator ## Build the manager and the simulator.

.PHONY: fmt
fmt: ## Format the Go files.
	gofmt -w $(GO_FOLDERS)

.PHONY: generate
generate: bin/controller-gen ## Generate the DeepCopy methods of the API types.
	bin/controller-gen object paths=./api/v1

.PHONY: manifests
manifests: bin/controller-gen ## Generate the CRDs and the manager's roles.
	bin/controller-gen crd paths=./api/v1 output:crd:dir=config/crd
	bin/controller-gen rbac:roleName=alipay-operator-manager paths=./controllers paths=./cmd/manager output:rbac:dir=config/rbac

.PHONY: test
test: bin/devcluster bin/kubectl bin/gotestsum ## Run all tests that need no browser, with the race detector where a C compiler exists.
	@echo "Testing with$(if $(filter 1,$(RACE)),,out) the race detector, which needs a C compiler: several minutes the first time"
	@$(TEST_ENVIRONMENT) bin/gotestsum --format standard-quiet --raw-command -- sh -c '$(TEST_COMMANDS)'

.PHONY: test-browser
test-browser: $(if $(CHROMIUM),bin/devcluster) ## Pay and consent on the simulator's pages with Chromium, where there is one.
ifeq ($(CHROMIUM),)
	@echo "The browser tests did not run: install Chromium (Debian and Ubuntu: apt-get install chromium), or set CHROMIUM to its path."
else
	@echo "Testing the buyer's pages with $(CHROMIUM)"
	@$(TEST_ENVIRONMENT) CHROMIUM="$(CHROMIUM)" go test -tags browser -count=1 -timeout 10m ./test/browser
endif

.PHONY: test-load
test-load: bin/devcluster ## Make 5,000 debits of an account that takes 50 a second: too many for the race detector.
	@$(TEST_ENVIRONMENT) go test -count=1 -timeout 20m -v -run ManyDebits ./test/notification

.PHONY: bench
bench: bin/devcluster bin/kubectl ## Run the benchmarks; BENCH=regexp chooses, BENCHTIME=1s lengthens.
	$(TEST_ENVIRONMENT) go test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -benchmem ./...

.PHONY: fuzz
fuzz: ## Fuzz each target for FUZZTIME=30s.
	@found=0; for package in $$(go list -f '{{.ImportPath}}' ./...); do \
		for target in $$(go test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			found=1; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
		done; \
	done; \
	[ $$found = 1 ] || { echo "no fuzz targets found"; exit 1; }

.PHONY: lint
lint: bin/golangci-lint ## Run the linters.
	bin/golangci-lint run ./...

.PHONY: verify
verify: verify-format verify-modules verify-arrows verify-generated verify-config vet lint ## Check format, modules, arrows, generated files, config and lint.
	@echo "All checks passed."

##@ Use a cluster

.PHONY: install
install: bin/kubectl ## Apply CRDs and admission policy to the cluster of KUBECONFIG.
	$(KUBECTL) apply --server-side -k config/crd
	$(KUBECTL) apply --server-side -k config/admission

.PHONY: run
run: bin/manager ## Run the manager here, for the cluster of KUBECONFIG.
	bin/manager --leader-election-namespace=default --metrics-bind-address=127.0.0.1:8080 --metrics-insecure --health-probe-bind-address=127.0.0.1:8081 \
		--notification-bind-address=127.0.0.1:9292

# What verify checks, step by step. None of these changes the tree.

GO_FOLDERS := $(wildcard alipay api cmd controllers hack internal test)

.PHONY: verify-format
verify-format:
	@echo "Checking the format of Go files"
	@files=$$(gofmt -l $(GO_FOLDERS)) && if [ -n "$$files" ]; then echo "not formatted, run make fmt:"; echo "$$files"; exit 1; fi

.PHONY: verify-modules
verify-modules:
	@for module in $(MODULES); do \
		echo "Checking that $$module/go.mod is tidy"; \
		(cd $$module && go mod tidy -diff) || { echo "run go mod tidy in $$module"; exit 1; }; \
	done

# The linter checks direct imports; this checks what they pull in.
.PHONY: verify-arrows
verify-arrows:
	@echo "Checking what alipay and api/v1 depend on"
	@imports=$$(go list -deps -f '{{if not .Standard}}{{.ImportPath}}{{end}}' ./alipay) && \
		if [ "$$imports" != github.com/alipay-operator/alipay-operator/alipay ]; then \
			echo "alipay must depend on the standard library only, and depends on:"; echo "$$imports"; exit 1; fi
	@imports=$$(go list -deps ./api/v1) && \
		if echo "$$imports" | grep -E '^(sigs.k8s.io/controller-runtime|k8s.io/client-go|k8s.io/api)(/|$$)'; then \
			echo "api/v1 must not depend on the packages above"; exit 1; fi

.PHONY: verify-generated
verify-generated: bin/controller-gen
	@echo "Checking that generated files are up to date"
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && \
		bin/controller-gen object paths=./api/v1 output:object:dir="$$fresh/api" && \
		bin/controller-gen crd paths=./api/v1 output:crd:dir="$$fresh/crd" && \
		bin/controller-gen rbac:roleName=alipay-operator-manager paths=./controllers paths=./cmd/manager output:rbac:dir="$$fresh/rbac" && \
		diff -u api/v1/zz_generated.deepcopy.go "$$fresh/api/zz_generated.deepcopy.go" && \
		diff -ru --exclude=kustomization.yaml config/crd "$$fresh/crd" && \
		diff -u config/rbac/role.yaml "$$fresh/rbac/role.yaml" || \
		{ echo "run make generate manifests, and commit what changes"; exit 1; }

.PHONY: verify-config
verify-config: bin/kubectl
	@for file in $$(find config -name kustomization.yaml | sort); do \
		echo "Building $$(dirname $$file)"; \
		bin/kubectl kustomize $$(dirname $$file) >/dev/null || exit 1; \
	done

.PHONY: vet
vet:
	go vet ./...
	go vet -tags browser ./test/browser
	cd hack/devcluster && go vet .

# All tests as one stream of events, so that one summary counts them all. The server of hack/devcluster is tested as it is
# built, without cgo and race detector: Kubernetes is not compiled twice.
TEST_ENVIRONMENT = ALIPAY_OPERATOR_DEVCLUSTER="$(CURDIR)/bin/devcluster" ALIPAY_OPERATOR_KUBECTL="$(CURDIR)/bin/kubectl"
TEST_COMMANDS = status=0; \
	$(GO_TEST) -json ./... || status=1; \
	cd hack/devcluster && go test -json . || status=1; \
	exit $$status

# Programs. Go's own cache decides what is compiled again; the ones of Kubernetes take long even to link, so make looks first.

.PHONY: FORCE
FORCE:

bin/manager bin/simulator: FORCE
	@[ -e $@ ] || echo "Building $(notdir $@): up to two minutes the first time on two cores, seconds afterwards"
	@go build -ldflags '-s -w' -o $@ ./cmd/$(notdir $@)

bin/devcluster: $(wildcard hack/devcluster/*.go) hack/devcluster/go.mod hack/devcluster/go.sum
	@echo "Building the Kubernetes API server from source: about 5 minutes the first time on two cores, seconds afterwards"
	@cd hack/devcluster && go build -ldflags '$(KUBERNETES_LDFLAGS)' -o ../../$@ .
	@touch $@

bin/kubectl: hack/devcluster/go.mod hack/devcluster/go.sum
	@echo "Building kubectl from source: about 2 minutes the first time on two cores, seconds afterwards"
	@cd hack/devcluster && go build -ldflags '$(KUBERNETES_LDFLAGS)' -o ../../$@ k8s.io/kubernetes/cmd/kubectl
	@touch $@

bin/controller-gen: TOOL = sigs.k8s.io/controller-tools/cmd/controller-gen
bin/gotestsum: TOOL = gotest.tools/gotestsum
bin/golangci-lint: TOOL = github.com/golangci/golangci-lint/v2/cmd/golangci-lint
bin/controller-gen bin/gotestsum bin/golangci-lint: hack/tools/go.mod hack/tools/go.sum
	@echo "Building $(notdir $@) from source: the first time takes $(if $(filter golangci-lint,$(notdir $@)),about 5 minutes on two cores,less than a minute)"
	@cd hack/tools && go build -o ../../$@ $(TOOL)
	@touch $@
