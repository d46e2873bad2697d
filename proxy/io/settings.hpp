// What the data plane needs to know, already valid: no text, nothing to check again. Made by
// proxy/runtime from sluice.yaml; immutable while workers run.
#pragma once

#include "policy/engine/engine.hpp"
#include "policy/evidence/record.hpp"
#include "policy/redact/drip.hpp"
#include "policy/redact/rule_set.hpp"
#include "proxy/call/assemble.hpp"
#include "proxy/call/credentials.hpp"
#include "proxy/call/url_rules.hpp"
#include "proxy/io/inside.hpp"
#include "proxy/wire/http1.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::io {

enum class Mode : std::uint8_t { dry_run = 0, observe, enforce };
std::string_view to_string(Mode mode) noexcept;

struct ListenerSettings {
  std::string name;
  call::ListenerKind kind = call::ListenerKind::forward;
  model::IpAddress address;
  std::uint16_t port = 0;                     // 0: the kernel chooses
  std::optional<model::Destination> upstream; // reverse, tcp
  // Mutual TLS with other sidecars: who may come (empty: anybody, plain), and who has to be there
  // (empty: whom the host's name stands for). reverse, tcp.
  std::vector<std::string> peers;
  std::string upstream_peer;
  bool outside = false; // who calls is not the program beside us. reverse, tcp
  bool tproxy = false;  // transparent: IP_TRANSPARENT instead of REDIRECT
  bool adopted =
      false; // its sockets were made elsewhere, e.g. in the agent's own network namespace
  std::shared_ptr<const call::UrlRules> urls; // reverse; null: addresses stay as they are
  std::string card_key;                       // the file of the key that signs cards; "": none
};

struct Limits {
  wire::Limits head;
  std::uint64_t request_body = 64ULL << 20;
  std::uint64_t whole_body = 1ULL << 20;
  std::uint64_t held_bodies = 256ULL << 20; // of all calls together
  std::uint32_t connections = 10'000;
  std::uint32_t hops = 16;                           // calls that led to a call
  std::chrono::milliseconds header_timeout{10'000};  // from the first byte of a head to its end
  std::chrono::milliseconds idle_timeout{60'000};    // no byte in a body, or between calls
  std::chrono::milliseconds first_byte{600'000};     // request sent to answer begun
  std::chrono::milliseconds connect_timeout{10'000}; // TCP and TLS, all addresses together
  std::chrono::milliseconds resolve_timeout{5'000};
  std::chrono::milliseconds detect_timeout{300}; // a captured client that says nothing waits for
                                                 // its server to speak first
  std::chrono::milliseconds drain{10'000};
};

struct Settings {
  Mode mode = Mode::dry_run;
  evidence::RunIdentity who;
  std::vector<ListenerSettings> listeners;
  Limits limits;
  std::map<std::string, std::vector<model::IpAddress>> static_hosts; // `resolve:` of sluice.yaml
  unsigned workers = 1;
  std::shared_ptr<const Inside> inside; // the program, when it is in a box of ours; null: none
  std::uint32_t mark = 0;         // SO_MARK of upstream sockets, for rules that exempt us; 0: none
  bool captures() const noexcept; // whether there is a transparent listener
  bool answers_dns() const noexcept; // whether there is a dns listener, so that every name is ours
};

// What changes at a reload: swapped as one pointer, by posting to each worker.
struct ActivePolicy {
  std::shared_ptr<const engine::Engine> engine;             // never null
  std::shared_ptr<const redact::RuleSet> everywhere;        // all that is looked for
  std::shared_ptr<const redact::RuleSet> credential_fields; // what is in a login field, too
  std::shared_ptr<redact::DripWatch> drip;                  // null: no secret is watched
  std::shared_ptr<const call::CredentialSet> credentials;   // null: the policy has none
  std::string signed_by; // fingerprint of the key that signed the policy, or ""
  bool holds_secret(std::string_view name) const; // of a host, in either case; of a method
};

} // namespace sluice::io
