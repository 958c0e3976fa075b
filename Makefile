# `make` alone lists what there is. Everything is kept under var/ and .venv/.
PORT ?= 8000
DESK_PORT ?=
SIGNATURES ?= 2000

.PHONY: help demo test acceptance bench faults clean

help:
	@echo "make demo        the whole site with demo content on one machine (PORT=8000 DESK_PORT=8001 SIGNATURES=2000)"
	@echo "make test        every check and test (ARGS=… goes to pytest)"
	@echo "make acceptance  other browsers, several hosts, rehearsals: at most 30 minutes (ARGS=… goes to pytest)"
	@echo "make bench       the benchmarks, as ratios measured in one run (ARGS=…)"
	@echo "make faults      the slow tests that kill and flush real processes (ARGS=… goes to pytest)"
	@echo "make clean       removes var/ (the demo's data and keys) and .venv/"

# make passes SIGTERM on to its child, but not SIGINT, and dies of SIGKILL alone: so the demo is told
# whom to follow. exec, because a shell in between would hide make from it.
demo:
	@exec sh config/bootstrap.sh manage.py demo --port "$(PORT)" --desk-port "$(DESK_PORT)" --signatures "$(SIGNATURES)" --follow $$PPID

test:
	@exec sh config/bootstrap.sh -m tests.check $(ARGS)

acceptance:
	@exec sh config/bootstrap.sh -m pytest tests -m acceptance $(ARGS)

bench:
	@exec sh config/bootstrap.sh -m tests.benchmarks $(ARGS)

faults:
	@exec sh config/bootstrap.sh -m pytest tests/faults -m slow $(ARGS)

clean:
	rm -rf var .venv
