// What EventStream does with each event. Private to policy/redact.
#pragma once

#include "policy/redact/event_channels.hpp"
#include "policy/redact/event_json.hpp"
#include "policy/redact/event_lines.hpp"
#include "policy/redact/event_stream.hpp"
#include "policy/redact/redactor.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::redact {

class EventStream::State {
 public:
  State(const std::shared_ptr<const RuleSet>& rules, EventFormat format, Scope scope);
  void feed(std::string_view in, std::string& out);
  void finish(std::string& out);
  bool take_message(std::string_view message, std::vector<std::string>& out);
  void finish_messages(std::vector<std::string>& out);
  Findings findings() const;
  std::string blocked_by() const;
  bool rewrote() const noexcept { return rewrote_ || bytes_.findings().changed(); }

 private:
  enum class Then : std::uint8_t { more_comes, stream_ends };
  struct PieceText { // what a piece became
    Channel* channel = nullptr;
    std::size_t begin = 0, end = 0; // in piece_texts_
    bool changed = false;
    bool ends = false;
  };

  // Of an event that differs from those before it in one piece of text only.
  struct Shape {
    std::string before, after;                 // the bytes around the piece
    std::string payload_before, payload_after; // the same within the payload
    EventForm form;
    Channel* channel = nullptr; // while the generation is that of channels_
    std::uint64_t generation = 0;
  };
  enum class Known : std::uint8_t { no, taken, incomplete };

  void take_piece(const EventLines::Piece& piece, std::string& out);
  // event_stream.cpp: the lines of an event
  void take_event(std::string_view event, Then then, std::string& out);
  bool has_payload() const;
  std::string_view payload_of(std::string_view event);
  void write_event(std::string_view event, bool rewritten, std::string& out);
  void write_payload(std::string_view event, std::string& out);
  void write_other_lines(std::string_view lines, std::string& out);
  void redact_as_bytes(std::string_view bytes, std::string& out);
  EventForm form_of(std::string_view event);
  // event_shape.cpp: events like the one before, without reading them again
  Known take_known(std::string& out);
  void remember_shape(std::string_view event, std::string_view payload);
  // event_payload.cpp: what the payload says. True: rewritten_ is to stand in its place.
  bool take_payload(std::string_view event, std::string_view payload, Then then, std::string& out);
  bool take_plain(std::string_view event, std::string_view payload, Then then, std::string& out);
  bool take_json(std::string_view event, std::string_view payload, Then then, std::string& out);
  enum class Text : std::uint8_t { goes_on, ends };
  void feed_channel(Channel& channel, std::string_view text, Text then, std::string& out);
  void find_channels(Then then);
  void end_channels(Then then, std::string& out);
  bool feed_pieces(std::string_view payload);
  void forget_ended();
  bool is_clean(std::string_view payload);
  bool finds_nothing(std::string_view text);
  bool redact_whole_into(std::string_view text, std::string& out);
  void rewrite_pieces(std::string_view payload);
  void rewrite_all(std::string_view payload);
  void remember_form(std::string_view event, std::string_view payload);
  std::string_view text_of(const PieceText& piece) const {
    return std::string_view(piece_texts_).substr(piece.begin, piece.end - piece.begin);
  }

  bool messages_; // each is an event; lines_ stays empty
  EventLines lines_;
  Channels channels_;
  Redactor bytes_; // what is in no payload, and events too large to be read
  bool bytes_idle_ = true;
  Redactor whole_;    // strings that are whole
  Redactor probe_;    // finds out whether there is anything; its findings are not told
  Findings reported_; // by the probe, in what is clean
  EventJson json_;
  Shape shape_;
  bool seen_before_ = false; // what is around the pieces of the event at hand
  bool rewrote_ = false;

  // Reused from event to event.
  std::string payload_, rewritten_, scratch_, skeleton_, piece_texts_, probe_text_;
  std::vector<PieceText> pieces_;
  std::string clean_skeleton_, clean_lines_, clean_name_; // seen last, and nothing was in it
};

} // namespace sluice::redact
