// The member names that mean something in a streamed event, and their look-up. Private to
// policy/redact.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

namespace sluice::redact {

enum class Word : std::uint8_t {
  other,
  // containers
  delta, // also a piece by itself
  content_block,
  choices,
  candidates,
  parts,
  artifact,
  status,
  message,
  token,
  // texts
  text,
  content,
  arguments,
  partial_json,
  thinking,
  reasoning,
  reasoning_content,
  refusal,
  transcript,
  input,
  text_delta,
  completion,
  response,
  // what tells one text from another
  index,
  item_id,
  output_index,
  content_index,
  summary_index,
  id,
  tool_call_id,
  artifact_id,
  task_id,
  thought,
  type,
  // ends
  finish_reason,
  last_chunk,
  done,
};

namespace words {

struct Entry {
  std::string_view name;
  Word word;
};
inline constexpr Entry kAll[] = {
    {"delta", Word::delta},
    {"content_block", Word::content_block},
    {"choices", Word::choices},
    {"candidates", Word::candidates},
    {"parts", Word::parts},
    {"artifact", Word::artifact},
    {"status", Word::status},
    {"message", Word::message},
    {"token", Word::token},
    {"text", Word::text},
    {"content", Word::content},
    {"arguments", Word::arguments},
    {"partial_json", Word::partial_json},
    {"thinking", Word::thinking},
    {"reasoning", Word::reasoning},
    {"reasoning_content", Word::reasoning_content},
    {"refusal", Word::refusal},
    {"transcript", Word::transcript},
    {"input", Word::input},
    {"textDelta", Word::text_delta},
    {"inputTextDelta", Word::text_delta},
    {"completion", Word::completion},
    {"response", Word::response},
    {"index", Word::index},
    {"item_id", Word::item_id},
    {"output_index", Word::output_index},
    {"content_index", Word::content_index},
    {"summary_index", Word::summary_index},
    {"id", Word::id},
    {"toolCallId", Word::tool_call_id},
    {"artifactId", Word::artifact_id},
    {"taskId", Word::task_id},
    {"thought", Word::thought},
    {"type", Word::type},
    {"finish_reason", Word::finish_reason},
    {"finishReason", Word::finish_reason},
    {"lastChunk", Word::last_chunk},
    {"done", Word::done},
    {"final", Word::done},
};

inline constexpr std::size_t kSlots = 128; // a power of two, well above the number of words
constexpr std::size_t slot_of(std::string_view name) {
  const auto first = static_cast<unsigned char>(name.front());
  const auto last = static_cast<unsigned char>(name.back());
  return (name.size() * 29 + first * 5U + last * 3U) % kSlots;
}

constexpr std::array<Entry, kSlots> make_table() {
  std::array<Entry, kSlots> out{};
  for (const Entry& one : kAll) {
    auto slot = slot_of(one.name);
    while (!out[slot].name.empty()) slot = (slot + 1) % kSlots;
    out[slot] = one;
  }
  return out;
}
inline constexpr auto kTable = make_table();

} // namespace words

inline Word word_of(std::string_view name) {
  if (name.empty()) return Word::other;
  for (auto slot = words::slot_of(name);; slot = (slot + 1) % words::kSlots) {
    const auto& entry = words::kTable[slot];
    if (entry.name.empty()) return Word::other;
    if (entry.name == name) return entry.word;
  }
}

inline bool is_text(Word word) {
  return word >= Word::text && word <= Word::input;
}

} // namespace sluice::redact
