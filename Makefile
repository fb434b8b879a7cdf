# gpumix: `make demo` shows it, `make test` proves it.
.DEFAULT_GOAL := help
PY ?= python3
BIN := .venv/bin

.PHONY: help demo test test-real test-spark lint types layers fit constants data docs golden examples accuracy peers whole-runs proof mutants fuzz bench bench-fleet bench-mix same-plan bench-serving docs-run site validate-serving validate-kept closed-form never-cheaper bench-training wheel face clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.venv/.base: pyproject.toml constraints.txt src/gpumix/__init__.py  # which holds the version
	@test -x $(BIN)/python || $(PY) -m venv .venv 2>/dev/null \
	  || { rm -rf .venv; $(PY) -m pip install -q virtualenv && $(PY) -m virtualenv -q .venv; }
	@echo "Installing gpumix into .venv ..." >&2
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[parquet]'
	@touch $@

.venv/.dev: .venv/.base
	@echo "Installing what the tests need ..." >&2
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[parquet,fleet,guard,web,mcp,dev]'
	@touch $@

.venv/.mutants: .venv/.dev
	@echo "Installing what changes code ..." >&2
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[parquet,fleet,guard,web,mcp,dev,mutants]'
	@touch $@

.venv/.docs: .venv/.base
	@echo "Installing what builds the site ..." >&2
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[parquet,web,docs]'
	@touch $@

.venv/.notebook: .venv/.dev
	@echo "Installing what runs notebooks ..." >&2
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[parquet,fleet,guard,web,mcp,dev,notebook]'
	@touch $@

demo: .venv/.base  ## plan examples/inference-first.yaml and say where the report is
	@$(BIN)/gpumix plan examples/inference-first.yaml

test: .venv/.dev lint types layers  ## everything: lint, types, layers, unit, cases, contracts
	@$(BIN)/python -m pytest -n 2 --dist loadfile  # what a file's tests share is made once

REAL := prometheus victoria-metrics prometheus-alertmanager slurm-client slurmctld slurmd slurmdbd munge mariadb-server
test-real: .venv/.dev  ## tests on real servers and tools (Prometheus, VictoriaMetrics, Alertmanager, Slurm), installed first where apt-get may
	@dpkg -s $(REAL) > /dev/null 2>&1 || apt-get install -q -y --no-install-recommends $(REAL) > /dev/null 2>&1 \
	  || echo "Not installed: what is missing is skipped" >&2
	@$(BIN)/python -m pytest -m real -rs tests/telemetry tests/guard

test-spark: .venv/.dev  ## attribution on a Spark of two threads (installs PySpark, 430 MB; needs Java 17)
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[spark]'
	@$(BIN)/python -m pytest -m real -rs tests/telemetry/real/test_real_spark.py

lint: .venv/.dev  ## ruff, and the house's own style rules
	@$(BIN)/ruff check --no-cache .
	@$(BIN)/ruff format --check .
	@$(BIN)/python tools/check_style.py

types: .venv/.dev  ## mypy --strict on src/
	@$(BIN)/mypy

layers: .venv/.dev  ## who may import whom
	@$(BIN)/lint-imports

fit: .venv/.dev  ## measurements -> src/gpumix/data/coefficients.json (needs ../shared)
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python tools/fit.py

constants: .venv/.dev  ## what moved each constant, no refit -> src/gpumix/data/constants.csv (needs ../shared)
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python tools/fit_record.py

data: .venv/.dev  ## rebuild src/gpumix/data/ from ../shared/data
	@$(BIN)/python tools/build_data.py

docs: .venv/.dev  ## rebuild the generated pages: fields, formulas, verbs, REST, the house, decisions
	@$(BIN)/python tools/build_docs.py

site: .venv/.docs  ## the documentation as a site in build/site, strictly; it opens from the folder
	@$(BIN)/python tools/build_site.py

docs-run: .venv/.notebook  ## every command of the tutorial and the pages for you, and the notebooks, run (half an hour)
	@$(BIN)/python -m pytest -m slow tests/docs tests/test_circle.py

golden: .venv/.dev  ## rewrite tests/golden: reports, predictions, plans; read the diff before you commit it
	@GPUMIX_WRITE_GOLDEN=1 $(BIN)/python -m pytest -k golden -m ""

examples: .venv/.dev  ## plan the examples and hold them against tests/golden/examples.json (a minute)
	@$(BIN)/python -m pytest -k golden_examples -m slow

accuracy: .venv/.dev  ## predictions against measurements -> docs/accuracy.md, and whole-runs (needs ../shared; minutes)
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/accuracy.py
	@$(BIN)/python benchmarks/whole_runs.py

peers: .venv/.dev  ## the part of accuracy beside others -> docs/peers.md, docs/accuracy.md (needs ../shared; minutes)
	@OPENBLAS_NUM_THREADS=1 $(BIN)/python benchmarks/beside_peers.py

whole-runs: .venv/.dev  ## published training runs end to end -> docs/training.md (seconds)
	@$(BIN)/python benchmarks/whole_runs.py

proof: .venv/.dev  ## public deployments beside what gpumix says they take -> docs/proof.md (seconds)
	@$(BIN)/python tools/prove.py

mutants: .venv/.mutants  ## change the code a little, see whether a test notices -> docs/mutants.md (up to an hour)
	@$(BIN)/python tools/mutants.py --write

bench: .venv/.dev  ## speed of the verbs -> docs/speed.md
	@$(BIN)/python benchmarks/speed.py

same-plan: .venv/.dev  ## plan five inventories quiet, busy and on one core -> docs/same-plan.md (a quarter of an hour)
	@$(BIN)/python tools/same_plan.py

never-cheaper: .venv/.dev  ## ten inventories, whole and with fewer GPUs to choose from -> docs/never-cheaper.md (an hour)
	@$(BIN)/python tools/never_cheaper.py

bench-fleet: .venv/.dev  ## 100 million samples attributed, a week of 64 GPUs observed -> docs/fleet-speed.md (minutes)
	@$(BIN)/python tools/bench_fleet.py

bench-mix: .venv/.dev  ## the mix search: exactness, gaps, seconds -> docs/bench-mix.md (needs ../shared; minutes)
	@$(BIN)/python tools/bench_mix.py

bench-serving: .venv/.dev  ## speed of the serving simulator -> docs/serving-speed.md (minutes)
	@$(BIN)/python benchmarks/serving.py

validate-serving: .venv/.dev  ## the serving simulator on measured runs -> docs/serving-validation.md (needs ../shared; minutes)
	@$(BIN)/python benchmarks/serving_validation.py

validate-kept: .venv/.dev  ## every promise that plans call kept, run again on other traffic -> docs/kept.md (an hour)
	@$(BIN)/python tools/validate_kept.py

closed-form: .venv/.dev  ## the closed form of latencies beside the simulator -> docs/closed-form.md (minutes)
	@$(BIN)/python benchmarks/closed_form.py

bench-training: .venv/.dev  ## speed of training estimates and layout search -> docs/training-speed.md
	@$(BIN)/python benchmarks/training_speed.py

fuzz: .venv/.dev  ## spoiled files before every reader, for ten minutes (MINUTES=, SEED=)
	@$(BIN)/python tools/fuzz.py --minutes $(or $(MINUTES),10) --seed $(or $(SEED),0)

wheel: .venv/.base  ## build the wheel, install it in a clean environment, run it there
	@$(BIN)/python tools/try_wheel.py

face: .venv/.base  ## install the wheel with its pages from a wheelhouse, serve, ask for the first page
	@$(BIN)/python tools/try_face.py

clean:  ## remove everything make made
	@rm -rf .venv .cache build dist gpumix-out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
