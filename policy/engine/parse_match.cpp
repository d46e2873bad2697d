#include "policy/engine/parse.hpp"

#include <algorithm>
#include <charconv>
#include <type_traits>

namespace sluice::engine {

bool charge_pattern(const Reader& at, ParseContext& shared) {
  if (shared.patterns == kMaxPatterns) at.error("the policy holds more than 50000 patterns");
  return ++shared.patterns <= kMaxPatterns;
}

namespace {

constexpr std::size_t kLongestName = 200;

bool charge_host(const Reader& at, ParseContext& shared) {
  if (shared.hosts == kMaxHosts) at.error("the policy holds more than 250000 hosts");
  return ++shared.hosts <= kMaxHosts;
}

template <class Pattern>
void add_pattern(Reader& item, ParseContext& shared, std::vector<Pattern>& out) {
  const auto text = item.string();
  constexpr bool kHost = std::is_same_v<Pattern, HostPattern>;
  if (!text || !(kHost ? charge_host(item, shared) : charge_pattern(item, shared))) return;
  if (text->substr(0, 3) == "re:" && ++shared.regexes > kMaxRegexes) {
    item.error("the policy holds more than 1000 regular expressions");
    return;
  }
  PatternFault fault;
  if (auto pattern = Pattern::parse(*text, fault)) {
    out.push_back(std::move(*pattern));
  } else {
    item.error(item.quoted() + ": " + fault.message, fault.hint);
  }
}

void add_group(const Reader& item, std::string_view name, ParseContext& shared,
               std::vector<HostPattern>& out) {
  const auto group = shared.groups.find(std::string(name));
  if (group == shared.groups.end()) {
    item.error(item.quoted() + " is not a group", "define it under hosts:");
    return;
  }
  group->second.used = true;
  out.reserve(out.size() + group->second.hosts.size());
  for (const HostPattern& host : group->second.hosts) {
    if (!charge_host(item, shared)) return;
    out.push_back(host);
  }
}

std::optional<std::uint16_t> port_number(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || port == 0 || text[0] == '0') return std::nullopt;
  return port;
}

std::optional<PortRange> parse_port(Reader& item) {
  if (item.node()->kind != Node::Kind::string) {
    const auto port = item.integer(1, 65535);
    if (!port) return std::nullopt;
    return PortRange{static_cast<std::uint16_t>(*port), static_cast<std::uint16_t>(*port)};
  }
  const auto written = item.string();
  if (!written) return std::nullopt;
  const std::string_view text = *written;
  const auto dash = text.find('-');
  const auto first = port_number(text.substr(0, dash));
  const auto last =
      dash == std::string_view::npos ? std::nullopt : port_number(text.substr(dash + 1));
  if (!first || !last || *first > *last) {
    item.error(item.quoted() + " is not a range of ports", first && dash == std::string_view::npos
                                                               ? "write the number without quotes"
                                                               : "write it as 8000-8100");
    return std::nullopt;
  }
  return PortRange{*first, *last};
}

} // namespace

void add_host_patterns(Reader& item, ParseContext& shared, std::vector<HostPattern>& out) {
  const Node& node = *item.node();
  if (node.kind == Node::Kind::string && node.text.substr(0, 1) == "$") {
    add_group(item, std::string_view(node.text).substr(1), shared, out);
  } else {
    add_pattern(item, shared, out);
  }
}

std::vector<HostPattern> parse_host_patterns(Reader hosts, ParseContext& shared) {
  std::vector<HostPattern> out;
  for (Reader& item : hosts.items(EmptyList::refuse)) add_host_patterns(item, shared, out);
  return out;
}

void parse_ports(Reader ports, Match& out) {
  for (Reader& item : ports.items(EmptyList::refuse)) {
    if (const auto range = parse_port(item)) out.ports.push_back(*range);
  }
}

std::vector<PathPattern> parse_path_patterns(Reader paths, ParseContext& shared) {
  std::vector<PathPattern> out;
  for (Reader& item : paths.items(EmptyList::refuse)) add_pattern(item, shared, out);
  return out;
}

std::vector<TextPattern> parse_text_patterns(Reader patterns, ParseContext& shared) {
  std::vector<TextPattern> out;
  for (Reader& item : patterns.one_or_items(EmptyList::refuse)) add_pattern(item, shared, out);
  return out;
}

bool is_field_name(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && text.size() <= kLongestName &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  kMarks.find(c) != std::string_view::npos;
         });
}

Match parse_match(Reader match, const Section& section, ParseContext& shared) {
  Match out;
  if (section.wants_hosts == Section::Hosts::required) {
    out.hosts = parse_host_patterns(match.required(section.hosts), shared);
  }
  section.match(match, shared, out);
  parse_sessions_and_time(match, shared, out);
  match.finish();
  return out;
}

} // namespace sluice::engine
