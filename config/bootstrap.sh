#!/bin/sh
# From nothing to .venv, as requirements.lock says, then: exec .venv/bin/python "$@".
# About 15 seconds the first time, none after that. Needs sh and a network; Python 3.12 or newer is
# looked for in many places and fetched with uv as the last resort.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

# Candidates are run, not just found: a pyenv shim is on PATH and still fails, and Debian's Python comes
# without ensurepip.
works() { "$@" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 12))' >/dev/null 2>&1; }

# The copy of the lock is written last, so a half-finished install never counts as complete.
complete() { cmp -s requirements.lock .venv/.lock && works .venv/bin/python; }

find_python() {
    pyenv=${PYENV_ROOT:-${HOME:-/root}/.pyenv}/versions
    for candidate in "${PYTHON:-}" \
        python3.13 "$pyenv"/3.13*/bin/python3 \
        python3.12 "$pyenv"/3.12*/bin/python3 \
        python3.14 "$pyenv"/3.14*/bin/python3 \
        python3 python
    do
        if [ -n "$candidate" ] && works "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    python_by_uv
}

python_by_uv() {
    say "No Python 3.12 or newer here; looking whether uv can fetch one …"
    uv=$(command -v uv || true)
    if [ -z "$uv" ]; then
        scratch=$(mktemp -d)
        python3 -m venv "$scratch" >/dev/null 2>&1 && "$scratch/bin/pip" install -q uv >/dev/null 2>&1 || return 0
        uv=$scratch/bin/uv
    fi
    "$uv" python install -q 3.13 >/dev/null 2>&1 && "$uv" python find --managed-python 3.13 || true
}

# Two runs may start together. flock's lock on requirements.lock is held by pip too, so it also waits for
# a pip that outlived its killed shell; without flock, a link that names its owner has to do.
take_lock() {
    if command -v flock >/dev/null 2>&1; then
        exec 9<requirements.lock
        flock -n 9 || { say "Another run is making .venv; waiting for it …"; flock 9; }
        return
    fi
    until ln -s $$ .venv.making 2>/dev/null; do
        owner=$(readlink .venv.making || true)
        if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; then rm -f .venv.making; fi
        sleep 1
    done
}

release_lock() {
    if [ "$(readlink .venv.making 2>/dev/null)" = $$ ]; then rm -f .venv.making; fi
    exec 9<&-
}

installer=
interrupted() {
    if [ -n "$installer" ]; then kill "$installer" 2>/dev/null || true; wait "$installer" 2>/dev/null || true; fi
    exit "$1"
}

make_environment() {
    if [ -n "${PYTHON:-}" ] && ! works "$PYTHON"; then
        say "PYTHON=$PYTHON cannot be used ($("$PYTHON" -c 'import sys, venv, ensurepip; print(sys.version)' 2>&1 | tail -n 1))."
    fi
    python=$(find_python)
    [ -n "$python" ] || fail "Python 3.12 or newer is needed and was not found." \
        "Install it, or name it: PYTHON=/path/to/python3.13"
    say "Making the Python environment (.venv) with $("$python" --version); this takes about 15 seconds …"
    "$python" -m venv --clear .venv || fail "$python could not make .venv."
    # In the background, because sh runs a trap only between commands: Ctrl-C must not wait for pip.
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-input --retries 2 \
        --require-hashes -r requirements.lock >.venv/pip.log 2>&1 &
    installer=$!
    wait "$installer" || fail "The Python packages could not be installed. Is there a network?" \
        "$(grep '^ERROR' .venv/pip.log | tail -n 1) (.venv/pip.log has more)"
    installer=
    cp requirements.lock .venv/.lock
}

if ! complete; then
    trap 'interrupted 130' INT
    trap 'interrupted 143' TERM
    trap 'release_lock' EXIT
    take_lock
    complete || make_environment
    release_lock
    trap - INT TERM EXIT
fi
# Containers often forbid Python to keep what it has compiled; each of our processes would do it all again, in
# a third of its start.
unset PYTHONDONTWRITEBYTECODE
exec .venv/bin/python "$@"
