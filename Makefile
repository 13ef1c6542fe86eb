# Every chore of the project. `make` alone prints this list.
#   name: ## what it does
# is what `help` reads, so a chore without a line here does not exist.

SEEDS ?=
FIRST ?=
FUZZ_RUNS ?=
export SEEDS FIRST FUZZ_RUNS

.DEFAULT_GOAL := help
.PHONY: help demo test test-all bench fuzz simulate formal format lint docs doctor clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: ## install what is missing, build, and run the main job
	Scripts/install-dependencies
	Scripts/when-present Scripts/demo

test: ## install what is missing and pass the tests, stage by stage (minutes)
	Scripts/install-dependencies
	Scripts/test

test-all: ## everything: more seeds and executions, the sanitizers, every benchmark once (long)
	Scripts/install-dependencies
	Scripts/test --all

bench: ## measure, print a table, write bench.jsonl
	Scripts/when-present Benchmarks/run

fuzz: ## feed the decoders; FUZZ_RUNS=executions in total
	Scripts/test --only fuzz

simulate: ## whole nodes from one seed; SEEDS=how many, FIRST=the first (a failing seed replays exactly)
	Scripts/test --only simulate

formal: ## check the models of links and of sessions, and that each defence is needed
	Scripts/install-dependencies
	Scripts/test --only formal

format: ## rewrite the sources as .swift-format says
	Scripts/format

lint: ## report what the formatter would change
	Scripts/lint

docs: ## build the documentation of the API into .docs; fails on an undocumented public symbol
	Scripts/docs

doctor: ## what this machine offers, and which promises hold on it
	swift run -c release masix doctor

clean: ## remove what was built
	rm -rf .build .build-thread .build-address .docs bench.jsonl
