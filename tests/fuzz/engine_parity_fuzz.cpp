// Invariant: whatever policy loads, the two engines say the same of any call, of any address its
// name could resolve to, and of its host. The input is a policy, a line "---", and calls: a line
// each, "METHOD https://host/path", "CONNECT host:port" or "TCP host:port", and what is known of
// it: " agent=a session=s time=1780322400 sni=host" of these some; "before" for a tunnel without a
// hello.
#include "policy/engine/compiled_engine.hpp"
#include "policy/engine/reference_engine.hpp"
#include "tests/support/engine_parity.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace {

using namespace sluice;
using model::IpAddress;
using model::Protocol;

constexpr std::string_view kBetween = "\n---\n";

void learn(std::string_view word, model::Actor& actor, model::EgressCall& call) {
  const auto equals = std::min(word.find('='), word.size());
  const auto key = word.substr(0, equals);
  const auto value = word.substr(std::min(equals + 1, word.size()));
  if (key == "agent") actor.agent = value;
  if (key == "session") actor.session = value;
  if (key == "before") call.before_hello = call.protocol == Protocol::connect && call.sni.empty();
  if (const auto host = model::Host::parse(value); key == "sni" && host)
    call.sni = host.value().text();
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (key == "time" && error == std::errc()) call.given.unix_seconds = seconds;
}

std::optional<model::EgressCall> called_by(std::string_view line);

std::optional<model::EgressCall> call_of(std::string_view line) {
  const auto known = line.find(' ', std::min(line.find(' '), line.size() - 1) + 1);
  auto out = called_by(line.substr(0, known));
  if (!out || known == std::string_view::npos) return out;
  model::Actor actor;
  for (auto rest = line.substr(known + 1); !rest.empty();) {
    const auto word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    learn(word, actor, *out);
  }
  out->given.actor = std::make_shared<const model::Actor>(std::move(actor));
  return out;
}

std::optional<model::EgressCall> called_by(std::string_view line) {
  const auto space = line.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto method = line.substr(0, space);
  const auto target = line.substr(space + 1);
  model::EgressCall out;
  if (method == "CONNECT" || method == "TCP") {
    const auto to = model::parse_host_port(target);
    if (!to) return std::nullopt;
    const bool tcp = method == "TCP";
    out.protocol = tcp ? Protocol::tcp : Protocol::connect;
    out.to = {tcp ? model::Scheme::tcp : model::Scheme::https, to.value().host,
              to.value().port.value_or(443)};
    if (!tcp) out.method = method;
    return out;
  }
  const auto parsed = model::parse_target(target);
  if (!parsed || !parsed.value().absolute) return std::nullopt;
  out.method = method;
  out.to = *parsed.value().absolute;
  out.path = parsed.value().path;
  out.other_paths = parsed.value().other_paths;
  return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto between = text.rfind(kBetween);
  if (between == std::string_view::npos) return 0;
  const auto snapshot = engine::load_policy_text(text.substr(0, between + 1), "fuzz").snapshot;
  if (!snapshot) return 0;
  const engine::ReferenceEngine reference(snapshot);
  const engine::CompiledEngine compiled(snapshot);
  const IpAddress addresses[] = {IpAddress::v4(0x0a000007), IpAddress::v4(0x08080808),
                                 IpAddress::v4(0xa9fea9fe),
                                 *IpAddress::parse_strict("2606:4700::1")};
  std::string_view calls = text.substr(between + kBetween.size());
  while (!calls.empty()) {
    const auto end = std::min(calls.find('\n'), calls.size() - 1);
    auto call = call_of(calls.substr(0, end));
    calls.remove_prefix(end + 1);
    if (!call) continue;
    if (!testing::difference(reference, compiled, *call, addresses).empty()) std::abort();
    if (call->protocol != Protocol::http) continue;
    call->protocol = Protocol::websocket;
    if (!testing::difference(reference, compiled, *call, addresses).empty()) std::abort();
  }
  return 0;
}
