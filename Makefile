# make live        look through the camera (or at a built-in scene) and play
# make test        everything that needs no sound server and no GPU
# make test-soak   two minutes of a live graph with stalls, bursts, wrong stamps and dying nodes
# make test-audio  the tests that play and listen, on a sound server without hardware; such a server
#                  loses samples and time when the machine is busy, so a test may fail five times
# make lint        what pre-commit and CI check before the tests
#
# make live SECONDS=10 ARGS="--camera scene:ball --palette glass"

.PHONY: live test test-soak test-audio lint clean
.DEFAULT_GOAL := live

BIN := .venv/bin
export OMP_NUM_THREADS ?= 1

live:
	@.ci/setup live
	$(BIN)/synchresis live $(if $(SECONDS),--seconds $(SECONDS)) $(ARGS)

lint:
	@.ci/setup test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	.ci/check-types

test: lint
	$(BIN)/pytest -q $(ARGS)

test-soak:
	@.ci/setup test
	$(BIN)/pytest -q -m soak $(ARGS)

test-audio:
	@.ci/setup test
	.ci/audio-server $(BIN)/pytest -q -m audio --reruns 5 $(ARGS)

clean:
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
