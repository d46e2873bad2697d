// Short ways to a policy and a call, for the tests of this folder.
#pragma once

#include "policy/engine/engine.hpp"
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
