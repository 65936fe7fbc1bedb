#!/bin/sh
# The same bits on x86-64 and on ARM: some thousand episodes with each compiler and width that this machine has, those
# of ARM in qemu's user mode. Ends with 0 where all digests are equal, or where nothing can be compared, and says why.
#
#     tests/simulator/arm.sh [STEPS]       of each lane; 1,000 when not given
#
# On Debian: apt-get install qemu-user-static g++-aarch64-linux-gnu; or for zig's clang: pip install ziglang
set -eu

here=$(cd "$(dirname "$0")" && pwd)
sources=$here/../../simulator/lander_simulator/src
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
steps=${1:-1000}
python=${PYTHON:-python3}

compile() { # compile <width> <compiler and its flags ...>: as build.py does, but for a program without libraries
    width=$1
    shift
    "$@" -std=c++17 -O3 -ffp-contract=off -fno-math-errno -fno-trapping-math -static -pthread \
        "-DLANDER_WIDTH=$width" "-I$sources" "$here/flight_digest.cpp" -o "$scratch/flights"
}

expected=
compare() { # compare <name> <command ...>
    name=$1
    shift
    found=$("$@" "$scratch/flights" "$steps")
    echo "$name: $found"
    : "${expected:=$found}"
    if [ "$found" != "$expected" ]; then
        echo "$name differs from the first." >&2
        exit 1
    fi
}

has_zig() { "$python" -c 'import ziglang' 2>/dev/null; }

emulator=$(command -v qemu-aarch64-static || command -v qemu-aarch64 || true)
if [ "$(uname -m)" != x86_64 ]; then
    echo "skipped: this compares with x86-64, and here is $(uname -m)"
    exit 0
elif [ -z "$emulator" ]; then
    echo "skipped: no qemu-aarch64 (Debian: apt-get install qemu-user-static)"
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
if command -v aarch64-linux-gnu-g++ >/dev/null; then
    compile 4 aarch64-linux-gnu-g++
    compare "aarch64 in qemu, g++, width 4" "$emulator"
fi
if has_zig; then
    for width in 4 $wide; do
        compile "$width" "$python" -m ziglang c++ -target x86_64-linux-musl \
            "-mcpu=$([ "$width" = 4 ] && echo baseline || echo x86_64_v3)"
        compare "x86-64, zig's clang, width $width" env
    done
    compile 4 "$python" -m ziglang c++ -target aarch64-linux-musl -mcpu=baseline
    compare "aarch64 in qemu, zig's clang, width 4" "$emulator"
fi
