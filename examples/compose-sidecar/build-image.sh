#!/bin/bash
# Builds images from this machine's own files (Debian 12): collects binaries and the libraries they load
# into CONTEXT and runs docker build there. Pulls and installs nothing.
#   build-image.sh SLUICE_BINARY CONTEXT [sluice|sluice-init|sluice-demo…]     (default: all three)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
binary=$(readlink -f "$1") context=$2
shift 2
readonly here binary context

libraries() { ldd "$@" 2>/dev/null | sed -nE 's,^\t(.* => )?(/[^ ]+) \(.*,\2,p' | sort -u; }  # what the loader maps
collect() {  # root, program…: each at its own path below root, links followed, with its libraries
  local root=$1
  shift
  # shellcheck disable=SC2046
  cp -L --parents "$@" $(libraries "$@") "$root"
}

collect_sluice() {
  mkdir -p sluice/usr/bin sluice/etc/sluice sluice/run/sluice state/trust
  mkdir -m 700 state/ca state/evidence
  strip -o sluice/usr/bin/sluice "$binary"
  # shellcheck disable=SC2046
  cp -L --parents /etc/ssl/certs/ca-certificates.crt $(libraries "$binary") sluice
  echo 'hosts: files dns' >sluice/etc/nsswitch.conf  # glibc carries both itself
  echo 'sluice:x:1337:1337::/:/nonexistent' >sluice/etc/passwd
}

collect_init() {
  mkdir init
  collect init /bin/busybox /usr/sbin/nft /usr/bin/setpriv
  ln -s busybox init/bin/sh
  ln -s busybox init/bin/sleep
}

collect_demo() {  # a Python without its tests and tools, and a few programs to attack with
  local python=/usr/lib/python3.11
  mkdir -p demo/tmp demo/trust demo/app
  collect demo /usr/bin/python3.11 "$python"/lib-dynload/*.so /usr/bin/curl /usr/sbin/nft /bin/busybox
  tar -C / --exclude='config-*' --exclude=test --exclude=lib2to3 --exclude=pydoc_data --exclude=distutils \
    --exclude=idlelib --exclude=ensurepip -cf - "${python#/}" | tar -C demo -xf -
  for name in sh cat; do ln -s busybox "demo/bin/$name"; done
  ln -s python3.11 demo/usr/bin/python3
}

rm -rf "$context" && mkdir -p "$context" && cd "$context"
export DOCKER_BUILDKIT=0
for image in ${*:-sluice sluice-init sluice-demo}; do
  [ -d sluice ] || collect_sluice
  [ "$image" != sluice-init ] || collect_init
  [ "$image" != sluice-demo ] || collect_demo
done
mkdir -p init demo
for image in ${*:-sluice sluice-init sluice-demo}; do
  docker build -q -f "$here/Dockerfile" --target "$image" -t "$image:local" . >docker-build.log 2>&1 || { cat docker-build.log && exit 1; }
  printf '%s:local  %s bytes\n' "$image" "$(docker image inspect -f '{{.Size}}' "$image:local")"
done
