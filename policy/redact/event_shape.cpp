// EventStream, the short way: a model's events differ in their piece of text only, so one that has
// the bytes of the last around its piece says the same of everything else.
#include "policy/redact/event_state.hpp"
#include "policy/redact/json_text.hpp"

namespace sluice::redact {
namespace {

// What is longer is no piece, and would be looked at again with each read.
constexpr std::size_t kLongestPiece = 4096, kLongestAround = 16 * 1024;

} // namespace

// The next event, when it is like the last. Where more bytes must come to see that, nothing is read
// twice: neither the bytes around the piece nor the piece itself can end an event.
EventStream::State::Known EventStream::State::take_known(std::string& out) {
  if (shape_.channel == nullptr || !bytes_idle_ || !lines_.at_event()) return Known::no;
  if (shape_.generation != channels_.generation()) return Known::no;
  const auto ahead = lines_.ahead();
  if (ahead.empty()) return Known::no;
  if (ahead.size() < shape_.before.size()) {
    return std::string_view(shape_.before).starts_with(ahead) ? Known::incomplete : Known::no;
  }
  if (!ahead.starts_with(shape_.before)) return Known::no;
  const auto rest = ahead.substr(shape_.before.size());
  const auto size = plain_bytes(rest.substr(0, kLongestPiece));
  if (size == kLongestPiece) return Known::no;
  const auto after = rest.substr(size, shape_.after.size());
  if (after.size() < shape_.after.size()) {
    return std::string_view(shape_.after).starts_with(after) ? Known::incomplete : Known::no;
  }
  if (after != shape_.after) return Known::no;

  const auto text = rest.substr(0, size);
  Channel& channel = *shape_.channel;
  piece_texts_.clear();
  feed_channel(channel, text, Text::goes_on, piece_texts_);
  const auto whole = shape_.before.size() + size + shape_.after.size();
  if (piece_texts_ == text) {
    out += ahead.substr(0, whole);
  } else {
    rewrote_ = true;
    out += shape_.before;
    json_escape(piece_texts_, out);
    out += shape_.after;
  }
  if (channel.redactor.held() > 0) {
    channel.writing = Channel::Writing::json;
    channel.form = shape_.form;
    channel.before = shape_.payload_before;
    channel.after = shape_.payload_after;
  }
  lines_.skip_event(whole);
  return Known::taken;
}

void EventStream::State::remember_shape(std::string_view event, std::string_view payload) {
  const bool one_line = payload.data() != payload_.data();
  if (pieces_.size() != 1 || json_.ends_any() || !one_line || event.size() > kLongestAround) {
    return;
  }
  for (const auto& string : json_.strings()) {
    if (!string.piece) continue;
    const auto begin = static_cast<std::size_t>(payload.data() - event.data()) + string.begin;
    const auto end = begin + (string.end - string.begin);
    shape_.before = event.substr(0, begin);
    shape_.after = event.substr(end);
    shape_.payload_before = payload.substr(0, string.begin);
    shape_.payload_after = payload.substr(string.end);
  }
  shape_.form = form_of(event);
  shape_.channel = pieces_.front().channel;
  shape_.generation = channels_.generation();
}

} // namespace sluice::redact
