#!/bin/bash
# Installs the Debian packages of one or more groups when any of them is missing:
#   tests/support/install.sh build|test|clients|image|docker|bench…
# Root only; without root it says what is missing and fails. Starts no daemon.
set -euo pipefail

# npm and go also come in ways that dpkg does not know, and Debian's packages may conflict with those.
unless() { command -v "$1" >/dev/null || echo "$2"; }

packages_of() {
  case "$1" in
  build) echo cmake g++ ninja-build ccache pkg-config libboost1.81-dev libboost-test1.81-dev \
    libboost-url1.81-dev libssl-dev libre2-dev nlohmann-json3-dev libyaml-dev libidn2-dev \
    zlib1g-dev libbrotli-dev libzstd-dev libcli11-dev libsqlite3-dev libnghttp2-dev openssl \
    ca-certificates curl python3 python3-venv ;;
  test) echo clang-14 libclang-rt-14-dev clang-format-14 clang-tidy-14 git nginx-light util-linux \
    procps nftables iproute2 curl python3-requests python3-httpx python3-aiohttp python3-brotli \
    python3-zstandard python3-yaml python3-jsonschema qemu-user g++-aarch64-linux-gnu valgrind \
    python3-websockets python3-cryptography ;;
  clients) echo nodejs "$(unless npm npm)" "$(unless go golang-go)" postgresql-15 postgresql-client-15 git \
    python3-pip python3-venv iproute2 nftables iputils-ping openssh-client util-linux ;;
  image) echo libunistring-dev binutils busybox-static nftables curl ca-certificates util-linux ;;
  docker) echo "$(unless dockerd docker.io)" "$(unless docker-compose docker-compose)" iptables ;;
  bench) echo haproxy nginx-light squid-openssl mitmproxy wrk procps util-linux ;;
  *) echo "install.sh: no group named '$1' (build, test, clients, image, docker, bench)" >&2 && return 2 ;;
  esac
}

missing=()
for group in "$@"; do
  names=$(packages_of "$group")
  for name in $names; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || missing+=("$name")
  done
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "packages: all present ($*)"
  exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "packages: not root, please install: ${missing[*]}" >&2
  exit 1
fi

# Debian starts what it installs unless policy-rc.d says no; a test machine wants no new daemons.
if [ ! -e /usr/sbin/policy-rc.d ]; then
  trap 'rm -f /usr/sbin/policy-rc.d' EXIT
  printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
fi
echo "packages: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt_get() { apt-get -qq -o DPkg::Lock::Timeout=500 -o Dpkg::Use-Pty=0 "$@" </dev/null; }
apt_get update
apt_get install -y --no-install-recommends "${missing[@]}" >/dev/null
