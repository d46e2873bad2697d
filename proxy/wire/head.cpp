#include "proxy/wire/head.hpp"

#include "policy/base/bytes.hpp"
#include "proxy/wire/framing.hpp"
#include "proxy/wire/grammar.hpp"

#include <algorithm>
#include <array>

namespace sluice::wire {
namespace {

// The elements of a comma list. Quoted strings do not occur in the fields this is used for.
template <class Each> void for_each_element(std::string_view list, Each each) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    const auto element = trim_ows(list.substr(0, comma));
    if (!element.empty()) each(element);
    if (comma == std::string_view::npos) return;
    list.remove_prefix(comma + 1);
  }
}

// RFC 9110 §7.6.1, and HTTP2-Settings, which only ever spoke about this connection (RFC 7540
// §3.2.1; withdrawn by RFC 9113). Whatever starts with "proxy-" is added to these.
constexpr std::array<std::string_view, 7> kOneHop = {
    "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings"};

bool ends_here(std::string_view name) {
  constexpr std::string_view kProxy = "proxy-";
  return equal_ignore_case(name.substr(0, kProxy.size()), kProxy) ||
         std::any_of(kOneHop.begin(), kOneHop.end(),
                     [&](std::string_view one) { return equal_ignore_case(name, one); });
}

} // namespace

void Fields::add(std::string_view name, std::string_view value) {
  all_.push_back(Field{std::string(name), std::string(value)});
}

void Fields::set(std::string_view name, std::string_view value) {
  const auto first = std::find_if(all_.begin(), all_.end(), [name](const Field& field) {
    return equal_ignore_case(field.name, name);
  });
  if (first == all_.end()) return add(name, value);
  first->value = value;
  all_.erase(
      std::remove_if(first + 1, all_.end(),
                     [name](const Field& field) { return equal_ignore_case(field.name, name); }),
      all_.end());
}

std::size_t Fields::erase(std::string_view name) {
  const std::string wanted(name); // `name` may point into a field that goes away
  return std::erase_if(all_, [&](const Field& f) { return equal_ignore_case(f.name, wanted); });
}

std::size_t Fields::count(std::string_view name) const noexcept {
  return static_cast<std::size_t>(
      std::count_if(all_.begin(), all_.end(),
                    [name](const Field& field) { return equal_ignore_case(field.name, name); }));
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
      const auto rest = semicolon == std::string_view::npos
                            ? std::string_view()
                            : trim_ows(element.substr(semicolon + 1));
      const bool taken_back =
          rest == "q=0" || rest == "q=0.0" || rest == "q=0.00" || rest == "q=0.000";
      if (equal_ignore_case(trim_ows(element.substr(0, semicolon)), token) && !taken_back)
        found = true;
    });
  }
  return found;
}

HopByHop::HopByHop(const Fields& fields) : connection_(fields.joined("connection")) {
  for_each_element(connection_, [&](std::string_view option) {
    // RFC 9110 §7.6.1: an option never names a field meant for every recipient. One that does
    // would take away what the next hop reads the message by, or what redaction decoded it by.
    if (!decides_meaning(option)) named_.push_back(option);
  });
}

bool HopByHop::ends(std::string_view name) const {
  return ends_here(name) || std::any_of(named_.begin(), named_.end(), [&](std::string_view option) {
           return equal_ignore_case(name, option);
         });
}

void remove_hop_by_hop(Fields& fields) {
  const HopByHop hop(fields);
  std::erase_if(fields.all(), [&](const Field& field) { return hop.ends(field.name); });
}

} // namespace sluice::wire
