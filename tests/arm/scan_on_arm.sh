#!/bin/bash
# The tests of the scan, built for 64-bit ARM and run there by qemu: NEON gives what plain code gives.
#   tests/arm/scan_on_arm.sh BUILD_DIR
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
out=${1:?build directory}/arm
mkdir -p "$out"

cat >"$out/main.cpp" <<'END'
#define BOOST_TEST_MODULE sluice
#include <boost/test/included/unit_test.hpp>
END
objects=()
for source in policy/redact/{scan,scan_neon,shape,shape_parser}.cpp tests/unit/redact/scan_test.cpp "$out/main.cpp"; do
  object=$out/$(basename "$source" .cpp).o
  ccache aarch64-linux-gnu-g++ -std=c++20 -O2 -I. -c "$source" -o "$object"
  objects+=("$object")
done
aarch64-linux-gnu-g++ -static "${objects[@]}" -o "$out/scan_test"
exec qemu-aarch64 "$out/scan_test"
