#include "proxy/cli/starter_files.hpp"

namespace sluice::cli {

const std::string_view kStarterConfig =
    R"(# Sluice: the sidecar of one agent. Check it with: sluice check sluice.yaml
version: 1

# dry-run: decide and record, send nothing. observe: forward, record what enforce would have done.
# enforce: the product.
mode: enforce

agent: {id: my-agent, session: s-1, actor: me@example.com}

listeners:
  # The agent's HTTP_PROXY and HTTPS_PROXY. `sluice exec -- CMD` sets them for you.
  - {name: egress, kind: forward, bind: "127.0.0.1:15001"}
  # An interposer on one edge: every call goes to this upstream, if the policy allows it.
  # - {name: a2a, kind: reverse, bind: "127.0.0.1:8130", upstream: "http://responder:8111"}

policy: policy.yaml

# The CA that intercepted TLS is signed with. Make it once: sluice ca init
tls: {ca_dir: ./ca, upstream_roots: system}

# Values that must never leave, in any encoding. Never written here: read from env, file or exec.
# secrets:
#   - {id: db-password, value: {env: DB_PASSWORD}}

evidence: {dir: ./evidence, commit: written}

# Every default is printed by: sluice check --defaults
# limits: {request_body: 64MiB, header_timeout: 10s}
)";

const std::string_view kStarterPolicy =
    R"(# What the agent may do. Everything not allowed here is blocked.
# Ask about one call with: sluice policy explain POST https://api.openai.com/v1/chat/completions --policy policy.yaml
version: 1
metadata: {id: my-agent, title: My agent, version: 1.0.0}
defaults: {decision: block, tls: intercept, redact: [secrets]}
hosts:
  llm: [api.openai.com, api.anthropic.com]
egress:
  - name: llm
    allow: {hosts: [$llm], ports: [443], methods: [GET, POST], paths: ["/v1/**"]}
  - name: no-deletes
    block: {hosts: ["**"], methods: [DELETE]}
    reason: destructive calls are not for this agent

# Raw TCP (databases, SSH) is decided here and nowhere else. Ask with: sluice policy explain TCP tcp://db.internal:5432
# tcp:
#   - {name: warehouse, allow: {hosts: [db.internal], ports: [5432]}, private: true, limits: {bytes: 1GiB}}
)";

} // namespace sluice::cli
