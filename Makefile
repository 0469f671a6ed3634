# A thin front for Meson: `make`, `make demo`, `make test`. Everything else is in meson.build.
B ?= build
PREFIX ?= /usr/local
.DELETE_ON_ERROR:

all: $(B)/build.ninja
	ninja -C $(B)

$(B)/build.ninja: | deps
	meson setup $(B) --prefix $(PREFIX) >$(B).log 2>&1 || { cat $(B).log; exit 1; }
	@rm -f $(B).log

deps:
	@scripts/deps

demo: all
	scripts/demo $(B)/cooper

test: all
	scripts/test $(B)

bench: all
	bench/run $(B)/cooper

# each fuzz target for FUZZ_SECONDS
fuzz: | deps
	scripts/fuzz $${FUZZ_SECONDS:-60}

# format, static analysis, floors
check: all
	scripts/check $(B)

torture: all
	scripts/torture $(B)/cooper

# every row of the tables beside BuildKit, where it is at hand
peers: all
	meson test -C $(B) --suite peers --print-errorlogs

# random Dockerfiles: beside BuildKit, where it is at hand; then as three users of the machine
fuzz-diff: all
	COOPER=$(B)/cooper tests/fuzz-diff/fuzz-diff --seed $${SEED:-1} --count $${COUNT:-500} || [ $$? = 77 ]
	COOPER=$(B)/cooper tests/fuzz-diff/fuzz-diff --identities --seed $${SEED:-1} --count $${IDENTITIES:-50} || [ $$? = 77 ]

install: all
	meson install -C $(B)

clean:
	rm -rf $(B) $(B)-asan $(B)-fuzz

.PHONY: all deps demo test bench fuzz check torture peers fuzz-diff install clean
