# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Sourced by the scripts beside it: makes .venv with the tools that make all
# other environments (uv and tox). Needs Python 3.11 or newer and, where the
# distribution split it off, apt for python3-venv.

die() {
    echo "${0##*/}: $*" >&2
    exit 1
}

find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
            2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    die "needs Python 3.11 or newer on the PATH"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

make_tools_venv() { # folder
    local python venv=$1
    [ -x "$venv/bin/tox" ] && return
    python=$(find_python)
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        as_root apt-get update -qq
        as_root apt-get install -y -qq python3-venv
    fi
    "$python" -m venv --clear "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check \
        'uv>=0.5' 'tox>=4.21' 'tox-uv>=1.16'
}
