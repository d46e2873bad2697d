// A YAML 1.2 or JSON file as a tree in which every node knows its line and column. Bounded before
// it is built: file size, depth, and nodes counted after aliases are expanded, so that a small file
// cannot become a large tree. Plain scalars are typed by the YAML 1.2 core schema (`no` and `on`
// are strings); quoted ones stay strings. Never throws, never guesses: a duplicate key, a second
// document, a tag, a NUL or invalid UTF-8 is an error with its position.
// Tested by tests/unit/base/document_test.cpp.
#pragma once

#include "policy/base/diagnostic.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

inline constexpr std::size_t kMaxDocumentBytes = 8U << 20;
inline constexpr std::size_t kMaxDocumentNodes = 300'000; // after alias expansion
inline constexpr int kMaxDocumentDepth = 64;

struct Member;
class SchemaNode;

struct Node {
  enum class Kind : std::uint8_t { null, boolean, integer, real, string, list, map };
  Kind kind = Kind::null;
  bool boolean = false;
  std::int64_t integer = 0;
  double real = 0;
  std::string text;            // any scalar, as written (after unquoting)
  std::vector<Node> items;     // list
  std::vector<Member> members; // map, in source order, keys unique
  int line = 1;                // from 1; an expanded alias keeps the place of its anchor
  int column = 1;              // from 1, in characters

  bool is_map() const noexcept { return kind == Kind::map; }
  bool is_list() const noexcept { return kind == Kind::list; }
  const Node* find(std::string_view key) const noexcept; // null when absent or not a map
};

struct Member {
  std::string key;
  int line = 1; // of the key
  int column = 1;
  Node value;
};

std::string_view to_string(Node::Kind kind) noexcept; // "a string", "a list", … for messages

struct Document {
  std::string file;            // for messages
  Node root;                   // null for an empty file
  SchemaNode* asked = nullptr; // who writes down what its Readers ask for; see schema.hpp
};

// nullopt exactly when an error was added to `out`.
std::optional<Document> parse_document(std::string_view text, std::string file, Diagnostics& out);
std::optional<Document> load_document(const std::string& path, Diagnostics& out);

} // namespace sluice
