# What anybody types: make demo, make test. Each installs what it lacks.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

# Debian packages: what the program needs (scanners: SANE, network scanners, and what builds python-sane), and what only
# the tests need (four more PDF readers, a PDF/A validator, a signing token made of software, faults at system calls, a
# file system of their own, a Windows and what compiles for it).
DEBIAN_RUN  := python3-venv python3-dev libgl1 libglib2.0-0 sane-utils sane-airscan libsane-dev gcc libc6-dev
DEBIAN_TEST := qpdf poppler-utils mupdf-tools ghostscript chromium libjs-pdf default-jre-headless libpdfbox2-java \
               libactivation-java libjaxb-api-java softhsm2 strace e2fsprogs wine wine64 gcc-mingw-w64-x86-64-win32
# And for drivers of 32 bits, by test-windows alone.
DEBIAN_WINDOWS := gcc-mingw-w64-i686-win32

.PHONY: setup demo test test-windows soak bench lint lock clean debian debian-test

setup: $(READY)

$(READY): pyproject.toml requirements.lock | debian
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

debian:
	@sh tests/debian-packages $(DEBIAN_RUN)

debian-test:
	@sh tests/debian-packages $(DEBIAN_TEST)

demo: setup
	$(BIN)/sohoa demo --out demo-out

# A file's tests stay together and in order, in one worker: they share a station, or a book that is made once. Which files
# come first is in tests/conftest.py.
test: setup debian-test
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

# Under Wine: the tests that need a Windows, then all that the suite can do there.
test-windows: setup debian-test
	@sh tests/debian-packages $(DEBIAN_WINDOWS)
	SOHOA_TEST_WINDOWS=1 $(BIN)/python -m pytest tests/windows tests/twain tests/deploy
	$(BIN)/python -m tests.windows.suite

# What the program promises, at full length: an hour and more.
soak: setup debian-test
	$(BIN)/python -m benchmarks.soak
	$(BIN)/python -m benchmarks.hostile --count 100000

lint: setup
	$(BIN)/ruff check .

bench: setup
	$(BIN)/python -m benchmarks.cost

# Resolves every dependency anew; the file names versions and hashes and no registry.
lock: setup
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra development --extra scanners --extra signing \
	    --extra cluster --extra storages --generate-hashes --no-emit-index-url --custom-compile-command "make lock" \
	    pyproject.toml -o requirements.lock

clean:
	rm -rf $(VENV) .wine demo-out build dist
