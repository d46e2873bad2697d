#!/bin/bash
# The main job, end to end, from a bare checkout: installs, builds, starts a TLS model server, runs an
# agent behind `sluice exec`, and checks every claim it makes. Traffic stays on this machine.
#   SLUICE_BIN=FILE       use this binary instead of building one
#   QUICKSTART_CLIENT=curl   do not try the OpenAI SDK
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
here=$root/examples/quickstart
work=$root/build/quickstart
python=/usr/bin/python3
readonly root here work python
passed=0 failed=0 server=

say() { printf '\n== %s\n' "$*"; }
claim() {  # description, command…: counts and prints whether the command succeeds
  local what=$1
  shift
  if "$@" >/dev/null 2>&1; then
    printf '  ok    %s\n' "$what" && passed=$((passed + 1))
  else
    printf '  WRONG %s\n' "$what" && failed=$((failed + 1))
  fi
}
exits() {  # expected code, command…
  local expected=$1 code=0
  shift
  "$@" || code=$?
  [ "$code" -eq "$expected" ]
}
not() { ! "$@"; }
finish() {
  [ -z "$server" ] || kill "$server" 2>/dev/null || true
  [ -z "${began:-}" ] || printf '\nquickstart: %d passed, %d failed\n' "$passed" "$failed"
}
trap finish EXIT

build() {
  if [ -n "${SLUICE_BIN:-}" ]; then return; fi
  SLUICE_BIN=$root/build/release/sluice
  export CCACHE_DIR=$root/build/.ccache
  "$root/tests/support/install.sh" build
  local log=$root/build/quickstart-build.log
  mkdir -p "$root/build"
  [ -x "$SLUICE_BIN" ] || echo "building (about three minutes the first time, log in ${log#"$root"/})"
  [ -f "$root/build/release/build.ninja" ] || (cd "$root" && cmake --preset release -DSLUICE_TESTS=OFF) >"$log" 2>&1 ||
    { tail -30 "$log" && return 1; }
  cmake --build "$root/build/release" --target sluice >>"$log" 2>&1 || { tail -30 "$log" && return 1; }
}

# The official OpenAI SDK when it can be had within a minute, tried once; else curl does the same calls.
choose_client() {
  local venv=$root/build/quickstart-venv
  client=curl agent_python=$python
  [ "${QUICKSTART_CLIENT:-}" != curl ] || return 0
  if [ ! -e "$venv/ready" ] && [ ! -e "$venv/failed" ]; then
    echo "installing the OpenAI SDK into ${venv#"$root"/}"
    if "$python" -m venv "$venv" && timeout 60 "$venv/bin/pip" install -q openai; then
      touch "$venv/ready"
    else
      mkdir -p "$venv" && touch "$venv/failed"
    fi >"$root/build/quickstart-venv.log" 2>&1 </dev/null
  fi
  if [ -e "$venv/ready" ]; then
    client=sdk agent_python=$venv/bin/python
  else
    echo "the OpenAI SDK cannot be installed here: curl plays the agent (remove ${venv#"$root"/} to try again)"
  fi
}

make_certificates() {  # a test CA and a certificate of the model server
  local days=(-days 2) key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
  openssl req -x509 "${key[@]}" "${days[@]}" -subj "/CN=Quickstart upstream CA" \
    -keyout upstream-ca.key -out upstream-ca.pem
  openssl req "${key[@]}" -subj "/CN=llm.quickstart.test" -keyout llm.key -out llm.csr
  openssl x509 -req -in llm.csr -CA upstream-ca.pem -CAkey upstream-ca.key -CAcreateserial "${days[@]}" \
    -extfile <(echo "subjectAltName=DNS:llm.quickstart.test") -out llm.pem
}

start_server() {
  "$python" "$here/llm_server.py" --certificate llm.pem --key llm.key --log received.log >port &
  server=$!
  for _ in $(seq 100); do
    [ -s port ] && break
    sleep 0.05
  done
  port=$(cat port)
  sed "s/18443/$port/" "$here/policy.yaml" >policy.yaml
  cp "$here/sluice.yaml" .
}

field() {  # tried, JSON path: one value of what the agent printed
  "$python" - "$@" <<'P'
import json, sys
tried, path = sys.argv[1:]
for line in open("agent.log"):
    document = json.loads(line)
    if document["tried"] == tried:
        for key in path.split("."):
            document = document.get(key, "") if isinstance(document, dict) else ""
        print(document)
P
}
is() { [ "$(field "$1" "$2")" = "$3" ]; }
recorded() {  # event type, text: a record of that type contains the text
  grep -F "\"event_type\":\"$1\"" evidence/audit.jsonl | grep -qF "$2"
}
flip_one_byte() {
  cp -r evidence tampered
  "$python" - tampered/audit.jsonl <<'P'
import sys
with open(sys.argv[1], "r+b") as log:
    at = len(log.read()) // 2
    log.seek(at)
    byte = log.read(1)[0]
    log.seek(at)
    log.write(bytes([byte ^ 1]))
P
}

say "Build"
build
choose_client
sluice=$(readlink -f "$SLUICE_BIN")
echo "using $("$sluice" --version 2>/dev/null || echo sluice)"
rm -rf "$work" && mkdir -p "$work" && cd "$work"
began=1

say "A model server over TLS, a CA for Sluice, a policy"
make_certificates >openssl.log 2>&1
start_server
"$sluice" ca init --dir ca
grep -v '^#' policy.yaml

say "The agent, behind sluice exec"
# Made up here, in the documented shape of an AWS access key id; a literal would look like a leak.
aws_key=AKIA$(printf '%s' 2OGYBAH6SLUICEQS)
export QUICKSTART_AWS_KEY=$aws_key DEPLOY_PASSWORD="correct horse battery"
code=0
"$sluice" exec -c sluice.yaml -- "$agent_python" "$here/agent.py" "$port" "$client" >agent.log 2>exec.log || code=$?
cat agent.log
[ "$code" -eq 0 ] || cat exec.log
claim "the agent ran to its end" test "$code" -eq 0
claim "the model answered" is chat answer "The sky is blue."
claim "the model answered as a stream" is "chat stream" answer "The sky is blue."

say "What arrived upstream"
cat received.log
claim "two requests arrived" test "$(grep -c messages received.log)" -eq 2
claim "the AWS key did not" not grep -qF "$aws_key" received.log
claim "the password did not" not grep -qF "$DEPLOY_PASSWORD" received.log
claim "a mask stands in its place" grep -qF "[REDACTED:" received.log
claim "the rest of the prompt is untouched" grep -qF "What colour is the sky?" received.log

say "What was refused"
claim "the collector: status 403" is collector status 403
claim "the collector: a problem document" is collector content_type application/problem+json
claim "the collector: it names the rule" is collector problem.rule_id "egress[1]"
claim "the private address: status 403" is "private address" status 403
claim "the private address: it names the guard" is "private address" problem.rule_id guard.address.private

say "The evidence"
"$sluice" evidence show --dir evidence
claim "the allowed call is on record" recorded egress_allowed llm.quickstart.test
claim "its outcome is on record" recorded egress_outcome llm.quickstart.test
claim "the blocked call is on record" recorded policy_denied collector.quickstart.test
claim "the private address is on record" recorded policy_denied guard.address.private
claim "no secret is in the evidence" not grep -rqF -e "$aws_key" -e "$DEPLOY_PASSWORD" evidence

say "Verification"
"$sluice" evidence verify --dir evidence || true
claim "the evidence verifies" exits 0 "$sluice" evidence verify --dir evidence
flip_one_byte
"$sluice" evidence verify --dir tampered || true
claim "one flipped bit is found (exit code 4)" exits 4 "$sluice" evidence verify --dir tampered

[ "$failed" -eq 0 ]
