#include "policy/evidence/json_writer.hpp"

#include "policy/evidence/utf8.hpp"

#include <charconv>
#include <cstdlib>
#include <utility>

namespace sluice::evidence {
namespace {

constexpr std::array<bool, 256> make_plain() {
  std::array<bool, 256> plain{};
  for (std::size_t c = 0x20; c < 0x80; ++c) plain[c] = true;
  for (const char c : {'"', '\\', '<', '>', '&'}) plain[static_cast<unsigned char>(c)] = false;
  return plain;
}
constexpr std::array<bool, 256> kPlain = make_plain();

// Writes the escape for what `rest` begins with and returns how many bytes that was.
std::size_t append_escape(std::string& out, std::string_view rest) {
  constexpr char kHex[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(rest.front());
  switch (byte) {
  case '"': out += "\\\""; return 1;
  case '\\': out += "\\\\"; return 1;
  case '\n': out += "\\n"; return 1;
  case '\r': out += "\\r"; return 1;
  case '\t': out += "\\t"; return 1;
  default: break;
  }
  if (byte < 0x80) {
    out += "\\u00";
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
    return 1;
  }
  const std::size_t size = utf8_sequence(rest);
  if (size == 0) {
    out += "\\ufffd";
    return 1;
  }
  out += rest[2] == '\xA8' ? "\\u2028" : "\\u2029";
  return size;
}

void require(bool condition) {
  if (!condition) std::abort();
}

} // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t run = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (kPlain[byte]) {
      ++at;
      continue;
    }
    if (byte >= 0x80) {
      const std::size_t size = utf8_sequence(text.substr(at));
      if (size != 0 && !is_line_separator(text.substr(at, size))) {
        at += size;
        continue;
      }
    }
    out.append(text, run, at - run);
    at += append_escape(out, text.substr(at));
    run = at;
  }
  out.append(text, run);
  out += '"';
}

void JsonWriter::separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (!levels_[depth_].first) out_ += ',';
  levels_[depth_].first = false;
}

void JsonWriter::open(char bracket) {
  separate();
  out_ += bracket;
  require(++depth_ < kMaxDepth);
  levels_[depth_] = Level{};
}

void JsonWriter::close(char bracket) {
  require(depth_ > 0 && !after_key_);
  --depth_;
  out_ += bracket;
}

JsonWriter& JsonWriter::begin_object() {
  open('{');
  return *this;
}

JsonWriter& JsonWriter::end_object() {
  close('}');
  return *this;
}

JsonWriter& JsonWriter::begin_array() {
  open('[');
  return *this;
}

JsonWriter& JsonWriter::end_array() {
  close(']');
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  Level& level = levels_[depth_];
  const auto last = std::string_view(out_).substr(level.key_at, level.key_size);
  require(depth_ > 0 && !after_key_ && (level.first || last < name));
  separate();
  out_ += '"';
  level.key_at = out_.size();
  level.key_size = name.size();
  for (const char c : name) require(kPlain[static_cast<unsigned char>(c)]);
  out_ += name;
  out_ += "\":";
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view value) {
  separate();
  append_json_string(out_, value);
  return *this;
}

JsonWriter& JsonWriter::integer(std::int64_t value) {
  require(value <= kMaxJsonInteger && value >= -kMaxJsonInteger);
  separate();
  char text[24];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  out_.append(text, end);
  return *this;
}

JsonWriter& JsonWriter::boolean(bool value) {
  separate();
  out_ += value ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::null() {
  separate();
  out_ += "null";
  return *this;
}

std::string JsonWriter::take() {
  require(depth_ == 0 && !after_key_);
  levels_[0] = Level{};
  return std::exchange(out_, {});
}

} // namespace sluice::evidence
