// What a loader asks of a document, written down while it reads one, as a JSON Schema for editors:
// the keys of each map, which of them it wants, what a value may be. So the schema is the loader's
// own word, and a key that it learns is a key of the schema. It accepts all that the loader
// accepts, and more: what two keys say together is checked by the loader alone.
//
//   SchemaNode asked;
//   document.asked = &asked;          // before the Reader is made; nothing else changes
//   load(Reader(document, problems));
//   Schema schema = asked.schema("urn:…", "policy.yaml");
//
// A document in which every key is written, once for each kind of its map, shows all there is.
// What is asked for and never read as anything is in `untyped`: the document is not complete.
// Never used where documents of others are read: it grows with what it is shown.
// Tested by tests/unit/base/schema_test.cpp.
#pragma once

#include "policy/base/document.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice {

struct Schema {
  std::string text;                 // JSON, draft 2020-12
  std::vector<std::string> untyped; // pointers with `*` for an index or a free key; none is right
  Diagnostics problems;             // of the document it was read from; none is right
};

class SchemaNode { // one place of the documents: all items of a list are one place
 public:
  Schema schema(std::string_view id, std::string_view title) const;

  // Said by Readers. A map is told from the others at its place, by its address.
  SchemaNode* key(const Node* map, std::string_view key);
  void want(const Node* map, std::string_view key);   // it must be there
  void refuse(const Node* map, std::string_view key); // it must not be in this one
  void close(const Node* map);                        // all keys were asked for
  SchemaNode* values();                               // of a map with free keys
  SchemaNode* items(bool may_be_empty);
  SchemaNode* alone(bool may_be_empty); // the items, or one without a list around it

  void words(const std::string_view* words, std::size_t count);
  void integer(std::int64_t min, std::int64_t max);
  void number(double min, double max);
  void constant(std::int64_t value);
  void boolean();
  void string();                                              // not empty
  void text();                                                // any scalar
  void scalar();                                              // and null
  void with_unit(const std::vector<std::string_view>& units); // digits and one of them
  void size(std::uint64_t min, std::uint64_t max);            // digits alone

 private:
  struct Visit { // of one map
    std::set<std::string, std::less<>> asked, wanted, refused;
    bool closed = false;
  };
  struct Writer;

  void add(std::string alternative);
  bool offers(std::string_view key) const;

  std::vector<std::string> scalars_;                                      // JSON Schemas, each once
  std::vector<std::pair<std::string, std::unique_ptr<SchemaNode>>> keys_; // in the order asked for
  std::map<const Node*, Visit> visits_;
  std::unique_ptr<SchemaNode> values_, items_;
  bool list_ = false, alone_ = false, empty_list_ = false;
};

} // namespace sluice
