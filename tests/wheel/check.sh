#!/usr/bin/env bash
# Builds the wheel and tries it where only the extra `cpu` is installed, as in an application that embeds a
# policy. Run by `make wheel-test`.
#
#     tests/wheel/check.sh [python]     a Python with `build`; .venv/bin/python when not given
set -euo pipefail
cd "$(dirname "$0")/../.."
here=$PWD
python=${1:-.venv/bin/python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$python" -m build --wheel --outdir "$work/dist" . >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
"$python" -m venv "$work/venv"
wheel=$(ls "$work"/dist/lander_rl-*.whl)
"$work/venv/bin/pip" install --quiet --constraint constraints.txt "lander-rl[cpu] @ file://$wheel"

# Outside the checkout, so that only the wheel can be found.
cd "$work"
venv/bin/python "$here/tests/wheel/check_embedding.py"
venv/bin/python -c 'import lander_simulator; lander_simulator.LunarLanderBatch(2).reset([1, 2])'
venv/bin/python -c 'from lander_trainer.learners.kernels import Network; Network([8, 64, 4], "relu")'
venv/bin/lander --help >/dev/null
venv/bin/lander inspect >/dev/null

refuses() { # refuses <what the message must hold> <command ...>: exit 4 and the line to type
    local expected=$1 code=0
    shift
    "$@" >out.txt 2>&1 || code=$?
    if [ "$code" != 4 ] || ! grep -qF "$expected" out.txt; then
        echo "expected exit 4 and \"$expected\" from: $*; got exit $code and:"
        cat out.txt
        exit 1
    fi
}
if [ -f "$here/build/browser/lander.html" ]; then
    venv/bin/lander play --out page.html 2>/dev/null
    grep -q 'id="physics"' page.html
else
    refuses "make browser" venv/bin/lander play --out page.html
fi
refuses "pip install 'lander-rl[train]'" venv/bin/lander train
refuses "pip install 'lander-rl[train]'" venv/bin/lander export
refuses "pip install 'lander-rl[eval]'" venv/bin/lander eval
refuses "pip install 'lander-rl[eval]'" venv/bin/lander replay eval.jsonl.gz
echo "wheel: all good"
