# The few commands a person types. Each installs what is missing, builds what is out of date, and runs.
.PHONY: all build demo test check format asan tsan fuzz bench clean
jobs ?= 2
preset ?= release

all: build

bootstrap:
	@scripts/bootstrap
.PHONY: bootstrap

build: bootstrap
	@scripts/build $(preset)

demo: build
	@scripts/demo

test: build
	@ctest --test-dir build/$(preset) --output-on-failure -j$(jobs)

check: bootstrap
	@scripts/check

format: bootstrap
	@git ls-files '*.cc' '*.h' | xargs clang-format-19 -i

asan: bootstrap
	@scripts/build asan tests_unit
	@ctest --test-dir build/asan --output-on-failure -L 'unit|cluster' -j$(jobs)

tsan: bootstrap
	@scripts/build tsan tests_unit tests_threads
	@ctest --test-dir build/tsan --output-on-failure -L 'unit|cluster|threads' -j$(jobs)

fuzz: bootstrap
	@scripts/build fuzz fuzzers
	@scripts/fuzz 60

bench: bootstrap
	@scripts/build release rpc_bench meta_bench
	@scripts/bench

clean:
	rm -rf build
