#include "policy/redact/event_json.hpp"

#include "policy/base/bytes.hpp"
#include "policy/redact/event_words.hpp"
#include "policy/redact/json_text.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace sluice::redact {
namespace {

constexpr std::uint64_t kOnes = 0x0101010101010101ULL, kHighs = 0x8080808080808080ULL;
constexpr std::size_t kWide = sizeof(std::uint64_t);

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
  const auto product = (a ^ 0x9E3779B97F4A7C15ULL) * (b ^ 0xD6E8FEB86659FD93ULL);
  return (product ^ product >> 32U) * 0x9FB21C651E98DF25ULL + a;
}
std::uint64_t mix(Word word, std::uint64_t b) {
  return mix(static_cast<std::uint64_t>(word), b);
}

std::uint64_t hash_of(std::string_view bytes) {
  std::uint64_t out = bytes.size() + 1;
  while (!bytes.empty()) {
    std::uint64_t some = 0;
    const auto count = std::min(bytes.size(), kWide);
    std::memcpy(&some, bytes.data(), count);
    out = mix(out, some);
    bytes.remove_prefix(count);
  }
  return out;
}

bool is_number(std::string_view text) {
  if (text.empty() || !((text[0] >= '0' && text[0] <= '9') || text[0] == '-')) return false;
  return text.find_first_not_of("0123456789+-.eE") == std::string_view::npos;
}

// A position and an `index` that say the same are the same.
std::uint64_t position_of(std::string_view number) {
  std::uint64_t out = 0;
  if (number.size() > 9) return hash_of(number);
  for (const char c : number) {
    if (c < '0' || c > '9') return hash_of(number);
    out = out * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return out;
}

std::size_t scope_of(Word word) { // kScopes: none
  switch (word) {
  case Word::index: return 0;
  case Word::item_id: return 1;
  case Word::output_index: return 2;
  case Word::content_index: return 3;
  case Word::summary_index: return 4;
  case Word::id: return 5;
  case Word::tool_call_id: return 6;
  default: return EventJson::kScopes;
  }
}

} // namespace

std::size_t plain_bytes(std::string_view text) {
  std::size_t at = 0;
  if constexpr (std::endian::native == std::endian::little) {
    const auto zeros = [](std::uint64_t x) { return (x - kOnes) & ~x & kHighs; };
    for (; at + kWide <= text.size(); at += kWide) {
      std::uint64_t x = 0;
      std::memcpy(&x, text.data() + at, kWide);
      const auto control = (x - kOnes * 0x20) & ~x & kHighs;
      const auto found = zeros(x ^ kOnes * '"') | zeros(x ^ kOnes * '\\') | control;
      if (found != 0) return at + static_cast<std::size_t>(std::countr_zero(found)) / 8;
    }
  }
  while (at < text.size() && text[at] != '"' && text[at] != '\\' &&
         static_cast<unsigned char>(text[at]) >= 0x20) {
    ++at;
  }
  return at;
}

bool EventJson::read(std::string_view payload) {
  text_ = payload;
  at_ = 0, here_ = kNone, depth_ = 0;
  containers_.clear(), strings_.clear(), ends_.clear(), ended_.clear();
  scope_ = {};
  ends_by_type_ = false;
  skip_space();
  const bool begins =
      at_ < text_.size() && (text_[at_] == '{' || text_[at_] == '[' || text_[at_] == '"');
  if (!begins || !read_value({}, 0)) return false;
  skip_space();
  if (at_ != text_.size()) return false;
  name_all();
  return true;
}

void EventJson::skip_space() noexcept {
  while (at_ < text_.size() &&
         (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) {
    ++at_;
  }
}

bool EventJson::next_is(char c) noexcept {
  skip_space();
  if (at_ >= text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}

bool EventJson::read_value(Key key, std::uint64_t position) {
  skip_space();
  if (at_ >= text_.size()) return false;
  switch (text_[at_]) {
  case '{': return read_object(key, position);
  case '[': return read_array(key, position);
  case '"': return read_string(key);
  default: return read_scalar(key);
  }
}

bool EventJson::read_object(Key key, std::uint64_t position) {
  if (depth_ == kDeepest) return false;
  open(key, position, false);
  ++at_;
  if (!next_is('}')) {
    do {
      Key member;
      skip_space();
      if (!read_key(member) || !next_is(':') || !read_value(member, 0)) return false;
    } while (next_is(','));
    if (!next_is('}')) return false;
  }
  close();
  return true;
}

bool EventJson::read_array(Key key, std::uint64_t position) {
  if (depth_ == kDeepest) return false;
  open(key, position, true);
  ++at_;
  if (!next_is(']')) {
    std::uint64_t count = 0;
    do {
      // Parts are told apart by nobody: their texts follow one another, in one event or several.
      const auto at = key.word == Word::parts ? 0 : count++;
      if (!read_value({key.word, {}}, at)) return false;
    } while (next_is(','));
    if (!next_is(']')) return false;
  }
  close();
  return true;
}

void EventJson::open(Key key, std::uint64_t position, bool array) {
  Container one;
  one.parent = here_;
  one.name = key.word;
  one.array = array;
  one.position = position;
  if (here_ != kNone) {
    one.element = containers_[here_].array;
    one.below_delta = containers_[here_].below_delta || key.word == Word::delta;
  }
  // The block a text begins in and the deltas it goes on in are one.
  const auto word = key.word == Word::content_block ? Word::delta : key.word;
  one.key = word == Word::other ? hash_of(key.name) : mix(word, 0);
  here_ = static_cast<std::uint32_t>(containers_.size());
  containers_.push_back(one);
  ++depth_;
}

bool EventJson::read_key(Key& key) {
  if (at_ >= text_.size() || text_[at_] != '"') return false;
  String name;
  if (!scan_string(name)) return false;
  name.container = here_;
  strings_.push_back(name);
  key.name = text_.substr(name.begin, name.end - name.begin);
  if (name.escaped) {
    const auto written = key.name;
    name_.clear();
    if (!json_unescape(written, name_)) return false;
    key.name = name_;
  }
  key.word = word_of(key.name);
  return true;
}

bool EventJson::read_string(Key key) {
  String value;
  if (!scan_string(value)) return false;
  value.container = here_;
  value.word = key.word;
  value.piece = is_piece(key.word);
  strings_.push_back(value);
  if (key.word >= Word::index) note(key.word, text_.substr(value.begin, value.end - value.begin));
  return true;
}

bool EventJson::scan_string(String& out) {
  out.begin = ++at_;
  while (true) {
    at_ += plain_bytes(text_.substr(at_));
    if (at_ >= text_.size()) return false;
    if (text_[at_] == '"') break;
    if (text_[at_] != '\\' || !scan_escape()) return false;
    out.escaped = true;
  }
  out.end = at_++;
  return true;
}

bool EventJson::scan_escape() {
  constexpr std::string_view kSimple = "\"\\/bfnrt";
  const auto rest = text_.substr(at_ + 1);
  if (rest.empty()) return false;
  if (kSimple.find(rest[0]) != std::string_view::npos) {
    at_ += 2;
    return true;
  }
  if (rest[0] != 'u' || rest.size() < 5) return false;
  at_ += 6;
  return std::all_of(rest.begin() + 1, rest.begin() + 5, is_hex_digit);
}

bool EventJson::read_scalar(Key key) {
  const auto begin = at_;
  while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '}' && text_[at_] != ']' &&
         static_cast<unsigned char>(text_[at_]) > ' ') {
    ++at_;
  }
  const auto value = text_.substr(begin, at_ - begin);
  if (key.word >= Word::index && here_ != kNone && !containers_[here_].array && value != "null") {
    note(key.word, value);
  }
  return is_number(value) || value == "null" || value == "true" || value == "false";
}

Word EventJson::name_of(std::uint32_t container) const {
  return container == kNone ? Word::other : containers_[container].name;
}

// The paths of those who have no `delta`: legacy completions, Gemini, A2A, Ollama, TGI.
bool EventJson::is_piece(Word word) const {
  if (here_ == kNone) return true; // the event is one string
  const Container& in = containers_[here_];
  if (in.array || word == Word::other) return false;
  if (word == Word::delta || word == Word::text_delta) return true;
  if (in.below_delta || in.name == Word::content_block) return is_text(word);
  const bool below_root = in.parent == 0 && !in.element;
  switch (word) {
  case Word::text:
    return (in.element && (in.name == Word::choices || is_part_text(in))) ||
           (below_root && in.name == Word::token);
  case Word::content: return below_root && in.name == Word::message;
  case Word::completion:
  case Word::response: return in.parent == kNone;
  default: return false;
  }
}

bool EventJson::is_part_text(const Container& element) const {
  if (element.name != Word::parts) return false;
  const Container& owner = containers_[containers_[element.parent].parent];
  switch (owner.name) {
  case Word::artifact: return true;
  case Word::content: return name_of(owner.parent) == Word::candidates;
  case Word::message: return name_of(owner.parent) == Word::status;
  default: return false;
  }
}

void EventJson::note(Word word, std::string_view value) {
  if (here_ == kNone || containers_[here_].array) return;
  Container& in = containers_[here_];
  switch (word) {
  case Word::index: in.position = position_of(value); break;
  case Word::id: in.id = hash_of(value); break;
  case Word::type: return note_type(value);
  case Word::thought:
    if (value == "true") in.ids ^= mix(word, 1);
    return;
  case Word::finish_reason:
    if (!value.empty()) ends_.emplace_back(here_, Ends::container);
    return;
  case Word::done:
    if (value == "true") ends_.emplace_back(here_, Ends::container);
    return;
  case Word::last_chunk:
    if (value == "true") ends_.emplace_back(here_, Ends::its_artifact);
    return;
  default: in.ids ^= mix(word, hash_of(value)); break;
  }
  const auto slot = scope_of(word);
  if (here_ == 0 && slot < kScopes) scope_[slot] = hash_of(value) | 1U;
}

// Of a text's own kind of event (`response.output_text.delta`), or of one that ends texts.
void EventJson::note_type(std::string_view value) {
  containers_[here_].type = hash_of(value);
  if (here_ != 0) return;
  constexpr std::string_view kEnds[] = {".done",       "_stop", "-end",   ".completed", ".failed",
                                        ".incomplete", "error", "finish", "abort"};
  ends_by_type_ = std::any_of(std::begin(kEnds), std::end(kEnds),
                              [&](std::string_view end) { return value.ends_with(end); });
}

// Now that all members are known. Parents stand before what is in them.
void EventJson::name_all() {
  for (Container& one : containers_) {
    const auto above = one.parent == kNone ? 0 : containers_[one.parent].hash;
    one.hash = mix(mix(above, one.key), mix(one.position, one.ids));
  }
  for (String& one : strings_) {
    if (!one.piece) continue;
    one.channel = mix(one.word, 0);
    if (one.container == kNone) continue;
    const Container& in = containers_[one.container];
    one.channel = mix(in.hash, one.channel);
    if (one.word == Word::delta) one.channel = mix(one.channel, mix(in.type, in.id));
  }
  for (const auto& [container, what] : ends_) {
    if (what == Ends::container) {
      ended_.push_back(containers_[container].hash);
      continue;
    }
    for (const Container& one : containers_) {
      if (one.parent == container && one.name == Word::artifact) ended_.push_back(one.hash);
    }
  }
}

EventJson::Lineage EventJson::lineage_of(const String& piece) const {
  Lineage out;
  for (auto at = piece.container; at != kNone; at = containers_[at].parent) {
    out.push_back(containers_[at].hash);
  }
  return out;
}

bool EventJson::ends(const Scope& scope, const Lineage& lineage) const noexcept {
  if (ends_by_type_) {
    bool agrees = true;
    for (std::size_t i = 0; i < kScopes; ++i) {
      agrees = agrees && (scope[i] == 0 || scope_[i] == 0 || scope[i] == scope_[i]);
    }
    if (agrees) return true;
  }
  return std::any_of(lineage.begin(), lineage.end(), [&](std::uint64_t name) {
    return std::find(ended_.begin(), ended_.end(), name) != ended_.end();
  });
}

} // namespace sluice::redact
