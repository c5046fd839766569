#!/bin/sh
# Prints the path of a Python that can run this project: 3.11 or newer, with venv and pip.
# Usage: sh local/find_python.sh [MAJOR.MINOR]   (only that version, for example 3.13)
# Looks at $PYTHON alone when it is set, else at the PATH, then at pyenv. When there is none, says why on stderr
# and exits 1.
set -eu

wanted=${1:-}

# One word: the version if usable, else "old", "other" or "venvless" before it. Runs on Python 2 too.
probe='
import sys
version = sys.version_info
word = ""
if version[:2] < (3, 11): word = "old "
elif sys.argv[1] and "%d.%d" % version[:2] != sys.argv[1]: word = "other "
else:
    try: import ensurepip, venv
    except ImportError: word = "venvless "
print(word + "%d.%d.%d" % version[:3])
'

candidates() {
    if [ -n "${PYTHON:-}" ]; then
        command -v "$PYTHON" || echo "$PYTHON"
        return
    fi
    for name in ${wanted:+"python$wanted"} python3.13 python3.12 python3.11 python3; do
        command -v "$name" || :
    done
    for minor in 13 12 11; do
        for path in "${PYENV_ROOT:-${HOME:-}/.pyenv}"/versions/3."$minor"*/bin/python3; do
            if [ -x "$path" ]; then echo "$path"; fi
        done
    done
}

seen=$(candidates | while IFS= read -r path; do
    # a pyenv shim of a version that is not active exists on the PATH but fails
    answer=$("$path" -c "$probe" "$wanted" 2>/dev/null) || answer='broken'
    case $answer in
        old*) echo "  $path is Python ${answer#* }: too old" ;;
        other*) ;;
        venvless*) echo "  $path (Python ${answer#* }) lacks venv: on Debian and Ubuntu, apt-get install python3-venv" ;;
        broken) echo "  $path does not start" ;;
        *) echo "found $path"; break ;;
    esac
done)

found=$(printf '%s\n' "$seen" | sed -n 's/^found //p')
if [ -n "$found" ]; then
    printf '%s\n' "$found"
    exit 0
fi
{
    echo "Python ${wanted:-3.11 or newer} with venv is needed, and none was found${PYTHON:+ at PYTHON=$PYTHON}."
    if [ -n "$seen" ]; then printf '%s\n' "$seen"; fi
    echo "Install it (Debian, Ubuntu: apt-get install python3 python3-venv; macOS: brew install python@3.13;"
    echo "any system: pyenv install 3.13), or name one: make PYTHON=/path/to/python3 ..."
} >&2
exit 1
