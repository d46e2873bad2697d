// Puts addresses in the place of others, in text as it streams by: what a program knows as its own
// loopback port has another name to everybody else. Written for text and JSON, where a slash may
// stand as "\/". What comes out does not depend on how the text is cut, and no more is held back
// than what may begin an address of the table. Never decides anything: it is no guard, and text
// that writes an address in another way (%3A, \u003a) passes as it is.
// Tested by tests/unit/call/url_rewriter_test.cpp and tests/fuzz/url_rewriter_fuzz.cpp.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::call {

inline constexpr std::size_t kMaxUrlMappings = 64; // each way
inline constexpr std::size_t kMaxUrlBytes = 1024;

// What keeps a text from being an address of a table; "" when nothing does. One is
// scheme://host[:port][/path] with http, https or amber, without user, query and fragment.
std::string why_no_address(std::string_view url);

class UrlTable {
 public:
  UrlTable() : nodes_(1) {}
  // Both without regard to slashes at their end. A `from` of http on a loopback address stands for
  // that port on each of them, one of a scheme's own port for the address without it, too. Returns
  // why it cannot be, which changes nothing, or "".
  std::string add(std::string_view from, std::string_view to);
  bool empty() const noexcept { return targets_.empty(); }

 private:
  friend class UrlRewriter;
  struct Target {
    std::string to, escaped; // the second with "\/"
    bool bare_host = false;  // what it replaces ends in the name of a host
  };
  struct Node {
    std::vector<std::pair<char, std::uint32_t>> next;
    std::int32_t target = -1; // of the address that ends here
  };
  enum class Answer : std::uint8_t { no, yes, more }; // more: of the text would be needed
  struct Found {
    Answer answer = Answer::no;
    std::size_t end = 0;
    const std::string* to = nullptr;
  };

  const Node* step(const Node& from, char c) const noexcept;
  std::uint32_t place_of(std::string_view from); // made when it is not there
  bool holds(std::string_view from) const noexcept;
  bool has_scheme(std::string_view text) const noexcept;
  bool may_begin_scheme(std::string_view text) const noexcept;
  // The longest address that begins at `at`, and ends where one can. `last`: the text ends.
  Found find(std::string_view text, std::size_t at, bool last) const;

  std::vector<Node> nodes_; // a tree of characters; the first is its root
  std::vector<Target> targets_;
  std::vector<std::string> schemes_; // that an address of the table has
};

// Of one text. The table outlives it.
class UrlRewriter {
 public:
  explicit UrlRewriter(std::shared_ptr<const UrlTable> table) : table_(std::move(table)) {}
  void feed(std::string_view in, std::string& out);
  void finish(std::string& out);
  bool rewrote() const noexcept { return rewrote_; }

 private:
  void run(bool last, std::string& out);
  std::size_t scheme_before(std::size_t colon, std::size_t from) const noexcept;
  std::size_t what_may_begin(std::size_t from) const noexcept;

  std::shared_ptr<const UrlTable> table_;
  std::string text_;     // what went last, then what is held
  std::size_t gone_ = 0; // bytes of it that went
  bool rewrote_ = false;
};

std::string rewrite_urls(const std::shared_ptr<const UrlTable>& table, std::string_view text);

} // namespace sluice::call
