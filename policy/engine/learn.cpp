#include "policy/engine/learn.hpp"

#include "policy/base/bytes.hpp"
#include "policy/engine/canonical.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace sluice::engine {
namespace {

using model::EgressCall;
using model::Protocol;

constexpr std::size_t kMostPaths = 12;   // of one method of a host, before they are drawn together
constexpr std::size_t kLongestWord = 24; // a longer segment is more likely made than written
constexpr std::size_t kShortestDigest = 8;   // hexadecimal with a digit in it
constexpr std::size_t kMostDigitsOfWord = 3; // v1, 2024 is one, page12 is a word

// A number, a UUID, a hash, a token: another time there is another in its place.
bool looks_made(std::string_view segment) {
  if (segment.empty()) return false;
  const auto digits =
      static_cast<std::size_t>(std::count_if(segment.begin(), segment.end(), is_digit));
  const bool hex = std::all_of(segment.begin(), segment.end(),
                               [](char c) { return is_hex_digit(c) || c == '-'; });
  if (digits == segment.size()) return true;
  if (hex && digits > 0 && segment.size() >= kShortestDigest) return true;
  return digits > kMostDigitsOfWord || (digits > 0 && segment.size() > kLongestWord);
}

// Bytes that a pattern would read otherwise, or that no path has: a mask of a record, a star.
bool is_path_text(std::string_view segment) {
  constexpr std::string_view kMarks = "-._~!$&'()+,;=:@%";
  return std::all_of(segment.begin(), segment.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) ||
           kMarks.find(c) != std::string_view::npos;
  });
}

// "*" for OPTIONS has no segments and no pattern.
std::string pattern_of(std::string_view path) {
  if (!path.starts_with('/')) return "/**";
  std::string out;
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    out += '/';
    out += looks_made(segment) || !is_path_text(segment) ? "*" : segment;
  }
  return out;
}

// Their first segments, or everything.
std::set<std::string> drawn_together(const std::set<std::string>& paths) {
  std::set<std::string> out;
  for (const std::string& path : paths) {
    const auto end = path.find('/', 1);
    if (end == std::string::npos) {
      out.insert(path);
    } else {
      out.insert(path.substr(0, end) + "/**");
    }
  }
  if (out.size() > kMostPaths) return {"/**"};
  return out;
}

template <class Values, class Text> std::string list(const Values& values, Text text) {
  std::string out;
  for (const auto& value : values) out += (out.empty() ? "" : ", ") + text(value);
  return '[' + out + ']';
}

const auto kQuoted = [](const std::string& text) { return quoted(text); };

// A rule that opens private addresses opens none of these.
bool opens(const std::string& address_class) {
  return address_class == "private" || address_class == "loopback" ||
         address_class == "link_local" || address_class == "cgnat";
}

} // namespace

void Learner::see(const EgressCall& call, const std::string& address_class) {
  if (call.to.host.empty()) return;
  ++calls_;
  const bool named = std::all_of(call.method.begin(), call.method.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
  });
  if (!named) {
    ++odd_methods_;
    return;
  }
  if (call.protocol == Protocol::connect) {
    tunnels_.insert(call.to.host.text() + ' ' + std::to_string(call.to.port));
    return;
  }
  const bool tcp = call.protocol == Protocol::tcp;
  Host& host = (tcp ? tcp_ : http_)[call.to.host.text()];
  host.ports.emplace(tcp ? "" : std::string(to_string(call.to.scheme)), call.to.port);
  if (!tcp) {
    auto& paths = host.paths[call.method];
    paths.insert(pattern_of(call.path));
    for (const auto& other : call.other_paths) paths.insert(pattern_of(other));
  }
  if (address_class != "global" && !address_class.empty()) host.classes.insert(address_class);
}

std::string Learner::section(const std::string& name, const Hosts& hosts) {
  if (hosts.empty()) return "";
  std::string out = name + ":\n";
  for (const auto& [text, host] : hosts) {
    std::set<std::string> schemes, ports;
    for (const auto& [scheme, port] : host.ports) {
      if (!scheme.empty()) schemes.insert(scheme);
      ports.insert(std::to_string(port));
    }
    std::map<std::set<std::string>, std::set<std::string>> methods; // by the paths they share
    for (const auto& [method, paths] : host.paths)
      methods[paths.size() > kMostPaths ? drawn_together(paths) : paths].insert(method);
    if (methods.empty()) methods[{}] = {};
    const bool inside = std::any_of(host.classes.begin(), host.classes.end(), opens);
    for (const auto& one : host.classes) {
      if (!opens(one)) out += "  # not opened: an address of the class " + one + '\n';
    }
    for (const auto& [paths, of] : methods) {
      out += "  - allow: {hosts: [" + quoted(text) +
             "], ports: " + list(ports, [](const std::string& port) { return port; });
      if (!schemes.empty()) out += ", schemes: " + list(schemes, kQuoted);
      if (!of.empty()) out += ", methods: " + list(of, kQuoted);
      if (!paths.empty()) out += ", paths: " + list(paths, kQuoted);
      out += inside ? "}\n    private: true # it went to an address of your own network\n" : "}\n";
    }
  }
  return out;
}

std::string Learner::policy() const {
  std::string out = "# Learned from " + std::to_string(calls_) +
                    " calls. Read it before you enforce it: it allows what was done, not what was "
                    "right.\nversion: 1\n";
  Hosts http = http_;
  for (const std::string& tunnel : tunnels_) { // one that showed nothing of what it carried
    const auto space = tunnel.find(' ');
    Host& host = http[tunnel.substr(0, space)];
    if (!host.paths.empty()) continue;
    host.ports.emplace("https", static_cast<std::uint16_t>(std::stoi(tunnel.substr(space + 1))));
  }
  if (odd_methods_ > 0)
    out +=
        "# not allowed: " + std::to_string(odd_methods_) + " calls with methods no rule can name\n";
  const auto egress = section("egress", http);
  out += egress.empty() ? "egress: []\n" : egress;
  return out + section("tcp", tcp_);
}

} // namespace sluice::engine
