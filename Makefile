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

asan tsan: bootstrap
	@scripts/build $@ tests_unit
	@ctest --test-dir build/$@ --output-on-failure -L 'unit|cluster' -j2

fuzz: bootstrap
	@scripts/build fuzz fuzzers
	@scripts/fuzz 60

clean:
	rm -rf build
