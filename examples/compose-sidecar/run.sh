#!/bin/bash
# Builds the images, starts everything, shows what the agent tried and what is on record, and takes all of
# it down again. Needs Debian 12 and Docker; without SLUICE_BIN root, to install what the build needs.
#   SLUICE_BIN=FILE   use this binary instead of building one    BUILD=FOLDER   instead of build/compose-sidecar
#   KEEP=1            leave everything running
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export BUILD=${BUILD:-$root/build/compose-sidecar}
export COMPOSE_PROJECT_NAME=sluice-demo COMPOSE_FILE=${COMPOSE_FILE:-$here/docker-compose.yaml}
mkdir -p "$BUILD/upstream"

compose() { if command -v docker-compose >/dev/null; then docker-compose "$@"; else docker compose "$@"; fi; }

build_sluice() {  # everything but glibc linked in, so that the image is small
  SLUICE_BIN=$BUILD/static/sluice
  "$root/tests/support/install.sh" build image
  (cd "$root" && cmake --preset release -B "$BUILD/static" -DSLUICE_STATIC=ON -DSLUICE_TESTS=OFF) >"$BUILD/build.log"
  cmake --build "$BUILD/static" --target sluice >>"$BUILD/build.log"
}

upstream_certificate() {  # the world's own CA, which the sidecar is told to believe, and a certificate for the API
  local key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2)
  cd "$BUILD/upstream"
  openssl req -x509 "${key[@]}" -subj "/CN=Demo upstream CA" -keyout ca.key -out ca.pem
  openssl req -x509 "${key[@]}" -subj "/CN=api.demo.test" -keyout server.key -out server.pem -CA ca.pem -CAkey ca.key \
    -addext "subjectAltName=DNS:api.demo.test" -addext "basicConstraints=critical,CA:FALSE"
  rm ca.key && chmod 644 server.key  # the demo's server is uid 1000
  cd "$here"
}

[ -n "${SLUICE_BIN:-}" ] || build_sluice
"$here/build-image.sh" "$SLUICE_BIN" "$BUILD/context"
upstream_certificate 2>"$BUILD/openssl.log" || { cat "$BUILD/openssl.log" && exit 1; }
[ -n "${KEEP:-}" ] || trap 'compose down -v -t 2' EXIT
compose up -d
agent=$(compose ps -q agent)
for _ in $(seq 300); do  # its last attempt is abstract_sockets
  ! docker logs "$agent" | grep -q abstract_sockets || break
  sleep 0.1
done
docker logs "$agent"
sidecar=$(compose ps -q sidecar)
docker exec "$sidecar" sluice evidence show --dir /var/lib/sluice/evidence
docker exec "$sidecar" sluice evidence verify --dir /var/lib/sluice/evidence
