#!/usr/bin/env bash
# Runs `make test` on each Python that lander supports and this machine has. Run by `make test-pythons`.
set -uo pipefail
cd "$(dirname "$0")/../.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

code=0
tested=0
summary=()
for version in 3.11 3.12 3.13; do
    if [ -z "$(make --silent --no-print-directory python PYTHON="python$version")" ]; then
        summary+=("Python $version: not on this machine")
        continue
    fi
    echo "== Python $version =="
    if make --no-print-directory test PYTHON="python$version" 2>&1 | tee "$log"; then
        verdict=passed
    else
        verdict=FAILED
        code=1
    fi
    tested=$((tested + 1))
    # The closing line of pytest; lint or the installation may have failed before it.
    summary+=("Python $version: $verdict $(grep -E '[0-9]+ (passed|failed|error).* in [0-9.]+s' "$log" | tail -n 1 | tr -d =)")
done

printf '\n'
printf '%s\n' "${summary[@]}"
if [ "$tested" = 0 ]; then
    echo "None of these Pythons was found on PATH or in ~/.pyenv/versions." >&2
    code=1
fi
exit "$code"
