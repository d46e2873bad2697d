// What the importers share: the list of what is lost, and text that is safe to write into YAML.
// Private to policy/import.
#pragma once

#include "policy/base/reader.hpp"
#include "policy/import/import.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::import {

class LossyList {
 public:
  void add(const Reader& at, std::string what, std::string hint = {});
  // The same for each of these keys that is written.
  void add_keys(Reader& map, std::initializer_list<std::string_view> keys, std::string_view what,
                std::string_view hint = {});
  std::vector<Lossy> take(); // in the order of the document

 private:
  std::vector<Lossy> all_;
};

std::string yaml_text(std::string_view text); // in double quotes
std::string
yaml_list(const std::vector<std::string>& elements); // [a, b], of what is written already
// One line that is no policy, whatever the words hold.
std::string yaml_comment(std::string_view words, std::string_view indent = {});
// One line of at most `most` bytes without control characters, cut at a character.
std::string one_line(std::string_view text, std::size_t most);
bool has_control(std::string_view text) noexcept;
// A map with free keys, which may be secrets as its values may: only that it is one is looked at.
void free_map(const Reader& at);

std::optional<Imported> import_agentpaas(const Document& document, Diagnostics& out);
std::optional<Imported> import_cavra(const Document& document, Diagnostics& out);

} // namespace sluice::import
