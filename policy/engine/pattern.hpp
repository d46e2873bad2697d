// What the document writes where a host or a path is meant, compiled. Every pattern is either in
// canonical form or refused with that form as the hint, since a pattern that can never match a
// canonical fact is a hole in a block rule. Matching is linear in the input (RE2, no backtracking).
//
//   hosts: example.com   exactly this name          10.0.0.7, 2001:db8::1   exactly this address
//          *.example.com sub-domains of any depth, not example.com itself
//          api-*.a.com   * stands for a part of one label; alone (*) for a name of one label
//          **            every host, addresses too  10.0.0.0/8              addresses in a network
//          re:…          RE2 over the whole name, case ignored
//   paths: /v1/files     exactly this path          /v1/*/x                 * stays inside a
//   segment
//          /v1/**        everything below /v1/      /a/**/b                 also /a/b
//          re:…          RE2 over the whole path
//   values: application/*  * is any run of bytes      re:…  RE2 over the whole value
//   in JSON: /etc/**      * stays between two slashes, ** crosses them; re:…  RE2 over the whole
//   value
// Tested by tests/unit/engine/pattern_test.cpp.
#pragma once

#include "policy/model/destination.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace re2 {
class RE2;
}

namespace sluice::engine {

struct PatternFault {
  std::string message;
  std::string hint; // the canonical form, or what to write instead
};

class HostPattern {
 public:
  // below is *.x, and *.x-*.y with stars in labels_; glob has as many labels as what it matches.
  enum class Kind : std::uint8_t { exact, below, glob, any, network, regex };
  static std::optional<HostPattern> parse(std::string_view text, PatternFault& fault);

  bool matches(const model::Host& host) const noexcept;
  // For an address a name resolved to: only a literal address or a network says something about it.
  bool matches_address(const model::IpAddress& address) const noexcept;
  // Whether the author had particular hosts in mind: not `**`, `*` or a regular expression. Only
  // such a pattern may open private addresses.
  bool names_host() const noexcept;
  bool is_any() const noexcept { return kind() == Kind::any; }
  // Certainly matches all that `other` matches. False when it cannot be told.
  bool covers(const HostPattern& other) const noexcept;
  const std::string& text() const noexcept { return body_->text; }
  bool operator==(const HostPattern& other) const noexcept {
    return body_ == other.body_ || text() == other.text();
  }

  // What it is, for an index that does not ask it.
  Kind kind() const noexcept { return body_->kind; }
  const std::vector<std::string>& labels() const noexcept { return body_->labels; } // see Body
  const std::optional<model::IpAddress>& address() const noexcept { return body_->address; }
  int prefix() const noexcept { return body_->prefix; } // with address(); 128 for one address
  const re2::RE2* regex() const noexcept { return body_->regex.get(); } // of Kind::regex
  // The same for copies: a group's hosts are in every rule that names it, and in memory once.
  const void* identity() const noexcept { return body_.get(); }

 private:
  struct Body {
    Kind kind = Kind::exact;
    std::string text;
    std::vector<std::string> labels;         // glob; below without the first
    std::optional<model::IpAddress> address; // exact, network
    int prefix = 128;                        // network: of the 16 byte form
    std::shared_ptr<const re2::RE2> regex;
  };
  explicit HostPattern(Body body) : body_(std::make_shared<const Body>(std::move(body))) {}
  static std::optional<HostPattern> parse_network(std::string_view text, PatternFault& fault);
  static std::optional<HostPattern> parse_glob(std::string_view text, PatternFault& fault);

  std::shared_ptr<const Body> body_; // never null
};

class PathPattern {
 public:
  enum class Kind : std::uint8_t { exact, below, regex };
  static std::optional<PathPattern> parse(std::string_view text, PatternFault& fault);

  bool matches(std::string_view path) const noexcept; // normalised
  bool covers(const PathPattern& other) const noexcept;
  const std::string& text() const noexcept { return text_; }
  bool operator==(const PathPattern& other) const noexcept { return text_ == other.text_; }

  // What it is, for an index that does not ask it. A regex is a glob when its text begins with '/'.
  Kind kind() const noexcept { return kind_; }
  const std::string& prefix() const noexcept { return prefix_; }
  const re2::RE2* regex() const noexcept { return regex_.get(); }

 private:
  Kind kind_ = Kind::exact;
  std::string text_;
  std::string prefix_;                    // below: ends in '/'
  std::shared_ptr<const re2::RE2> regex_; // a glob that is neither, or `re:`
};

// A value of a header or a parameter, or a media type: `*` is any run of bytes, all else is itself;
// `re:` RE2 over the whole value.
class TextPattern {
 public:
  static std::optional<TextPattern> parse(std::string_view text, PatternFault& fault);

  bool matches(std::string_view value) const noexcept;
  const std::string& text() const noexcept { return text_; }
  bool operator==(const TextPattern& other) const noexcept { return text_ == other.text_; }
  const re2::RE2* regex() const noexcept { return regex_.get(); } // of `re:`

 private:
  std::string text_;
  std::shared_ptr<const re2::RE2> regex_;
};

// A value of a JSON text: as a path of a file, but with no form of its own to be in.
class ValuePattern {
 public:
  static std::optional<ValuePattern> parse(std::string_view text, PatternFault& fault);

  bool matches(std::string_view value) const noexcept;
  const std::string& text() const noexcept { return text_; }
  bool operator==(const ValuePattern& other) const noexcept { return text_ == other.text_; }
  const re2::RE2* regex() const noexcept { return regex_.get(); } // null: it is itself

 private:
  std::string text_;
  std::shared_ptr<const re2::RE2> regex_; // of a pattern with stars, too
};

} // namespace sluice::engine
