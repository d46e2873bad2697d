#include "proxy/cli/asked_call.hpp"

#include "policy/base/clock.hpp"
#include "policy/base/json.hpp"
#include "policy/content/read_content.hpp"
#include "policy/engine/witness_calls.hpp"
#include "policy/model/destination.hpp"

#include <string_view>
#include <utility>

namespace sluice::cli {
namespace {

constexpr std::string_view kTcpUrl = "tcp://";

// Both fill in what they know; "" or why there is no such call.
std::string tcp_call(const std::string& url, model::EgressCall& call) {
  const auto to = model::parse_host_port(std::string_view(url).substr(kTcpUrl.size()));
  if (!to) return to.error().detail;
  if (!to.value().port) return "raw TCP has no default port";
  call.protocol = model::Protocol::tcp;
  call.to = {model::Scheme::tcp, to.value().host, *to.value().port};
  return "";
}

std::string http_call(const std::string& method, const std::string& url, model::EgressCall& call) {
  const auto target = model::parse_target(url);
  if (!target) return target.error().detail;
  if (!target.value().absolute) return "not an absolute http:// or https:// URL";
  call.protocol = method == "CONNECT" ? model::Protocol::connect : model::Protocol::http;
  call.to = *target.value().absolute;
  call.before_hello = method == "CONNECT";
  call.method = method;
  call.path = target.value().path;
  call.other_paths = target.value().other_paths;
  call.query = target.value().query;
  return "";
}

} // namespace

std::optional<model::EgressCall> asked_call(const std::string& method, const std::string& url,
                                            std::string& why) {
  model::EgressCall call;
  call.call_id = "explain";
  call.listener = "explain";
  const bool tcp_url = url.starts_with(kTcpUrl);
  if ((method == "TCP") != tcp_url) {
    why = "the method TCP and tcp:// go together";
  } else {
    why = tcp_url ? tcp_call(url, call) : http_call(method, url, call);
  }
  give_body(call, {}, 0);
  return why.empty() ? std::optional(std::move(call)) : std::nullopt;
}

bool give_facts(model::EgressCall& call, const AskedFacts& facts,
                std::vector<model::IpAddress>& addresses, std::string& why) {
  const auto refuse = [&why](std::string what) {
    why = std::move(what);
    return false;
  };
  constexpr std::int64_t kSecond = 1'000'000'000;
  call.given.actor = std::make_shared<const model::Actor>(model::Actor{facts.agent, facts.session});
  if (!facts.time.empty()) {
    const auto time = parse_rfc3339_nanos(facts.time);
    if (!time) return refuse("no time is " + facts.time + ": write 2026-01-02T03:04:05Z");
    call.given.unix_seconds = *time / kSecond;
  }
  const bool no_tls =
      call.protocol == model::Protocol::tcp ||
      (call.protocol == model::Protocol::http && call.to.scheme == model::Scheme::http);
  if (!facts.sni.empty() && no_tls) return refuse("such a call has no server name: it is no TLS");
  if (!facts.sni.empty()) {
    const auto name = model::Host::parse(facts.sni);
    if (!name) return refuse("no server name is " + facts.sni);
    call.sni = name.value().text();
    call.before_hello = false;
  }
  for (const auto& one : facts.resolves_to) {
    const auto address = model::IpAddress::parse_strict(one);
    if (!address) return refuse("no address is " + one);
    addresses.push_back(*address);
  }
  return true;
}

void give_body(model::EgressCall& call, std::string_view text, std::uint64_t inspected) {
  using content::Ended;
  const bool whole = text.size() <= inspected;
  call.content =
      content::read_content(call, text.substr(0, inspected), whole ? Ended::yes : Ended::no);
}

std::optional<std::string> tool_call_body(const std::string& tool, const std::string& arguments,
                                          std::string& why) {
  Json params = {{"name", tool}};
  if (!arguments.empty()) {
    const auto read = read_json(arguments);
    if (!read || !read.value().is_map()) {
      why = read ? "arguments are a JSON object" : read.error().detail;
      return std::nullopt;
    }
    params["arguments"] = Json::parse(arguments);
  }
  return Json({{"jsonrpc", "2.0"}, {"id", 1}, {"method", "tools/call"}, {"params", params}}).dump();
}

std::string shown_url(const std::string& url) {
  const auto at = url.rfind('@');
  if (at == url.npos) return url;
  const auto scheme = url.find("://");
  return (scheme < at ? url.substr(0, scheme + 3) : "") + "***" + url.substr(at);
}

Json asked_json(const model::EgressCall& call) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  Json out = {{"method", engine::method_of(call)}, {"url", engine::url_of(call)}};
  const auto say = [&out](const char* key, std::string_view text) {
    if (!text.empty()) out[key] = std::string(text);
  };
  say("agent", model::agent_of(call.given));
  say("session", model::session_of(call.given));
  if (call.given.unix_seconds)
    say("time", format_rfc3339_nanos(*call.given.unix_seconds * kSecond));
  say("sni", call.sni);
  if (call.original) say("resolves_to", call.original->text());
  if (call.content) say("calls", model::describe(*call.content));
  return out;
}

} // namespace sluice::cli
