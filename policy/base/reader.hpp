// A cursor over a Document that turns nodes into values and collects every problem on the way, each
// with file, line, column and RFC 6901 pointer. Absent keys read as nothing, without a diagnostic;
// wrong ones read as nothing, with one. Messages show keys and short words only: a scalar over 40
// bytes, or anywhere under a key such as `value`, is never quoted, because it may be a secret; with
// Quote::nothing no scalar is.
//
//   Reader root(document, diagnostics);
//   const auto mode = root.at("mode").one_of(kModes).value_or(Mode::dry_run);
//   const auto dir = root.required("evidence_dir").string();
//   for (Reader& item : root.at("listeners").items()) {
//     listener.name = item.required("name").string().value_or("");
//     item.finish();                       // unknown keys are errors, with the nearest known key
//   }
//   root.unsupported("budget", "counters are not kept in this version");
//   root.finish();
//
// A Reader points into the Document, which must outlive it. What it is asked for makes the schema
// of the document (schema.hpp), so a loader looks at a node itself only for what no schema says.
// Tested by tests/unit/base/reader_test.cpp.
#pragma once

#include "policy/base/document.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice {

template <class E> struct Word { // one row of an enumeration's table
  std::string_view text;
  E value;
};

enum class EmptyList { accept, refuse };
// Which scalars of the document messages may show: keys are shown in any case, shortened.
enum class Quote { short_words, nothing };

class Reader {
 public:
  Reader(const Document& document, Diagnostics& out, Quote quote = Quote::short_words);

  // Where we are.
  bool present() const noexcept { return node_ != nullptr; } // the key was written
  const Node* node() const noexcept { return node_; }        // null when absent
  const std::string& pointer() const noexcept { return pointer_; }

  // Maps. Each asks for a key and thereby makes it known to finish().
  Reader at(std::string_view key);
  Reader required(std::string_view key); // an error when it is missing
  // An error when the key is written: a rule that is silently ignored would fail open.
  void unsupported(std::string_view key, std::string_view hint = {});
  // The same for a key that has its meaning elsewhere and none in this map.
  void misplaced(std::string_view key, std::string_view hint);
  // The same for a key of an older version of the format.
  void renamed(std::string_view key, std::string_view to);
  // Reports the keys nobody asked for, and a node that is not a map at all. Call it once, last.
  void finish();
  std::vector<std::pair<std::string, Reader>> members(); // maps with free keys; needs no finish()

  // Lists.
  std::vector<Reader> items(EmptyList empty = EmptyList::accept);
  std::vector<std::string> strings(EmptyList empty = EmptyList::accept); // wrong items left out
  std::vector<Reader> one_or_items(EmptyList empty); // what is no list is the one item

  // Scalars.
  std::optional<std::string> string(); // not empty
  std::optional<std::string> text();   // any scalar as it is written, e.g. version: 1.2
  std::optional<bool> boolean();
  std::optional<std::int64_t> integer(std::int64_t min, std::int64_t max);
  std::optional<double> number(double min = -std::numeric_limits<double>::infinity(),
                               double max = std::numeric_limits<double>::infinity(),
                               std::string hint = {});
  const Node* scalar(); // null too; nullptr for a list or a map, and when absent
  // Whether it is the only thing it can be. What else it is, the caller reports.
  bool says(std::string_view word) const;
  bool says(std::int64_t number) const;
  // Bytes: an integer, or an integer with B, KiB, MiB, GiB, TiB (powers of 1024) or kB, MB, GB, TB.
  std::optional<std::uint64_t> size(std::uint64_t min = 0,
                                    std::uint64_t max = std::numeric_limits<std::uint64_t>::max());
  // An integer with ms, s, m, h or d; the unit is never left out.
  std::optional<std::chrono::milliseconds>
  duration(std::chrono::milliseconds min = std::chrono::milliseconds(0),
           std::chrono::milliseconds max = std::chrono::hours(24 * 366));
  template <class E, std::size_t N> std::optional<E> one_of(const std::array<Word<E>, N>& table) {
    std::array<std::string_view, N> words;
    for (std::size_t i = 0; i < N; ++i) words[i] = table[i].text;
    const auto index = word_index(words.data(), N);
    if (!index) return std::nullopt;
    return table[*index].value;
  }

  // For checks of the caller's own; placed at this node (or at its map when absent).
  void error(std::string message, std::string hint = {}) const;
  void warning(std::string message, std::string hint = {}) const;
  // What is said about this node is not of a problem: the caller keeps it.
  Diagnostic here(std::string message) const;
  // This scalar in quotes when it may be shown, otherwise "the value".
  std::string quoted() const;

 private:
  Reader(const Reader& parent, const Node* node, std::string_view token);
  Reader child(const Node* node, std::string_view token, SchemaNode* asked) const;
  void refuse(std::string_view key, std::string_view why, std::string_view hint);
  void report(Diagnostic::Level level, std::string message, std::string hint) const;
  void expected(std::string_view what, std::string hint = {}) const;
  bool require_map();
  std::optional<std::size_t> word_index(const std::string_view* words, std::size_t count) const;

  const std::string* file_;
  Diagnostics* out_;
  const Node* node_;
  std::string pointer_;
  int line_ = 1;
  int column_ = 1;
  SchemaNode* asked_ = nullptr;
  bool hidden_ = false;     // under a key `value`, or nothing is quoted
  bool complained_ = false; // one "expected a map" is enough
  std::vector<std::string> known_;
  std::vector<std::string> refused_; // known, but not worth proposing
};

// For messages: the words in a row, "a, b or c".
std::string join_words(const std::string_view* words, std::size_t count);

} // namespace sluice
