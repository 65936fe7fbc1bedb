#!/bin/sh
# The simulator under AddressSanitizer and UndefinedBehaviorSanitizer: random flights, resets of some lanes, states that
# are damaged, all widths that this processor runs. Less than a minute; ends with 0 where nothing was found.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
sources=$here/../../simulator/lander_simulator/src
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

run() {
    width=$1
    shift
    # Sanitizers slow the program, not the compiler: -O1 keeps the whole below a minute.
    "${CXX:-c++}" -std=c++17 -O1 -g -Wall -Wextra -Wconversion -Werror -fsanitize=address,undefined \
        -fno-sanitize-recover=all -fno-omit-frame-pointer -ffp-contract=off -fno-math-errno -fno-trapping-math \
        -pthread "-DLANDER_WIDTH=$width" "-I$sources" "$@" "$here/sanitized_flights.cpp" -o "$scratch/flights$width"
    "$scratch/flights$width"
}

run 4
if [ "$(uname -m)" = x86_64 ] && grep -q avx2 /proc/cpuinfo; then
    run 8 -mavx2
fi
