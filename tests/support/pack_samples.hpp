// The packs as their source files say, and made-up texts of a pattern, for tests that hold the
// redaction engine against RE2.
#pragma once

#include "policy/base/document.hpp"
#include "policy/redact/shape_parser.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace sluice::test {

using Random = std::mt19937;

inline std::size_t below(Random& random, std::size_t n) {
  return static_cast<std::size_t>(random()) % n;
}

struct PackFormat {
  std::string id, pattern, check, block_end;
  double entropy = 0;
  bool starts_at_boundary = true, ends_at_boundary = false, without_digit = false;
};

inline std::vector<PackFormat> formats_of_pack(const std::string& pack) {
  std::vector<std::filesystem::path> files;
  const auto folder = std::filesystem::path(SLUICE_SOURCE_DIR) / "policy/redact/packs" / pack;
  for (const auto& file : std::filesystem::directory_iterator(folder)) files.push_back(file.path());
  std::sort(files.begin(), files.end());
  std::vector<PackFormat> out;
  for (const auto& file : files) {
    Diagnostics problems;
    const auto document = load_document(file.string(), problems);
    if (!document) throw std::runtime_error(format(problems));
    for (const Node& one : document->root.find("formats")->items) {
      const auto text = [&](const char* key) {
        const Node* node = one.find(key);
        return node == nullptr ? std::string() : node->text;
      };
      PackFormat& made = out.emplace_back();
      made.id = text("id"), made.pattern = text("pattern");
      made.check = text("check"), made.block_end = text("block_end");
      made.starts_at_boundary = text("starts") != "anywhere";
      made.ends_at_boundary = text("ends") == "boundary";
      made.without_digit = text("without_digit") == "true";
      if (const Node* node = one.find("entropy")) {
        made.entropy =
            node->kind == Node::Kind::real ? node->real : static_cast<double>(node->integer);
      }
    }
  }
  return out;
}

// Over bytes, as Shape: nothing is a line, nothing is UTF-8.
inline std::unique_ptr<RE2> re2_of(const std::string& pattern) {
  RE2::Options options;
  options.set_encoding(RE2::Options::EncodingLatin1);
  options.set_log_errors(false);
  options.set_longest_match(false);
  options.set_max_mem(64 << 20);
  return std::make_unique<RE2>(pattern, options);
}

// A text of the pattern. What may be repeated is repeated a little more often than it must.
enum class Sample { varied, plain }; // plain: what is optional is left out
inline void append_sample(const redact::ShapeNode& node, Random& random, Sample kind,
                          std::string& out) {
  using Kind = redact::ShapeNode::Kind;
  switch (node.kind) {
  case Kind::bytes: {
    std::vector<char> ways, plain;
    for (std::size_t c = 0; c < 256; ++c) {
      if (!node.bytes[c]) continue;
      ways.push_back(static_cast<char>(c));
      if (c > ' ' && c < 0x7F) plain.push_back(static_cast<char>(c));
    }
    // What stands between a name and a value is, as a rule, one of these.
    if (kind == Sample::plain && node.bytes['='] && node.bytes[':'] && !node.bytes['a']) {
      plain = {'=', ':'};
    }
    const auto& from = plain.empty() ? ways : plain;
    if (!from.empty()) out += from[below(random, from.size())];
    return;
  }
  case Kind::sequence:
    for (const auto& part : node.parts) append_sample(part, random, kind, out);
    return;
  case Kind::choice:
    append_sample(node.parts[below(random, node.parts.size())], random, kind, out);
    return;
  case Kind::repeat: break;
  }
  const bool endless = node.most == redact::ShapeNode::kEndless;
  const int most = endless ? 6 : kind == Sample::plain ? 0 : 6;
  const int room = endless ? most : std::min(node.most - node.least, most);
  const int times =
      node.least + static_cast<int>(below(random, static_cast<std::size_t>(room) + 1));
  for (int i = 0; i < times; ++i) append_sample(node.parts.front(), random, kind, out);
}

inline std::string sample_of(const std::string& pattern, Random& random,
                             Sample kind = Sample::varied) {
  std::string out;
  append_sample(redact::parse_shape(pattern, redact::Takes::bytes).value(), random, kind, out);
  return out;
}

} // namespace sluice::test
