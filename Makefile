# The daily commands, over the presets of CMakePresets.json. Each command does its own set-up: it
# installs the missing packages of Debian (tools/deps), configures and builds.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# The suites to run; default: all: make test SUITES="unit blackbox"
SUITES ?=
# The contests to break; default: as many as make every fault once: make chaos SEEDS=1-200
SEEDS ?=

.PHONY: help build run run-distributed test test-long chaos test-sanitizers module module-install bench lint format fuzz deps clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build the release into build/release/bin
	@tools/deps build
	@tools/build release

run: ## run a contest: 10,000 entries a second, proven, with its page
	@tools/deps build
	@tools/build release estadio
	@tools/run

run-distributed: ## the same with every role as a process, over Kafka and Redis
	@tools/deps build kafka redis
	@tools/build release estadio
	@tools/run --distributed

test: ## run all tests on the release; SUITES="unit blackbox" runs only these
	@tools/deps build test guest kafka redis images
	@tools/build release
	@tools/test --preset release $(SUITES)

test-sanitizers: ## run the unit tests, and the black-box ones of hostile input, under asan with ubsan, then tsan
	@tools/deps build test kafka redis
	@tools/build asan sanitized
	@tools/build tsan sanitized
	@tools/test --preset asan --preset tsan $(SUITES)

test-long: ## run the long tests: many broken contests, images from source, a bare Debian, the sanitizers on all black-box tests
	@tools/deps build test guest kafka redis images
	@tools/build release
	@tools/build asan sanitized
	@tools/build tsan sanitized
	@tools/test --long --preset release --preset asan --preset tsan $(SUITES)

chaos: ## break contests in every way, and prove them; SEEDS=1-200 breaks more
	@tools/deps build test kafka redis
	@tools/build release estadio
	@CHAOS_SEEDS="$(SEEDS)" /usr/bin/python3 -m pytest -v tests/chaos

module: ## build vigia's kernel module for the running kernel, with its headers, into build/module
	@tools/module build

module-install: ## install it on this machine, with DKMS if that is installed (as root)
	@tools/module install

bench: ## measure beside nginx, wrk and the bare disk
	@tools/deps build bench kafka redis
	@tools/build release
	@bench/run

lint: ## check format, includes, names, likely bugs, pages and scripts
	@tools/deps build lint
	@tools/lint

format: ## format the C++ sources in place
	@tools/deps lint
	@tools/format

fuzz: ## fuzz every parser for FUZZ_SECONDS (60) each
	@tools/deps build fuzz
	@tools/fuzz

deps: ## install the Debian packages that these commands need
	@tools/deps

clean: ## remove everything that was built
	rm -rf build web/node_modules web/dist
