#!/usr/bin/env bash
# What only a machine with an NVIDIA GPU can show, in under 8 minutes. docs/gpu.md has what it printed, and where.
#
#     tests/gpu/check.sh [PYTHON]                   an environment with lander; .venv/bin/python when not given
#     WHEELS=wheels tests/gpu/check.sh python3.12   on a bare machine: installs from that folder, without network
#     REHEARSE=1 tests/gpu/check.sh                 the same steps on the CPU, to try this script itself
#
# The folder of wheels, made on a machine with a network and the same Python:
#
#     pip wheel -w wheels -c constraints.txt '.[train,eval,cuda,doom]' pytest hypothesis
#
# Exit code 0: every step passed or says why it was skipped; 1: one failed; 4: there is no GPU.
set -uo pipefail
cd "$(dirname "$0")/../.."
python=${1:-.venv/bin/python}
device=cuda
[ -n "${REHEARSE:-}" ] && device=cpu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
export PYTHONUNBUFFERED=1 NO_COLOR=1
lunar=models/lunarlander-v3/policy.onnx
doom=models/doom-basic-v1/policy.onnx
summary=()
failed=0

lander() { "$python" -c 'from lander_cli.main import main; main()' "$@"; }

step() { # step <name> <most seconds> <function>: runs it in a shell of its own and notes how it ended
    local name=$1 seconds=$2 started=$SECONDS code=0
    echo "== $name =="
    (
        set -m # Each job has a process group of its own, so that what hangs ends with all that it started.
        "$3" &
        child=$!
        sleep "$seconds" &
        watch=$!
        trap 'kill -- "-$child" "-$watch" 2>/dev/null; exit 130' INT TERM
        wait -n "$child" "$watch"
        code=$?
        if kill -0 "$child" 2>/dev/null; then
            echo "no end after $seconds s"
            code=124
        fi
        kill -- "-$child" "-$watch" 2>/dev/null
        exit "$code"
    ) || code=$?
    case $code in
        0) summary+=("$name: passed, $((SECONDS - started)) s") ;;
        77) summary+=("$name: skipped: $(cat "$work/why")") ;;
        *)
            summary+=("$name: FAILED (exit code $code), $((SECONDS - started)) s")
            failed=1
            ;;
    esac
}

skip() { # skip <reason>: ends a step
    echo "$1" | tee "$work/why"
    exit 77
}

machine() {
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
    "$python" -c 'import platform; print(platform.platform(), platform.python_version())'
}

doctor() { lander doctor; }

marked() {
    "$python" -c 'import pytest, hypothesis' 2>/dev/null || skip "pytest and hypothesis are not installed"
    "$python" -m pytest -q -p no:cacheprovider -m gpu -rs tests/runtime/policy/test_session.py \
        tests/trainer/test_cuda.py tests/cli/commands/test_eval.py
}

same_actions() { # The episodes are as long as on the CPU, so each action was the same.
    for where in cpu "$device"; do
        lander eval "$lunar" --episodes 20 --device "$where" --json >"$work/$where.json" || return 1
    done
    "$python" - "$work/cpu.json" "$work/$device.json" <<'END'
import json, sys
cpu, there = (json.load(open(name)) for name in sys.argv[1:])
print(there["provider"], "mean return", there["mean_return"], "on the CPU", cpu["mean_return"])
assert there["lengths"] == cpu["lengths"], "episodes of other lengths"
END
}

no_way_round() { # Without its GPU `--device cuda` fails; it does not run on the CPU in CUDA's name.
    local code=0
    CUDA_VISIBLE_DEVICES= lander eval "$lunar" --episodes 1 --device cuda || code=$?
    echo "exit code $code; 4 is right"
    [ "$code" = 4 ]
}

speeds() { # The rows on CUDA, by call and as a captured graph, beside those on the CPU.
    lander bench "$lunar" --batch 1 --batch 32 --batch 1024 --batch 16384 &&
        lander bench "$doom" --batch 1 --batch 32 --batch 256 --episodes 0
}

smaller_numbers() { # A file in float16 keeps its golden vectors where products of float16 are computed.
    lander export "$lunar" --half --episodes 10 --no-gif --out "$work/half.onnx" &&
        lander verify "$work/half.onnx" --device "$device" &&
        lander bench "$work/half.onnx" --batch 1 --batch 16384 --episodes 0
}

training() { # A training update on CUDA is compared with the CPU's weights in the tests above.
    for where in cpu "$device"; do
        lander train --steps 200_000 --device "$where" --backend gymnasium --out "$work/lunar-$where" || return 1
        [ "$device" = cpu ] && return
    done
}

doom_training() {
    "$python" -c 'import vizdoom' 2>/dev/null || skip "vizdoom is not installed (the extra doom)"
    for where in cpu "$device"; do
        echo "-- on $where"
        lander train VizdoomBasic-v1 --time 45s --device "$where" --out "$work/doom-$where" || return 1
        [ "$device" = cpu ] && return
    done
}

if [ "$device" = cuda ] && ! nvidia-smi -L 2>/dev/null | grep -q GPU; then
    echo "Not run: this machine has no NVIDIA GPU with a working driver." >&2
    exit 4
fi
if [ -n "${WHEELS:-}" ]; then
    "$python" -m venv "$work/venv" &&
        "$work/venv/bin/python" -m pip install --quiet --no-index --find-links "$WHEELS" -c constraints.txt \
            'lander-rl[train,eval,cuda]' pytest hypothesis || exit 1
    "$work/venv/bin/python" -m pip install --quiet --no-index --find-links "$WHEELS" -c constraints.txt vizdoom ||
        echo "vizdoom is not among the wheels"
    python=$work/venv/bin/python
fi

[ "$device" = cuda ] && step machine 20 machine
step doctor 60 doctor
step "pytest -m gpu" 150 marked
step "the CPU's actions" 60 same_actions
step "no way round" 30 no_way_round
step "lander bench" 90 speeds
step "float16" 60 smaller_numbers
step "training" 120 training
step "Doom's training" 150 doom_training

printf '\n'
printf '%s\n' "${summary[@]}"
echo "$SECONDS s in all, on $device"
exit "$failed"
