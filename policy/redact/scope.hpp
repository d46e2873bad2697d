// What is done with what a rule finds, where a text stands, and what is looked for in it. The zero
// values are the safe ones: everything is looked for everywhere, and all that is found is masked.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sluice::redact {

enum class Action : std::uint8_t {
  mask = 0,
  block,    // masked too, in case somebody goes on
  report,   // left as it is, and told
  tokenize, // a token of the run stands for it (see TokenVault), or the mask where none can
  restore   // of a finding only: where tokens are put back, it stands as it is
};
inline constexpr std::array<std::string_view, 5> kActionWords = {"mask", "block", "report",
                                                                 "tokenize", "restore"};
inline std::string_view to_string(Action action) noexcept {
  return kActionWords[static_cast<std::size_t>(action)];
}

// A credential is the value of Authorization, Cookie and the like: the agent's own login belongs
// there. Trailers are headers, raw TCP is a body.
enum class Place : std::uint8_t {
  anywhere = 0, // a string of ours, or of nobody knows where: every rule looks at it
  request_header,
  request_credential,
  request_url,
  request_body,
  response_header,
  response_credential,
  response_body
};
inline constexpr std::size_t kPlaces = 8;

using PlaceSet = std::uint8_t; // a bit each
inline constexpr PlaceSet bit_of(Place place) noexcept {
  return static_cast<PlaceSet>(1U << static_cast<unsigned>(place));
}
inline constexpr PlaceSet kAllPlaces = 0xFF;
inline constexpr PlaceSet kCredentials =
    bit_of(Place::request_credential) | bit_of(Place::response_credential);

enum class Pack : std::uint8_t { secrets, pii, own }; // own: the rules of a policy

// How a text is written, so how a secret in it is read, and how one is put back. One that cannot be
// written so stays a token.
enum class Escape : std::uint8_t {
  nothing_special = 0, // nobody knows what is read there: nothing that means something anywhere
  text,
  json,      // inside a string of it
  json_read, // the same, its escapes read: somebody else writes them again
  url,       // percent-encoded but for unreserved characters
  header
};

struct Scope {
  enum class Actions : std::uint8_t { all_masked, as_ruled };

  Place place = Place::anywhere;
  bool pii = false; // that pack, too, where the rule set has it
  Actions actions = Actions::all_masked;
  bool restores = false; // tokens are put back, and what would become one stays
  bool leaves = false;   // neither: tokens stay, and so does what would become one
  Escape escape = Escape::nothing_special;

  // Of the bytes of a call, where each rule does what it says.
  static Scope in_call(Place place, bool pii) noexcept {
    Scope out;
    out.place = place, out.pii = pii, out.actions = Actions::as_ruled;
    return out;
  }
  Scope written_as(Escape how) const noexcept {
    Scope out = *this;
    out.escape = how;
    return out;
  }
};
// For tables by what is looked for.
inline constexpr std::size_t kScopes = 2 * kPlaces;
inline constexpr std::size_t index_of(const Scope& scope) noexcept {
  return 2 * static_cast<std::size_t>(scope.place) + (scope.pii ? 1 : 0);
}

} // namespace sluice::redact
