# fnrpc. `make` alone lists what can be asked for.
.DEFAULT_GOAL := help
SHELL := /bin/sh

IMPORTS := --explicit-target-dependency-import-check error
# Those that are compiled.
EXAMPLES := echo-ttrpc hello-c hello-swift
RELEASE := -c release -Xswiftc -cross-module-optimization $(IMPORTS)
# The daemon finds these beside its executable.
define runtime
scripts/build-sandbox $(1)/fnrpc-runtime
mkdir -p $(1)/fnrpc-runtime/python
cp Sources/Sandbox/python/*.py $(1)/fnrpc-runtime/python/
endef

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## deploy two functions and call them, from nothing, and leave nothing
	@$(MAKE) -s examples bench-tools
	@scripts/with-daemon .build/release scripts/demo

.PHONY: test
test: setup-test ## every test, from nothing, real containers included
	swift build --build-tests $(IMPORTS)
	$(call runtime,.build/debug)
	$(MAKE) -s examples bench-tools
	scripts/test

.PHONY: build
build: setup ## the daemon and the command, for use: .build/release
	swift build $(RELEASE) --product fnrpcd
	swift build $(RELEASE) --product fnrpc
	$(call runtime,.build/release)

.PHONY: bench
bench: build setup-test ## the daemon beside C floors and a Go server; results in benchmarks/results
	@$(MAKE) -s examples bench-tools
	@Tests/Interop/build go-echo benchmarks/go-echo
	@scripts/with-daemon .build/release benchmarks/run

.PHONY: soak
soak: build ## 64 callers for 60 s; any error fails
	@$(MAKE) -s examples bench-tools
	@scripts/with-daemon .build/release benchmarks/run --soak

.PHONY: interop
interop: build setup-test ## Go and Rust clients call the daemon and functions; Rust wants cargo and a hundred crates
	@$(MAKE) -s examples
	@Tests/Interop/unary/run --build
	@Tests/Interop/build streaming Tests/Interop/streaming
	@Tests/Interop/build greeter Tests/Interop/greeter
	@Tests/Interop/rust/run --build
	@scripts/with-daemon .build/release Tests/Interop/deployed --rust

.PHONY: fuzz
fuzz: setup ## libFuzzer on what reads bytes of strangers, FUZZ_SECONDS (60) for each surface
	scripts/fuzz

.PHONY: asan
asan: setup ## the address sanitizer on Wire, Loop and Pool
	scripts/sanitize address

.PHONY: tsan
tsan: setup ## the thread sanitizer on Loop and Pool
	scripts/sanitize thread

.PHONY: counts
counts: build setup-test ## system calls, allocations, instructions of one call; fails when over benchmarks/limits.json
	@$(MAKE) -s bench-tools
	@scripts/with-daemon --count-allocations .build/release benchmarks/counts

.PHONY: hostile
hostile: build ## attacks: the daemon's memory, and what other clients notice; about 8 minutes
	@$(MAKE) -s bench-tools
	@scripts/with-daemon .build/release benchmarks/hostile --output benchmarks/results/hostile.json

.PHONY: format
format: ## rewrite the Swift sources as lint wants them
	swift format --in-place --parallel --recursive --configuration .swift-format Package.swift Sources Tests

.PHONY: lint
lint: ## formatting, style, pins, scripts
	scripts/lint

.PHONY: proto
proto: ## generate the C and Swift code of proto/ again
	scripts/proto

.PHONY: clean
clean: ## remove everything that was built
	rm -rf .build .build-*
	for example in $(EXAMPLES); do $(MAKE) -s -C examples/$$example clean; done
	$(MAKE) -s -C benchmarks clean

# Steps of the above.
.PHONY: setup setup-test examples bench-tools
setup:
	@scripts/setup
setup-test:
	@scripts/setup --test
examples:
	for example in $(EXAMPLES); do $(MAKE) -s -C examples/$$example || exit; done
bench-tools:
	$(MAKE) -s -C benchmarks
