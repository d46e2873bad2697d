// Reads the JSON of one event of a stream in one pass: where its strings stand, which of them are
// pieces of a text that goes on in other events, which text each belongs to, and which texts end
// here. It knows shapes, not vendors: a piece is a text-like member below `delta`, or stands at one
// of few paths of those who have no `delta`. Never builds a tree, never goes deeper than kDeepest.
// Private to policy/redact. Tested by tests/unit/redact/event_json_test.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::redact {

enum class Word : std::uint8_t; // a member name that means something here

// How many bytes at the beginning are neither a quote, a backslash nor a control character.
std::size_t plain_bytes(std::string_view text);

class EventJson {
 public:
  static constexpr std::size_t kDeepest = 64;
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  // What the whole event says it is about, to see whether an end concerns a text. 0: not said.
  static constexpr std::size_t kScopes = 7;
  using Scope = std::array<std::uint64_t, kScopes>;
  using Lineage = std::vector<std::uint64_t>; // names of the containers a piece stands in

  struct String { // between the quotes
    std::size_t begin = 0, end = 0;
    bool escaped = false; // a backslash is in it
    bool piece = false;   // of a text that goes on
    Word word{};
    std::uint32_t container = kNone; // the object or array it stands in
    std::uint64_t channel = 0;       // of a piece: whose text it is
  };

  // False: it is no JSON object, array or string, and nothing below may be asked.
  bool read(std::string_view payload);

  const std::vector<String>& strings() const noexcept { return strings_; }
  const Scope& scope() const noexcept { return scope_; }
  Lineage lineage_of(const String& piece) const;
  // Whether this event ends anything, and whether it ends the text with that scope and lineage.
  bool ends_any() const noexcept { return ends_by_type_ || !ended_.empty(); }
  bool ends(const Scope& scope, const Lineage& lineage) const noexcept;

 private:
  struct Container {
    std::uint32_t parent = kNone;
    Word name{}; // the member it is the value of; of an element: the array's
    bool array = false;
    bool element = false;
    bool below_delta = false;
    std::uint64_t key = 0;      // hash of the member name
    std::uint64_t position = 0; // in an array, or what `index` says
    std::uint64_t ids = 0;      // other members that tell it from its like
    std::uint64_t type = 0, id = 0;
    std::uint64_t hash = 0; // of all of that, and of its parent's
  };
  struct Key {
    Word word{};
    std::string_view name;
  };
  enum class Ends : std::uint8_t { container, its_artifact };

  bool read_value(Key key, std::uint64_t position);
  bool read_object(Key key, std::uint64_t position);
  bool read_array(Key key, std::uint64_t position);
  bool read_string(Key key);
  bool read_scalar(Key key);
  bool read_key(Key& key);
  bool scan_string(String& out);
  bool scan_escape();
  void open(Key key, std::uint64_t position, bool array);
  void close() { here_ = containers_[here_].parent, --depth_; }
  bool is_piece(Word word) const;
  bool is_part_text(const Container& element) const;
  Word name_of(std::uint32_t container) const;
  void note(Word word, std::string_view value);
  void note_type(std::string_view value);
  void name_all();
  void skip_space() noexcept;
  bool next_is(char c) noexcept;

  std::string_view text_;
  std::size_t at_ = 0;
  std::uint32_t here_ = kNone;
  std::size_t depth_ = 0;
  std::vector<Container> containers_;
  std::vector<String> strings_;
  std::vector<std::pair<std::uint32_t, Ends>> ends_;
  std::vector<std::uint64_t> ended_; // names of containers whose texts end
  Scope scope_{};
  bool ends_by_type_ = false;
  std::string name_; // a member name that was escaped
};

} // namespace sluice::redact
