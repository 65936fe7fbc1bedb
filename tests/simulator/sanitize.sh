#!/bin/sh
# The compiled code under AddressSanitizer and UndefinedBehaviorSanitizer, in all widths that this processor runs. Of the
# simulator: random flights, resets of some lanes, states that are damaged. Of the learner: passes of odd sizes, short
# blocks, observations that are no numbers. Less than a minute; ends with 0 where nothing was found.
set -eu

tests=$(cd "$(dirname "$0")/.." && pwd)
simulator=$tests/../simulator/lander_simulator/src
learner=$tests/../trainer/lander_trainer/learners/kernels/src
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

run() { # run <program's source> <folder of what it includes> <width> <the compiler's flags for it ...>
    source=$1 folder=$2 width=$3
    shift 3
    # Sanitizers slow the program, not the compiler: -O1 keeps the whole below a minute.
    "${CXX:-c++}" -std=c++17 -O1 -g -Wall -Wextra -Wconversion -Werror -fsanitize=address,undefined \
        -fno-sanitize-recover=all -fno-omit-frame-pointer -ffp-contract=off -fno-math-errno -fno-trapping-math \
        -pthread "-DLANDER_WIDTH=$width" "-I$folder" "-I$simulator" "$@" "$tests/$source" -o "$scratch/program"
    printf '%s, width %s: ' "$(basename "$source")" "$width"
    "$scratch/program"
}

both() {
    run simulator/sanitized_flights.cpp "$simulator" "$@"
    run trainer/learners/passes.cpp "$learner" "$@"
}

both 4
if [ "$(uname -m)" = x86_64 ] && grep -q avx2 /proc/cpuinfo; then
    both 8 -mavx2
fi
