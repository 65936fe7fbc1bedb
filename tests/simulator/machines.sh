#!/bin/sh
# The same bits on x86-64, on ARM and on Windows: some thousand episodes of the simulator and some passes of the learner
# with each compiler and width that this machine has, those of ARM in qemu's user mode, those of Windows in wine. Ends
# with 0 where all digests are equal, or where nothing can be compared, and says why.
#
#     tests/simulator/machines.sh [STEPS]  of each lane; 1,000 when not given
#
# On Debian: apt-get install qemu-user-static g++-aarch64-linux-gnu wine64; zig's clang, which makes all of them:
# pip install ziglang, and PYTHON=<the Python that has it>
set -eu

tests=$(cd "$(dirname "$0")/.." && pwd)
simulator=$tests/../simulator/lander_simulator/src
learner=$tests/../trainer/lander_trainer/learners/kernels/src
scratch=$(mktemp -d)
leave() { # wine's server lives on for some seconds, in its folder
    [ ! -d "$scratch/wine" ] || WINEPREFIX="$scratch/wine" "$(dirname "$wine")/wineserver" -k || true
    rm -rf "$scratch"
}
trap leave EXIT
steps=${1:-1000}
python=${PYTHON:-python3}

compile() { # compile <width> <compiler and its flags ...>: as build.py does, but for programs without libraries
    width=$1
    shift
    rm -f "$scratch/flights" "$scratch/passes"
    set -- "$@" -std=c++17 -O3 -ffp-contract=off -fno-math-errno -fno-trapping-math -static -pthread \
        "-DLANDER_WIDTH=$width"
    "$@" "-I$simulator" "$tests/simulator/flight_digest.cpp" -o "$scratch/flights"
    "$@" "-I$learner" "-I$simulator" "$tests/trainer/learners/passes.cpp" -o "$scratch/passes"
}

expected=
compare() { # compare <name> <command ...>
    name=$1
    shift
    flown=$("$@" "$scratch/flights" "$steps")
    learnt=$("$@" "$scratch/passes")
    found="$flown; $learnt"
    echo "$name: $found"
    : "${expected:=$found}"
    if [ "$found" != "$expected" ]; then
        echo "$name differs from the first." >&2
        exit 1
    fi
}

has_zig() { "$python" -c 'import ziglang' 2>/dev/null; }

on_windows() { # wine says much of itself; what the program prints ends as Windows ends its lines
    WINEDEBUG=-all WINEPREFIX="$scratch/wine" WINEDLLOVERRIDES=mscoree,mshtml= "$wine" "$@" | tr -d '\r'
}

emulator=$(command -v qemu-aarch64-static || command -v qemu-aarch64 || true)
wine=$(command -v wine64 || command -v /usr/lib/wine/wine64 || true)
if [ "$(uname -m)" != x86_64 ]; then
    echo "skipped: this compares with x86-64, and here is $(uname -m)"
    exit 0
elif [ -z "$emulator$wine" ]; then
    echo "skipped: neither qemu-aarch64 nor wine64 (Debian: apt-get install qemu-user-static wine64)"
    exit 0
elif ! command -v aarch64-linux-gnu-g++ >/dev/null && ! has_zig; then
    echo "skipped: no compiler for ARM (Debian: apt-get install g++-aarch64-linux-gnu; or pip install ziglang)"
    exit 0
fi

wide=$(grep -q avx2 /proc/cpuinfo && echo 8 || true)
for compiler in "${CXX:-c++}" clang++; do
    command -v "$compiler" >/dev/null || continue
    for width in 4 $wide; do
        compile "$width" "$compiler" $([ "$width" = 4 ] || echo -mavx2)
        compare "x86-64, $compiler, width $width" env
    done
done
if [ -n "$emulator" ] && command -v aarch64-linux-gnu-g++ >/dev/null; then
    compile 4 aarch64-linux-gnu-g++
    compare "aarch64 in qemu, g++, width 4" "$emulator"
fi
if has_zig; then
    for width in 4 $wide; do
        vectors=$([ "$width" = 4 ] || echo "-Xclang -target-feature -Xclang +avx2")
        compile "$width" "$python" -m ziglang c++ -target x86_64-linux-musl -mcpu=baseline $vectors
        compare "x86-64, zig's clang, width $width" env
        [ -n "$wine" ] || continue
        compile "$width" "$python" -m ziglang c++ -target x86_64-windows-gnu -mcpu=baseline $vectors
        compare "x86-64 Windows in wine, zig's clang, width $width" on_windows
    done
    if [ -n "$emulator" ]; then
        compile 4 "$python" -m ziglang c++ -target aarch64-linux-musl -mcpu=baseline
        compare "aarch64 in qemu, zig's clang, width 4" "$emulator"
    fi
fi
