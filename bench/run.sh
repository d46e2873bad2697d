#!/bin/bash
# Side by side on loopback: HAProxy, nginx, squid ssl_bump, mitmproxy and Sluice. Installs and builds
# what is missing. BENCH_ROUNDS (3), BENCH_SECONDS (5), SLUICE_BIN. Arguments go to bench.py, e.g.
#   bench/run.sh --only "HAProxy sluice" --out /tmp
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
export PYTHONDONTWRITEBYTECODE=1 CCACHE_DIR=$root/build/.ccache

tests/support/install.sh build bench
load=build/bench/connect_load
if [ ! -x "$load" ] || [ bench/connect_load.cpp -nt "$load" ]; then
  mkdir -p build/bench
  g++ -std=c++20 -O2 bench/connect_load.cpp -o "$load" -lssl -lcrypto
fi
relay=build/bench/relay_load
if [ ! -x "$relay" ] || [ bench/relay_load.cpp -nt "$relay" ]; then
  g++ -std=c++20 -O2 bench/relay_load.cpp -o "$relay" -pthread
fi
websocket=build/bench/websocket_load
if [ ! -x "$websocket" ] || [ bench/websocket_load.cpp -nt "$websocket" ]; then
  g++ -std=c++20 -O2 bench/websocket_load.cpp -o "$websocket" -pthread -lcrypto
fi
sluice=${SLUICE_BIN:-build/release/sluice}
if [ -z "${SLUICE_BIN:-}" ] && [ -f proxy/main.cpp ]; then
  [ -f build/release/build.ninja ] || cmake --preset release >/dev/null
  cmake --build build/release --target sluice
fi
given=()
[ ! -x "$sluice" ] || given=(--sluice "$sluice")
exec /usr/bin/python3 bench/bench.py --load "$load" --relay "$relay" --websocket "$websocket" "${given[@]}" \
  --rounds "${BENCH_ROUNDS:-3}" --seconds "${BENCH_SECONDS:-5}" "$@"
