#!/bin/sh
# Makes ready what `make` needs: a virtual environment with the pinned packages, and Azurite from npm.
# Does nothing (a few milliseconds) when both are up to date.
# Environment: VENV, the folder of the environment (.venv); PYTHON, the interpreter to make it with.
set -eu
cd "$(dirname "$0")/.."

VENV=${VENV:-.venv}
venv_stamp=$VENV/.handover-stamp
node_stamp=local/node_modules/.handover-stamp

venv_key() { cat requirements.txt constraints.txt pyproject.toml "$VENV/pyvenv.cfg" 2>/dev/null | cksum; }
node_key() { cat local/package.json local/package-lock.json | cksum; }
is_current() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

stop() {
    printf '%s\n' "$@" >&2
    exit 1
}

# phase TEXT COMMAND...: one line for a person; the command's own output goes to the log.
phase() {
    printf '%s\n' "$1"
    shift
    echo "+ $*" >>"$log"
    if ! "$@" >>"$log" 2>&1; then
        tail -n 20 "$log" >&2
        stop "Failed: $*" "The whole log is in $log"
    fi
}

# Whole, startable, and made with the PYTHON that is named, if one is.
has_interpreter() {
    [ -f "$VENV/.handover-python" ] && [ -x "$VENV/bin/python" ] || return 1
    [ -z "${PYTHON:-}" ] || [ "$(command -v "$PYTHON")" = "$(cat "$VENV/.handover-python")" ]
}

venv_is_current() { has_interpreter && is_current "$venv_stamp" "$(venv_key)"; }

make_venv() {
    if ! has_interpreter; then
        python=$(sh local/find_python.sh) || exit 1
        # never remove a folder that is not a virtual environment
        if [ -f "$VENV/pyvenv.cfg" ]; then rm -rf "$VENV"; fi
        mkdir -p "$VENV"
        phase "Making $VENV with $("$python" --version 2>&1) ($python)" "$python" -m venv "$VENV"
        printf '%s\n' "$python" >"$VENV/.handover-python"
    fi
    set -- "$VENV/bin/python" -m pip install --no-compile --quiet --disable-pip-version-check -c constraints.txt
    phase "Bringing pip up to date (dependency groups need 25.1)" "$@" 'pip>=25.1'
    phase "Installing the Python packages of requirements.txt and the dev group" "$@" -r requirements.txt --group dev
    venv_key >"$venv_stamp"
}

check_node() {
    install_node='Install Node 20 or newer with npm (Debian, Ubuntu: apt-get install nodejs npm; macOS: brew install node).'
    command -v node >/dev/null || stop "Node is needed for Azurite, the storage emulator, and was not found." "$install_node"
    command -v npm >/dev/null || stop "npm is needed to install Azurite, and was not found." "$install_node"
    major=$(node -p 'process.versions.node.split(".")[0]')
    [ "$major" -ge 20 ] || stop "Node 20 or newer is needed, this is $(node --version) ($(command -v node))." "$install_node"
}

install_azurite() {
    phase "Installing Azurite into local/node_modules" npm ci --prefix local --no-audit --no-fund --ignore-scripts
    node_key >"$node_stamp"
}

log=$VENV/setup.log
if ! is_current "$node_stamp" "$(node_key)"; then check_node; fi
if ! venv_is_current; then make_venv; fi
if ! is_current "$node_stamp" "$(node_key)"; then install_azurite; fi
