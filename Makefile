# einvoiced: every verb sets up what it needs by itself.
PYTHON = .venv/bin/python

.PHONY: menu setup demo run test lint wheel-test deb deb-test lock crash paper year bench clean box box-power

menu:
	@echo "make demo        the main job, end to end, on virtual hardware"
	@echo "make run         keep such a box running, to play with"
	@echo "make test        all tests that belong to every change"
	@echo "make lint        ruff and mypy --strict"
	@echo "make wheel-test  smoke test of the installed wheel, without development extras"
	@echo "make deb         the Debian package, in build/deb (SUITE=bookworm|trixie ARCH=amd64|arm64)"
	@echo "make deb-test    install, upgrade, downgrade and purge it under a real systemd (root, two minutes)"
	@echo "make lock        take newer versions of the packages that the Debian package holds"
	@echo "make box         the package in a virtual machine with USB, pins and a plug (root); writes build/box.json"
	@echo "make box-power   fifty power cuts there under load (a quarter of an hour); writes build/box-power.json"
	@echo "make crash       power cuts and kills by the thousand; writes build/crash.json"
	@echo "make paper       the printer dies at every point of a strip; writes build/paper.json"
	@echo "make year        a year of a shop, every number accounted for; writes build/year.json (five minutes)"
	@echo "make bench       measure; writes build/bench.json"
	@echo "make bench-big   the same with ten million invoices in the journal (ten minutes, 16 GB)"
	@echo "make clean       remove what was built"

setup:
	@tools/setup.sh dev

demo: setup
	@$(PYTHON) -m tools.demo

run: setup
	@$(PYTHON) -m tools.demo --keep

test: setup
	@$(PYTHON) -m pytest

lint: setup
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m mypy

wheel-test: setup
	@tools/wheel-test.sh

deb:
	@tools/deb.sh

deb-test: setup
	@tools/deb.sh
	-@tools/need.sh mmdebstrap systemd-container
	@EINVOICED_DEB_TEST=$(or $(SUITE),bookworm) $(PYTHON) -m pytest -n 0 tests/package

lock:
	@tools/lock.sh

box: setup deb
	@nice -n 5 $(PYTHON) -m tests.box

box-power: setup deb
	@nice -n 5 $(PYTHON) -m tests.box --name box-power --cuts 50

crash: setup
	@EINVOICED_ALL_FAULTS=1 $(PYTHON) -m pytest tests/sessions/test_sessions_faults.py
	@$(PYTHON) -m tests.crash

paper: setup
	@$(PYTHON) -m tests.sessions.deaths

year: setup
	@$(PYTHON) -m tests.year

bench:
	@tools/setup.sh dev,bench
	@$(PYTHON) -m tests.bench

bench-big:
	@tools/setup.sh dev,bench
	@$(PYTHON) -m tests.bench --big --name bench-big

clean:
	rm -rf build dist demo-box .mypy_cache .ruff_cache .pytest_cache .hypothesis
