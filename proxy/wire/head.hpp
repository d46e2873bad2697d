// An HTTP message head as data: a field list that keeps order and case, and what framing decided.
// Never joins repeated fields by itself: the first or last of a repeated set is never "the" value.
// Tested by tests/unit/wire/head_test.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::wire {

struct Field {
  std::string name, value;
  bool operator==(const Field&) const = default;
};

class Fields {
 public:
  void add(std::string_view name, std::string_view value);
  void set(std::string_view name, std::string_view value); // replaces every one of that name
  std::size_t erase(std::string_view name);
  std::size_t count(std::string_view name) const noexcept;
  // The only value of that name; nullopt when absent or repeated.
  std::optional<std::string_view> only(std::string_view name) const noexcept;
  std::string
  joined(std::string_view name) const; // ", " between repeats (RFC 9110 §5.3); "" when absent
  bool has_token(std::string_view name,
                 std::string_view token) const noexcept; // list element, any case
  const std::vector<Field>& all() const noexcept { return all_; }
  std::vector<Field>& all() noexcept { return all_; }
  bool operator==(const Fields&) const = default;

 private:
  std::vector<Field> all_;
};

enum class Version : std::uint8_t { http10, http11 };
enum class BodyFraming : std::uint8_t { none, length, chunked, until_close };

struct Head { // what request and response share
  Version version = Version::http11;
  Fields fields;
  BodyFraming framing = BodyFraming::none;
  std::uint64_t content_length = 0; // when framing == length
  bool keep_alive = false;          // RFC 9112 §9.3
};

struct RequestHead : Head {
  std::string method, target;
  bool expects_continue = false; // exactly "100-continue", HTTP/1.1, with a body
  bool wants_upgrade = false;    // Connection: upgrade with Upgrade
};

struct ResponseHead : Head {
  int status = 0;
  std::string reason;
};

// What RFC 9110 §7.6.1 says ends at one hop: Connection and what it names (but never Host,
// Content-Length or another framing field), Keep-Alive, Proxy-*, TE, Trailer, Transfer-Encoding,
// Upgrade.
class HopByHop {
 public:
  explicit HopByHop(const Fields& fields);
  HopByHop(const HopByHop&) = delete;
  HopByHop& operator=(const HopByHop&) = delete;
  bool ends(std::string_view name) const;

 private:
  std::string connection_;
  std::vector<std::string_view> named_; // of it
};
void remove_hop_by_hop(Fields& fields);

} // namespace sluice::wire
