#include "proxy/wire/head.hpp"

#include "policy/base/bytes.hpp"

#include <algorithm>
#include <array>

namespace sluice::wire {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The elements of a comma list. Quoted strings do not occur in the fields this is used for.
template <class Each> void for_each_element(std::string_view list, Each each) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    const auto element = trim(list.substr(0, comma));
    if (!element.empty()) each(element);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

// RFC 9110 §7.6.1. Content-Length and Host are not here: a Connection field that names them is an
// attempt to have them dropped.
constexpr std::array<std::string_view, 9> kHopByHop = {
    "connection",          "keep-alive", "proxy-connection", "proxy-authorization",
    "proxy-authenticate",  "te",         "trailer",          "transfer-encoding",
    "upgrade"};
constexpr std::array<std::string_view, 6> kNeverDropped = {
    "host", "content-length", "content-type", "content-encoding", "authorization", "cookie"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [name](std::string_view known) { return equal_ignore_case(known, name); });
}

}  // namespace

void Fields::add(std::string_view name, std::string_view value) {
  all_.push_back(Field{std::string(name), std::string(value)});
}

void Fields::set(std::string_view name, std::string_view value) {
  const auto first = std::find_if(all_.begin(), all_.end(), [name](const Field& field) {
    return equal_ignore_case(field.name, name);
  });
  if (first == all_.end()) return add(name, value);
  first->value = value;
  all_.erase(std::remove_if(first + 1, all_.end(),
                            [name](const Field& field) { return equal_ignore_case(field.name, name); }),
             all_.end());
}

std::size_t Fields::erase(std::string_view name) {
  return std::erase_if(all_, [name](const Field& field) { return equal_ignore_case(field.name, name); });
}

std::size_t Fields::count(std::string_view name) const noexcept {
  return static_cast<std::size_t>(std::count_if(all_.begin(), all_.end(), [name](const Field& field) {
    return equal_ignore_case(field.name, name);
  }));
}

std::optional<std::string_view> Fields::only(std::string_view name) const noexcept {
  const Field* found = nullptr;
  for (const auto& field : all_) {
    if (!equal_ignore_case(field.name, name)) continue;
    if (found != nullptr) return std::nullopt;
    found = &field;
  }
  if (found == nullptr) return std::nullopt;
  return std::string_view(found->value);
}

std::string Fields::joined(std::string_view name) const {
  std::string out;
  bool first = true;
  for (const auto& field : all_) {
    if (!equal_ignore_case(field.name, name)) continue;
    if (!first) out += ", ";
    out += field.value;
    first = false;
  }
  return out;
}

bool Fields::has_token(std::string_view name, std::string_view token) const noexcept {
  bool found = false;
  for (const auto& field : all_) {
    if (!equal_ignore_case(field.name, name)) continue;
    for_each_element(field.value, [&](std::string_view element) {
      // Parameters (`gzip;q=0.5`) do not change the name; `q=0` takes it back (RFC 9110 §12.4.2).
      const auto semicolon = element.find(';');
      const auto rest = semicolon == std::string_view::npos ? std::string_view() : trim(element.substr(semicolon + 1));
      const bool taken_back = rest == "q=0" || rest == "q=0.0" || rest == "q=0.00" || rest == "q=0.000";
      if (equal_ignore_case(trim(element.substr(0, semicolon)), token) && !taken_back) found = true;
    });
  }
  return found;
}

void remove_hop_by_hop(Fields& fields) {
  std::vector<std::string> named;
  for (const auto& field : fields.all()) {
    if (!equal_ignore_case(field.name, "connection")) continue;
    for_each_element(field.value, [&](std::string_view element) {
      if (!contains(kNeverDropped, element)) named.emplace_back(element);
    });
  }
  std::erase_if(fields.all(), [&](const Field& field) {
    if (contains(kHopByHop, field.name) || equal_ignore_case(field.name, "http2-settings")) return true;
    return std::any_of(named.begin(), named.end(),
                       [&](const std::string& name) { return equal_ignore_case(name, field.name); });
  });
}

}  // namespace sluice::wire
