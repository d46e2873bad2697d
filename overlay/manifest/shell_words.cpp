#include "overlay/manifest/shell_words.hpp"

namespace sluice::overlay {
namespace {

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\n';
}

// One word, at its first character.
class WordReader {
 public:
  WordReader(std::string_view text, std::size_t at) noexcept : text_(text), at_(at) {}

  bool read(std::string& out) {
    while (at_ < text_.size() && !is_blank(text_[at_])) {
      const char c = text_[at_++];
      if (c == '\'') {
        if (!single(out)) return false;
      } else if (c == '"') {
        if (!twice(out)) return false;
      } else if (c != '\\') {
        out += c;
      } else if (at_ == text_.size()) {
        return false;
      } else if (const char next = text_[at_++]; next != '\n') {
        out += next;
      }
    }
    return true;
  }

  std::size_t offset() const noexcept { return at_; }

 private:
  bool single(std::string& out) {
    const auto end = text_.find('\'', at_);
    if (end == std::string_view::npos) return false;
    out += text_.substr(at_, end - at_);
    at_ = end + 1;
    return true;
  }

  bool twice(std::string& out) { // XCU §2.2.3
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return true;
      if (c != '\\') {
        out += c;
        continue;
      }
      if (at_ == text_.size()) return false;
      const char next = text_[at_++];
      if (next == '\n') continue;
      if (next != '$' && next != '`' && next != '"' && next != '\\') out += '\\';
      out += next;
    }
    return false;
  }

  std::string_view text_;
  std::size_t at_;
};

} // namespace

std::optional<std::vector<std::string>> shell_words(std::string_view text) {
  std::vector<std::string> out;
  std::size_t at = 0;
  while (at < text.size()) {
    if (is_blank(text[at])) {
      ++at;
    } else if (text[at] == '#') {
      while (at < text.size() && text[at] != '\n') ++at;
    } else {
      WordReader reader(text, at);
      if (!reader.read(out.emplace_back())) return std::nullopt;
      at = reader.offset();
    }
  }
  return out;
}

} // namespace sluice::overlay
