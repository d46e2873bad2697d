#include "policy/engine/witness_situations.hpp"

#include <algorithm>
#include <utility>

namespace sluice::engine {
namespace {

using model::AddressClass;
using model::IpAddress;

constexpr std::size_t kMostOfEach = 3;
constexpr std::int64_t kMonday = std::int64_t{4} * 24 * 60 * 60; // 1970-01-05, 00:00 UTC
constexpr std::uint16_t kNoon = 12 * 60;

std::int64_t moment(int minute_of_week) {
  return kMonday + std::int64_t{minute_of_week % model::kMinutesOfWeek} * 60;
}

template <class T> void add_some(std::vector<T>& to, T value) {
  if (to.size() < kMostOfEach && std::find(to.begin(), to.end(), value) == to.end())
    to.push_back(std::move(value));
}

std::vector<std::string> names_tried(const std::vector<TextPattern>& patterns) {
  std::vector<std::string> out = {std::string(kUnlikely)};
  for (const auto& one : patterns) add_some(out, text_of(one));
  return out;
}

// When the windows begin, and when they are just over.
std::vector<std::int64_t> moments_of(const std::vector<TimeWindow>& windows) {
  std::vector<std::int64_t> out = {moment(kNoon)};
  std::size_t tried = 0;
  for (const TimeWindow& one : windows) {
    if (tried++ == kMostOfEach) break;
    for (int day = 0; day < 7; ++day) {
      if ((one.days >> static_cast<unsigned>(day) & 1U) == 0) continue;
      const int begin = day * model::kMinutesOfDay + one.begin;
      out.push_back(moment(begin));
      out.push_back(moment(begin + one.minutes()));
    }
  }
  return out;
}

std::vector<std::string> server_names_of(const std::vector<HostPattern>& patterns) {
  if (patterns.empty()) return {""};
  std::vector<std::string> out = {"", std::string(kUnlikely) + ".example"};
  for (const HostPattern& one : patterns) {
    const std::string& text = one.text();
    const bool regex = one.kind() == HostPattern::Kind::regex;
    const auto host = model::Host::parse(regex ? plain_of(text) : replace_all(text, "*", "x"));
    if (host && out.size() < kMostOfEach + 2) out.push_back(host.value().text());
  }
  return out;
}

const char* address_in(AddressClass klass) {
  switch (klass) {
  case AddressClass::global: return "8.8.8.8";
  case AddressClass::private_use: return "10.0.0.1";
  case AddressClass::loopback: return "127.0.0.1";
  case AddressClass::link_local: return "169.254.1.1";
  case AddressClass::cgnat: return "100.64.0.1";
  case AddressClass::metadata: return "169.254.169.254";
  case AddressClass::multicast: return "224.0.0.1";
  case AddressClass::embedded: return "64:ff9b::7f00:1";
  case AddressClass::reserved: break;
  }
  return "240.0.0.1";
}

std::vector<std::optional<IpAddress>> addresses_of(const std::vector<AddressClass>& classes) {
  std::vector<std::optional<IpAddress>> out = {std::nullopt};
  if (classes.empty()) return out;
  for (const auto klass : classes) add_some(out, IpAddress::parse_strict(address_in(klass)));
  for (const auto klass : {AddressClass::global, AddressClass::private_use})
    out.push_back(IpAddress::parse_strict(address_in(klass)));
  return out;
}

} // namespace

std::string replace_all(std::string text, std::string_view what, std::string_view by) {
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

// What a regular expression of the simple kind matches: the caller asks it.
std::string plain_of(std::string_view regex) {
  auto out = std::string(regex.substr(std::string_view("re:").size()));
  for (const auto& [what, by] :
       std::initializer_list<std::pair<const char*, const char*>>{{"(?i)", ""},
                                                                  {".*", "x"},
                                                                  {".+", "x"},
                                                                  {"[^/]+", "x"},
                                                                  {"[^.]+", "x"},
                                                                  {"\\d+", "7"},
                                                                  {"\\", ""}}) {
    out = replace_all(out, what, by);
  }
  if (const auto open = out.find('('), bar = out.find('|', open), close = out.find(')', open);
      open != out.npos && bar < close && close != out.npos) {
    out = out.substr(0, open) + out.substr(open + 1, bar - open - 1) + out.substr(close + 1);
  }
  return out;
}

std::string text_of(const TextPattern& pattern) {
  const std::string& text = pattern.text();
  return text.starts_with("re:") ? plain_of(text) : replace_all(text, "*", "x");
}

std::vector<Situation> situations_of(const Match& match) {
  std::vector<Situation> out;
  for (const auto& agent : names_tried(match.agents)) {
    for (const auto& session : names_tried(match.sessions)) {
      const auto actor = std::make_shared<const model::Actor>(model::Actor{agent, session});
      for (const auto time : moments_of(match.time)) {
        for (const auto& sni : server_names_of(match.server_names)) {
          for (const auto& address : addresses_of(match.address_classes))
            out.push_back({{actor, time}, sni, address});
        }
      }
    }
  }
  return out;
}

std::string describe(const model::EgressCall& call, ShowTime time) {
  std::string out;
  const auto add = [&out](const std::string& words) { out += (out.empty() ? "" : ", ") + words; };
  const auto agent = agent_of(call.given), session = session_of(call.given);
  if (!agent.empty() && agent != kUnlikely) add("by " + std::string(agent));
  if (!session.empty() && session != kUnlikely) add("in session " + std::string(session));
  const bool shown = time == ShowTime::yes;
  if (shown && call.given.unix_seconds)
    add(shown_minute(model::minute_of_week(*call.given.unix_seconds)));
  if (!call.sni.empty()) add("server name " + call.sni);
  if (call.original) add("at " + call.original->text());
  return out;
}

} // namespace sluice::engine
