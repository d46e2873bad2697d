// Short ways to a policy and a call, for the tests of this folder.
#pragma once

#include "policy/engine/compiled_engine.hpp"
#include "policy/engine/explain.hpp"
#include "policy/engine/snapshot.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>

namespace sluice::engine::testing {

inline PolicyLoad load(std::string_view text) {
  return load_policy_text(text, "p");
}

inline std::shared_ptr<const Snapshot> policy(std::string_view text) {
  auto loaded = load(text);
  BOOST_TEST_REQUIRE(loaded.snapshot != nullptr, format(loaded.diagnostics));
  return loaded.snapshot;
}

// Both engines, which must say the same: what is asked of one is asked of the other.
class BothEngines {
 public:
  explicit BothEngines(std::shared_ptr<const Snapshot> policy)
      : reference_(policy), compiled_(policy), policy_(std::move(policy)) {}

  model::Decision decide(const model::EgressCall& call) const {
    return same(reference_.decide(call), compiled_.decide(call));
  }
  model::Decision decide_address(const model::EgressCall& call, const model::Decision& by_name,
                                 const model::IpAddress& address) const {
    return same(reference_.decide_address(call, by_name, address),
                compiled_.decide_address(call, by_name, address));
  }
  bool could_allow(const model::Host& host, const model::Given& given = {}) const {
    const bool out = compiled_.could_allow(host, given);
    BOOST_TEST(out == reference_.could_allow(host, given), host.text());
    return out;
  }
  Explanation explain(const model::EgressCall& call) const {
    return engine::explain(policy_, call);
  }
  const Snapshot& policy() const { return compiled_.policy(); }

 private:
  static model::Decision same(const model::Decision& reference, model::Decision compiled) {
    BOOST_TEST((reference == compiled),
               "reference: " << reference.rule_id << ", compiled: " << compiled.rule_id);
    return compiled;
  }

  ReferenceEngine reference_;
  CompiledEngine compiled_;
  std::shared_ptr<const Snapshot> policy_;
};

// "METHOD https://host:port/path", "CONNECT host:port" or "TCP host:port".
inline model::EgressCall call(std::string_view text) {
  model::EgressCall out;
  const auto space = text.find(' ');
  out.method = text.substr(0, space);
  const std::string_view target = text.substr(space + 1);
  if (out.method == "CONNECT" || out.method == "TCP") {
    auto to = model::parse_host_port(target).value();
    const bool tcp = out.method == "TCP";
    out.protocol = tcp ? model::Protocol::tcp : model::Protocol::connect;
    out.to = {tcp ? model::Scheme::tcp : model::Scheme::https, to.host, *to.port};
    if (tcp) out.method.clear();
    return out;
  }
  auto parsed = model::parse_target(target).value();
  out.to = *parsed.absolute;
  out.path = parsed.path;
  out.other_paths = parsed.other_paths;
  return out;
}

} // namespace sluice::engine::testing
