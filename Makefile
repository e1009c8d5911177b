# cpm_pf: what a user and a developer type. `make help` lists it.

PYTHON ?= /usr/bin/python3
JOBS ?= $(shell nproc)
E2E_WORKERS ?= 4
# Paths of end-to-end tests below test/e2e, and options for pytest: make check-e2e TESTS=defer PYTEST="-x -k order"
TESTS ?=
PYTEST ?=
FUZZ_SECONDS ?= 20
HOSTS ?= trixie
DESTDIR ?=

KSRC := $(CURDIR)/build/kamailio
MODULE := $(CURDIR)/build/module/cpm_pf.so
RESULTS := $(CURDIR)/run/results
DEPS := sh test/tools/deps.sh
MODULE_DIR = $(shell dpkg -L kamailio | sed -n 's|/tm\.so$$||p')
C_FILES = $(shell find modules test -name '*.[ch]')

.PHONY: help deps build install demo up down check check-unit check-fuzz check-e2e check-asan check-valgrind check-hosts bench fuzz lint format docs-check conformance clean
.NOTPARALLEL:

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' Makefile

deps: ## install the Debian packages that building, running and testing need
	@$(DEPS) build run demo test

build: ## build build/module/cpm_pf.so against the installed Kamailio
	@$(DEPS) build run
	@sh test/tools/kamailio-source.sh $(KSRC)
	@$(MAKE) --no-print-directory -s -j$(JOBS) -C modules/cpm_pf KSRC=$(KSRC) BUILD=$(CURDIR)/build/module
	@strings -a $(MODULE) | grep -Fxq "$$(kamailio -V | sed -n 's/^flags: //p')" || \
		{ echo "$(MODULE) has other compile flags than the installed Kamailio: remove build/ and build anew" >&2; exit 1; }

install: build ## install the module into Debian's module folder (DESTDIR is honoured)
	install -D -m 644 $(MODULE) $(DESTDIR)$(MODULE_DIR)/cpm_pf.so

demo: build ## show the main job on a private stack, step by step
	@$(DEPS) demo
	@$(PYTHON) test/demo/demo.py

up: build ## start a stack in the background; run/env has its addresses (CPM_RUN=dir: another one)
	@$(DEPS) demo
	@$(PYTHON) test/stack/stack.py up

down: ## stop what `make up` started
	@$(PYTHON) test/stack/stack.py down

check: ## build, run all tests, close with "N passed, N failed, N skipped"
	@$(DEPS) build run demo test
	@rm -rf $(RESULTS) && mkdir -p $(RESULTS)
	@$(MAKE) --no-print-directory build
	@$(MAKE) --no-print-directory -k check-unit check-fuzz check-e2e || true
	@$(PYTHON) test/tools/summary.py $(RESULTS) unit.tsv fuzz.tsv e2e.xml

check-unit: ## the unit tests only
	@$(DEPS) build run test
	@mkdir -p $(RESULTS)
	@$(MAKE) --no-print-directory -j$(JOBS) -C test/unit check BUILD=$(CURDIR)/build/unit RESULTS=$(RESULTS)/unit.tsv

check-fuzz: ## replay the fuzzers' seeds and kept crashes
	@$(DEPS) build
	@mkdir -p $(RESULTS)
	@$(MAKE) --no-print-directory -j$(JOBS) -C test/fuzz replay BUILD=$(CURDIR)/build/fuzz RESULTS=$(RESULTS)/fuzz.tsv

check-e2e: build ## the end-to-end tests only (TESTS=folder, PYTEST="-x -k word")
	@$(DEPS) demo test
	@mkdir -p $(RESULTS)
	@cd test/e2e && $(PYTHON) -B -m pytest -q -n $(E2E_WORKERS) --junitxml=$(RESULTS)/e2e.xml $(PYTEST) $(TESTS)

check-asan: ## the unit tests with the address and undefined behaviour sanitizers
	@$(DEPS) build run test
	@$(MAKE) --no-print-directory -j$(JOBS) -C test/unit check SANITIZE=1 BUILD=$(CURDIR)/build/unit

check-valgrind: build ## the unit tests and a choice of the end-to-end tests (TESTS=folder: these) under valgrind
	@$(DEPS) demo test
	@$(MAKE) --no-print-directory -j$(JOBS) -C test/unit check VALGRIND=1 BUILD=$(CURDIR)/build/unit RESULTS=$(CURDIR)/build/unit/valgrind.tsv
	@$(PYTHON) -B test/tools/valgrind.py $(TESTS)

check-hosts: ## compile against the Kamailio of later Debian releases (HOSTS="trixie"; needs the network the first time)
	@$(DEPS) build run
	@for suite in $(HOSTS); do \
		sh test/tools/kamailio-source.sh $(CURDIR)/build/hosts/$$suite $$suite && \
		$(MAKE) --no-print-directory -s -j$(JOBS) -C modules/cpm_pf KSRC=$(CURDIR)/build/hosts/$$suite BUILD=$(CURDIR)/build/hosts/$$suite-module WERROR=-Werror && \
		echo "compiles against $$(grep -o '^Package.*\|^VERSION = .*\|^PATCHLEVEL = .*\|^SUBLEVEL = .*' build/hosts/$$suite/src/Makefile.defs | awk '{print $$NF}' | paste -sd.) ($$suite)" || exit 1; \
	done

bench: build ## measure against msilo, bare Kamailio and bare Redis, write run/bench.json (BENCH_ONLY=section)
	@$(DEPS) bench
	@$(MAKE) --no-print-directory -s -C test/bench run BUILD=$(CURDIR)/build/bench MODULE=$(MODULE) PYTHON=$(PYTHON)

fuzz: ## fuzz every reader of foreign bytes for FUZZ_SECONDS each
	@$(DEPS) build fuzz
	@$(MAKE) --no-print-directory -j$(JOBS) -C test/fuzz fuzz BUILD=$(CURDIR)/build/fuzz SECONDS_EACH=$(FUZZ_SECONDS)

lint: ## check the layout of the C code and analyse the core
	@$(DEPS) lint
	@clang-format-14 --dry-run --Werror $(C_FILES)
	@cppcheck -q --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 modules/cpm_pf/core modules/cpm_pf/redis

format: ## lay out the C code
	@$(DEPS) lint
	@clang-format-14 -i $(C_FILES)

docs-check: ## compare the documents with the source
	@$(PYTHON) -B test/tools/docs_check.py

conformance: ## one line a clause from the last `make check`, and doc/conformance.md
	@$(PYTHON) -B test/tools/conformance.py doc/clauses.tsv $(RESULTS) doc/conformance.md

clean: down ## remove what was built and run
	rm -rf build run
