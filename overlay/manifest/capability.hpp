// What one component offers another: a kind and an optional profile. Two capabilities match only
// when both are equal. Tested by tests/unit/overlay/parse_manifest_test.cpp.
#pragma once

#include "policy/base/reader.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::overlay {

// `egress` is what every program has from the outside; no manifest and no plan declares it.
enum class Kind : std::uint8_t { mcp, llm, http, component, docker, a2a, storage, kvm, egress };

inline constexpr Word<Kind> kEgressWord{"egress", Kind::egress};

// Those of slots and provides.
inline constexpr std::array kKinds = {
    Word<Kind>{"mcp", Kind::mcp},         Word<Kind>{"llm", Kind::llm},
    Word<Kind>{"http", Kind::http},       Word<Kind>{"component", Kind::component},
    Word<Kind>{"docker", Kind::docker},   Word<Kind>{"a2a", Kind::a2a},
    Word<Kind>{"storage", Kind::storage}, Word<Kind>{"kvm", Kind::kvm}};

// Those a selector names.
inline constexpr std::array kSelectedKinds = {kKinds[0], kKinds[1], kKinds[2],
                                              kKinds[3], kKinds[4], kKinds[5],
                                              kKinds[6], kKinds[7], kEgressWord};

static_assert(kSelectedKinds.size() == kKinds.size() + 1);

constexpr std::string_view to_string(Kind kind) noexcept {
  for (const auto& word : kSelectedKinds) {
    if (word.value == kind) return word.text;
  }
  return "";
}

// Carried over HTTP; the others have no network between the two ends.
constexpr bool is_http_like(Kind kind) noexcept {
  return kind == Kind::mcp || kind == Kind::llm || kind == Kind::http || kind == Kind::component ||
         kind == Kind::a2a;
}

struct Capability {
  Kind kind = Kind::http;
  std::optional<std::string> profile;
  bool operator==(const Capability&) const = default;
};

// What sluice itself can be on an edge.
enum class Builtin : std::uint8_t { policy, redact, record, limit };

inline constexpr std::array kBuiltins = {
    Word<Builtin>{"redact", Builtin::redact}, Word<Builtin>{"policy", Builtin::policy},
    Word<Builtin>{"record", Builtin::record}, Word<Builtin>{"limit", Builtin::limit}};

constexpr std::string_view to_string(Builtin builtin) noexcept {
  for (const auto& word : kBuiltins) {
    if (word.value == builtin) return word.text;
  }
  return "";
}

} // namespace sluice::overlay
