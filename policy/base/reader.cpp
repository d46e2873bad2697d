#include "policy/base/reader.hpp"

#include "policy/base/bytes.hpp"
#include "policy/base/schema.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace sluice {
namespace {

constexpr std::size_t kMaxQuoted = 40;
constexpr std::size_t kMaxUnknownKeys = 50; // per map; a foreign file is one problem, not 200,000

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array kSizeUnits = {Unit{"B", 1},
                                   Unit{"KiB", 1ULL << 10},
                                   Unit{"MiB", 1ULL << 20},
                                   Unit{"GiB", 1ULL << 30},
                                   Unit{"TiB", 1ULL << 40},
                                   Unit{"kB", 1'000},
                                   Unit{"MB", 1'000'000},
                                   Unit{"GB", 1'000'000'000},
                                   Unit{"TB", 1'000'000'000'000}};

constexpr std::array kTimeUnits = {Unit{"ms", 1}, Unit{"s", 1'000}, Unit{"m", 60'000},
                                   Unit{"h", 3'600'000}, Unit{"d", 86'400'000}};

// "<digits><unit>" without a space; nullopt also when the product does not fit.
template <std::size_t N>
std::optional<std::uint64_t> with_unit(std::string_view text, const std::array<Unit, N>& units) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view name = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& unit : units) {
    std::uint64_t product = 0;
    if (unit.name != name) continue;
    if (__builtin_mul_overflow(number, unit.factor, &product)) return std::nullopt;
    return product;
  }
  return std::nullopt;
}

template <std::size_t N> std::vector<std::string_view> names_of(const std::array<Unit, N>& units) {
  std::vector<std::string_view> out;
  for (const Unit& unit : units) out.push_back(unit.name);
  return out;
}

// Where somebody may have written the secret itself.
bool holds_secret(std::string_view key) {
  return key == "value" || key == "access_key" || key == "secret_key" || key == "session_token";
}

std::string shown(double number) {
  std::array<char, 32> out{};
  const auto end = std::to_chars(out.data(), out.data() + out.size(), number);
  return std::string(out.data(), end.ptr);
}

std::string quote(std::string_view word) {
  return '"' + std::string(word) + '"';
}

std::string show_key(std::string_view key) {
  return key.size() > kMaxQuoted ? quote(std::string(key.substr(0, kMaxQuoted)) + "…") : quote(key);
}

} // namespace

std::string join_words(const std::string_view* words, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += i + 1 == count ? " or " : ", ";
    out += words[i];
  }
  return out;
}

Reader::Reader(const Document& document, Diagnostics& out, Quote quote)
    : file_(&document.file), out_(&out), node_(&document.root), line_(document.root.line),
      column_(document.root.column), asked_(document.asked), hidden_(quote == Quote::nothing) {}

Reader::Reader(const Reader& parent, const Node* node, std::string_view token)
    : file_(parent.file_), out_(parent.out_), node_(node),
      pointer_(parent.pointer_ + '/' + pointer_token(token)),
      line_(node ? node->line : parent.line_), column_(node ? node->column : parent.column_),
      hidden_(parent.hidden_ || holds_secret(token)) {}

Reader Reader::child(const Node* node, std::string_view token, SchemaNode* asked) const {
  Reader out(*this, node, token);
  out.asked_ = asked;
  return out;
}

void Reader::report(Diagnostic::Level level, std::string message, std::string hint) const {
  out_->push_back({level, *file_, line_, column_, pointer_, std::move(message), std::move(hint)});
}

void Reader::error(std::string message, std::string hint) const {
  report(Diagnostic::Level::error, std::move(message), std::move(hint));
}

void Reader::warning(std::string message, std::string hint) const {
  report(Diagnostic::Level::warning, std::move(message), std::move(hint));
}

Diagnostic Reader::here(std::string message) const {
  return {Diagnostic::Level::warning, *file_, line_, column_, pointer_, std::move(message), ""};
}

void Reader::expected(std::string_view what, std::string hint) const {
  error("expected " + std::string(what) + ", found " + std::string(to_string(node_->kind)),
        std::move(hint));
}

std::string Reader::quoted() const {
  const bool scalar = present() && !node_->is_list() && !node_->is_map();
  if (!scalar || hidden_ || node_->text.size() > kMaxQuoted) return "the value";
  return quote(node_->text);
}

bool Reader::require_map() {
  if (!present()) return false;
  if (node_->is_map()) return true;
  if (!complained_) {
    expected("a map", node_->kind == Node::Kind::null ? "fill it in or leave the key out" : "");
  }
  complained_ = true;
  return false;
}

Reader Reader::at(std::string_view key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.emplace_back(key);
  if (!require_map()) return Reader(*this, nullptr, key);
  return child(node_->find(key), key, asked_ == nullptr ? nullptr : asked_->key(node_, key));
}

Reader Reader::required(std::string_view key) {
  Reader value = at(key);
  const bool map = present() && node_->is_map();
  if (map && asked_ != nullptr) asked_->want(node_, key);
  if (!value.present() && map) error("the key " + quote(key) + " is missing");
  return value;
}

void Reader::refuse(std::string_view key, std::string_view why, std::string_view hint) {
  refused_.emplace_back(key);
  const Reader written(*this, require_map() ? node_->find(key) : nullptr, key);
  if (asked_ != nullptr && present()) asked_->refuse(node_, key);
  if (written.present()) written.error(quote(key) + std::string(why), std::string(hint));
}

void Reader::unsupported(std::string_view key, std::string_view hint) {
  refuse(key, " is not supported in this version", hint);
}

void Reader::misplaced(std::string_view key, std::string_view hint) {
  refuse(key, " does not apply here", hint);
}

void Reader::renamed(std::string_view key, std::string_view to) {
  refuse(key, " was renamed", "write " + quote(to));
}

void Reader::finish() {
  if (!require_map()) return;
  if (asked_ != nullptr) asked_->close(node_);
  const std::vector<std::string_view> known(known_.begin(), known_.end());
  std::size_t unknown = 0;
  for (const Member& member : node_->members) {
    const auto is_key = [&](std::string_view word) { return word == member.key; };
    if (std::any_of(known.begin(), known.end(), is_key) ||
        std::any_of(refused_.begin(), refused_.end(), is_key)) {
      continue;
    }
    if (++unknown > kMaxUnknownKeys) break;
    Reader written(*this, &member.value, member.key);
    written.line_ = member.line;
    written.column_ = member.column;
    // A long key is not a typo of ours, and comparing it costs its length.
    const auto near = member.key.size() > kMaxQuoted
                          ? std::string_view()
                          : nearest_word(member.key, known.data(), known.size());
    written.error("unknown key " + show_key(member.key),
                  near.empty() ? "known keys: " + join_words(known.data(), known.size())
                               : "did you mean " + quote(near) + '?');
  }
}

std::vector<std::pair<std::string, Reader>> Reader::members() {
  std::vector<std::pair<std::string, Reader>> out;
  SchemaNode* asked = asked_ == nullptr ? nullptr : asked_->values();
  if (!require_map()) return out;
  for (const Member& member : node_->members) {
    out.emplace_back(member.key, child(&member.value, member.key, asked));
  }
  return out;
}

std::vector<Reader> Reader::items(EmptyList empty) {
  std::vector<Reader> out;
  SchemaNode* asked = asked_ == nullptr ? nullptr : asked_->items(empty == EmptyList::accept);
  if (!present()) return out;
  if (!node_->is_list()) {
    expected("a list", node_->kind == Node::Kind::null ? "fill it in or leave the key out"
                                                       : "write it as [a, b]");
    return out;
  }
  if (node_->items.empty() && empty == EmptyList::refuse) {
    error("the list is empty", "fill it in or leave the key out");
  }
  for (std::size_t i = 0; i < node_->items.size(); ++i) {
    out.push_back(child(&node_->items[i], std::to_string(i), asked));
  }
  return out;
}

std::vector<Reader> Reader::one_or_items(EmptyList empty) {
  SchemaNode* asked = asked_ == nullptr ? nullptr : asked_->alone(empty == EmptyList::accept);
  if (!present() || node_->is_list()) return items(empty);
  std::vector<Reader> out = {*this};
  out.front().asked_ = asked;
  return out;
}

std::vector<std::string> Reader::strings(EmptyList empty) {
  std::vector<std::string> out;
  for (Reader& item : items(empty)) {
    if (auto value = item.string()) out.push_back(std::move(*value));
  }
  return out;
}

std::optional<std::string> Reader::string() {
  if (asked_ != nullptr) asked_->string();
  if (!present()) return std::nullopt;
  if (node_->kind != Node::Kind::string) {
    const bool scalar = !node_->is_list() && !node_->is_map() && node_->kind != Node::Kind::null;
    expected("a string", scalar ? "put it in quotes" : "");
    return std::nullopt;
  }
  if (node_->text.empty()) {
    error("the string is empty");
    return std::nullopt;
  }
  return node_->text;
}

std::optional<std::string> Reader::text() {
  if (asked_ != nullptr) asked_->text();
  if (!present()) return std::nullopt;
  if (node_->is_list() || node_->is_map() || node_->kind == Node::Kind::null) {
    expected("a string");
    return std::nullopt;
  }
  return node_->text;
}

std::optional<bool> Reader::boolean() {
  if (asked_ != nullptr) asked_->boolean();
  if (!present()) return std::nullopt;
  if (node_->kind == Node::Kind::boolean) return node_->boolean;
  expected("true or false");
  return std::nullopt;
}

std::optional<std::int64_t> Reader::integer(std::int64_t min, std::int64_t max) {
  if (asked_ != nullptr) asked_->integer(min, max);
  if (!present()) return std::nullopt;
  if (node_->kind != Node::Kind::integer) {
    expected("an integer");
    return std::nullopt;
  }
  if (node_->integer < min || node_->integer > max) {
    error("the number must be from " + std::to_string(min) + " to " + std::to_string(max));
    return std::nullopt;
  }
  return node_->integer;
}

std::optional<double> Reader::number(double min, double max, std::string hint) {
  if (asked_ != nullptr) asked_->number(min, max);
  if (!present()) return std::nullopt;
  double value = std::numeric_limits<double>::quiet_NaN();
  if (node_->kind == Node::Kind::integer) value = static_cast<double>(node_->integer);
  if (node_->kind == Node::Kind::real) value = node_->real;
  if (value >= min && value <= max) return value;
  const bool bounded = std::isfinite(min) && std::isfinite(max);
  error(bounded ? "expected a number from " + shown(min) + " to " + shown(max)
                : "expected a number",
        std::move(hint));
  return std::nullopt;
}

const Node* Reader::scalar() {
  if (asked_ != nullptr) asked_->scalar();
  if (!present()) return nullptr;
  if (!node_->is_map() && !node_->is_list()) return node_;
  error("a value is a string, a number, true, false or null");
  return nullptr;
}

bool Reader::says(std::string_view word) const {
  if (asked_ != nullptr) asked_->words(&word, 1);
  return present() && node_->text == word;
}

bool Reader::says(std::int64_t number) const {
  if (asked_ != nullptr) asked_->constant(number);
  return present() && node_->kind == Node::Kind::integer && node_->integer == number;
}

std::optional<std::uint64_t> Reader::size(std::uint64_t min, std::uint64_t max) {
  if (asked_ != nullptr) {
    asked_->size(min, max);
    asked_->with_unit(names_of(kSizeUnits));
  }
  if (!present()) return std::nullopt;
  std::optional<std::uint64_t> bytes;
  if (node_->kind == Node::Kind::integer && node_->integer >= 0) {
    bytes = static_cast<std::uint64_t>(node_->integer);
  } else if (node_->kind == Node::Kind::string) {
    bytes = with_unit(node_->text, kSizeUnits);
  }
  if (!bytes) {
    error(quoted() + " is not a size", "write bytes, or a number with a unit such as 10MiB");
  } else if (*bytes < min || *bytes > max) {
    error("the size must be from " + std::to_string(min) + " to " + std::to_string(max) + " bytes");
    bytes.reset();
  }
  return bytes;
}

std::optional<std::chrono::milliseconds> Reader::duration(std::chrono::milliseconds min,
                                                          std::chrono::milliseconds max) {
  if (asked_ != nullptr) asked_->with_unit(names_of(kTimeUnits));
  if (!present()) return std::nullopt;
  std::optional<std::uint64_t> millis;
  if (node_->kind == Node::Kind::string) millis = with_unit(node_->text, kTimeUnits);
  if (!millis || *millis > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    error(quoted() + " is not a duration", "write a number with a unit such as 500ms, 60s or 5m");
    return std::nullopt;
  }
  const std::chrono::milliseconds value(static_cast<std::int64_t>(*millis));
  if (value < min || value > max) {
    error("the duration must be from " + std::to_string(min.count()) + "ms to " +
          std::to_string(max.count()) + "ms");
    return std::nullopt;
  }
  return value;
}

std::optional<std::size_t> Reader::word_index(const std::string_view* words,
                                              std::size_t count) const {
  if (asked_ != nullptr) asked_->words(words, count);
  if (!present()) return std::nullopt;
  if (node_->kind == Node::Kind::string) {
    const auto* hit = std::find(words, words + count, node_->text);
    if (hit != words + count) return static_cast<std::size_t>(hit - words);
  }
  const auto near = node_->text.size() > kMaxQuoted ? std::string_view()
                                                    : nearest_word(node_->text, words, count);
  error(quoted() + " is not one of " + join_words(words, count),
        near.empty() ? "" : "did you mean " + quote(near) + '?');
  return std::nullopt;
}

} // namespace sluice
