# The front door. Each target installs what it needs (tools/bootstrap says what), builds, and does its job.
#
#   make            build/gpuwise
#   make demo       the main job on the sample fleet, and its dashboard served until Ctrl-C (SERVE=0: not)
#   make test       everything that CI proves: units, sanitizers, real servers, short fuzz, lint
#   make check      the everyday part of that, under 3 minutes
#   make bench      speed, beside the alternatives (docs/BENCHMARKS.md)
#   make fuzz       every fuzz target for FUZZ_SECONDS (600) each
#   make torture    every allocation failed in turn, in full
#   make kill       a writer of each store, and the daemon on each, killed KILLS (200) times
#   make valgrind   unit tests under valgrind
#   make lint       house rules
#   make install    to DESTDIR and PREFIX (/usr/local)

PREFIX       ?= /usr/local
FUZZ_SECONDS ?= 600
KILLS        ?= 200
SERVE        ?= 1
BUILD        := build

.PHONY: all demo test check bench fuzz torture kill valgrind lint install clean dev

all: $(BUILD)/build.ninja
	@ninja --quiet -C $(BUILD) gpuwise

$(BUILD)/build.ninja:
	@tools/bootstrap
	@echo "gpuwise: building, which takes a minute or two the first time" >&2
	@meson setup $(BUILD) --prefix $(PREFIX) -Dtests=$$(pkg-config --exists cmocka && echo true || echo false) >/dev/null

demo: all
	@$(BUILD)/gpuwise demo
	@test $(SERVE) = 0 || { echo; exec $(BUILD)/gpuwise serve --demo; }

dev:
	@tools/bootstrap --dev
	@test ! -f $(BUILD)/build.ninja || meson configure $(BUILD) -Dtests=true

test: dev
	@tools/run-tests

check: dev
	@tools/run-tests --quick

bench: dev
	@tools/run-bench

fuzz: dev
	@tools/run-fuzz $(FUZZ_SECONDS)

torture: dev
	@tools/run-tests --only torture --full

kill: dev all
	@ninja --quiet -C $(BUILD) tests/unit/store_test_trouble_c && GW_STORE_KILLS=$(KILLS) $(BUILD)/tests/unit/store_test_trouble_c
	@cd tests/integration && GW_BUILD=$(CURDIR)/$(BUILD) GW_KILLS=$(KILLS) python3 -m unittest -v test_serve_kill

valgrind: dev
	@tools/run-tests --only valgrind

lint: dev
	@tools/lint && echo "lint: clean"

install: all
	@meson install -C $(BUILD) --no-rebuild

clean:
	rm -rf build build-*
