// EventStream, the part that reads what an event says and decides what it says instead.
#include "policy/redact/event_state.hpp"
#include "policy/redact/json_text.hpp"

#include <algorithm>
#include <functional>

namespace sluice::redact {
namespace {

constexpr std::string_view kDone = "[DONE]";

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\r')) text.remove_suffix(1);
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  return text;
}

std::string_view name_in(std::string_view line) {
  line.remove_prefix(std::min(line.size(), line.find(':') + 1));
  return trimmed(line);
}

bool is_any_of(std::string_view name, std::initializer_list<std::string_view> all) {
  return std::find(all.begin(), all.end(), name) != all.end();
}

bool is_json_scalar(std::string_view payload) {
  if (payload == "true" || payload == "false" || payload == "null") return true;
  return !payload.empty() && payload.find_first_not_of("0123456789+-.eE") == std::string_view::npos;
}

} // namespace

bool EventStream::State::take_payload(std::string_view event, std::string_view payload, Then then,
                                      std::string& out) {
  if (trimmed(payload) == kDone) {
    channels_.end_those([](const Channel&) { return true; }, out);
    return false;
  }
  // A number or a word of JSON is whole: the next event's is another one.
  if (is_json_scalar(payload)) {
    rewritten_.clear();
    return redact_whole_into(payload, rewritten_);
  }
  return json_.read(payload) ? take_json(event, payload, then, out)
                             : take_plain(event, payload, then, out);
}

// Text without JSON goes on in the next event of the same name.
bool EventStream::State::take_plain(std::string_view event, std::string_view payload, Then then,
                                    std::string& out) {
  std::string_view name;
  for (const auto& line : lines_.lines()) {
    if (line.name) name = name_in(event.substr(line.begin, line.end - line.begin));
  }
  rewritten_.clear();
  const bool ends = is_any_of(name, {"done", "end", "close", "complete", "finish", "stop"});
  if (ends) channels_.end_those([](const Channel&) { return true; }, out);
  // MCP's first event is an address, whole: who waits for it sends nothing before it has it.
  if (ends || name == "endpoint") return redact_whole_into(payload, rewritten_);
  const auto key = std::hash<std::string_view>{}(name) | 1U;
  Channel& channel = channels_.get(key).channel;
  const bool ends_here = then == Then::stream_ends;
  feed_channel(channel, payload, ends_here ? Text::ends : Text::goes_on, rewritten_);
  if (ends_here) {
    channels_.end_those([&](const Channel& one) { return &one != &channel; }, out);
  } else if (channel.redactor.held() > 0) {
    channel.writing = Channel::Writing::plain;
    channel.form = form_of(event);
    channel.before.clear(), channel.after.clear();
  }
  return rewritten_ != payload;
}

bool EventStream::State::take_json(std::string_view event, std::string_view payload, Then then,
                                   std::string& out) {
  find_channels(then);
  if (json_.ends_any() || then == Then::stream_ends) end_channels(then, out);
  const bool pieces_changed = feed_pieces(payload);
  const bool clean = is_clean(payload);
  if (!clean) {
    rewrite_all(payload);
  } else if (pieces_changed) {
    rewrite_pieces(payload);
  }
  const bool rewritten = pieces_changed || !clean;
  if (clean) {
    remember_form(event, payload);
  } else if (json_.read(rewritten_)) {
    remember_form(event, rewritten_);
  }
  forget_ended();
  return rewritten && rewritten_ != payload;
}

void EventStream::State::find_channels(Then then) {
  pieces_.clear();
  for (const auto& string : json_.strings()) {
    if (!string.piece) continue;
    const auto [channel, is_new] = channels_.get(string.channel);
    if (is_new) {
      channel.scope = json_.scope();
      channel.lineage = json_.lineage_of(string);
    }
    channel.last_piece = pieces_.size();
    PieceText piece;
    piece.channel = &channel;
    piece.ends = then == Then::stream_ends ||
                 (json_.ends_any() && json_.ends(channel.scope, channel.lineage));
    pieces_.push_back(piece);
  }
}

// Those that end here and have no piece in this event: what they hold goes before it.
void EventStream::State::end_channels(Then then, std::string& out) {
  channels_.end_those(
      [&](const Channel& one) {
        if (std::any_of(pieces_.begin(), pieces_.end(),
                        [&](const PieceText& piece) { return piece.channel == &one; })) {
          return false;
        }
        return then == Then::stream_ends || json_.ends(one.scope, one.lineage);
      },
      out);
}

// A reader may take each piece for a whole text of its own: a token at its beginning then stands
// behind nothing, where the joined text has it in the middle of a word. No token is shorter.
void EventStream::State::feed_channel(Channel& channel, std::string_view text, Text then,
                                      std::string& out) {
  constexpr std::size_t kShortestToken = 16;
  const auto from = out.size();
  channel.redactor.feed(text, out);
  if (then == Text::ends) channel.redactor.finish(out);
  if (text.size() < kShortestToken) return;
  const auto said = std::string_view(out).substr(from);
  if (said.size() < kShortestToken || finds_nothing(said)) return;
  std::string masked;
  redact_whole_into(said, masked);
  out.replace(from, out.size() - from, masked);
}

bool EventStream::State::feed_pieces(std::string_view payload) {
  piece_texts_.clear();
  bool changed = false;
  std::size_t index = 0;
  for (const auto& string : json_.strings()) {
    if (!string.piece) continue;
    PieceText& piece = pieces_[index];
    auto text = payload.substr(string.begin, string.end - string.begin);
    if (string.escaped) {
      scratch_.clear();
      json_unescape(text, scratch_); // it was read as JSON, so it is
      text = scratch_;
    }
    piece.begin = piece_texts_.size();
    const bool last = piece.ends && piece.channel->last_piece == index;
    feed_channel(*piece.channel, text, last ? Text::ends : Text::goes_on, piece_texts_);
    piece.end = piece_texts_.size();
    piece.changed = text_of(piece) != text;
    changed = changed || piece.changed;
    ++index;
  }
  return changed;
}

void EventStream::State::forget_ended() {
  const bool any =
      std::any_of(pieces_.begin(), pieces_.end(), [](const PieceText& one) { return one.ends; });
  if (!any) return;
  std::string nothing; // they hold no more
  channels_.end_those(
      [&](const Channel& one) {
        return std::any_of(pieces_.begin(), pieces_.end(), [&](const PieceText& piece) {
          return piece.channel == &one && piece.ends;
        });
      },
      nothing);
}

// All but the pieces, as bytes: so a token beside the name it is known by is found. What is escaped
// is read as it means as well.
bool EventStream::State::is_clean(std::string_view payload) {
  skeleton_.clear();
  std::size_t done = 0;
  for (const auto& string : json_.strings()) {
    if (!string.piece) continue;
    skeleton_ += payload.substr(done, string.begin - done);
    done = string.end;
  }
  skeleton_ += payload.substr(done);
  seen_before_ = skeleton_ == clean_skeleton_;
  if (seen_before_) return true;
  probe_.take_findings();
  if (!finds_nothing(skeleton_)) return false;
  for (const auto& string : json_.strings()) {
    if (string.piece || !string.escaped) continue;
    std::string text;
    json_unescape(payload.substr(string.begin, string.end - string.begin), text);
    if (!finds_nothing(text)) return false;
  }
  reported_.merge(probe_.take_findings());
  clean_skeleton_.swap(skeleton_);
  return true;
}

bool EventStream::State::finds_nothing(std::string_view text) {
  probe_text_.clear();
  probe_.whole(text, probe_text_);
  return probe_text_ == text;
}

bool EventStream::State::redact_whole_into(std::string_view text, std::string& out) {
  const auto from = out.size();
  whole_.whole(text, out);
  return std::string_view(out).substr(from) != text;
}

void EventStream::State::rewrite_pieces(std::string_view payload) {
  rewritten_.clear();
  std::size_t done = 0, index = 0;
  for (const auto& string : json_.strings()) {
    if (!string.piece) continue;
    const PieceText& piece = pieces_[index++];
    if (!piece.changed) continue;
    rewritten_ += payload.substr(done, string.begin - done);
    json_escape(text_of(piece), rewritten_);
    done = string.end;
  }
  rewritten_ += payload.substr(done);
}

// Each string on its own, as it means. What is found only across strings is masked in the bytes.
void EventStream::State::rewrite_all(std::string_view payload) {
  rewritten_.clear();
  skeleton_.clear();
  std::size_t done = 0, index = 0;
  for (const auto& string : json_.strings()) {
    const auto written = payload.substr(string.begin, string.end - string.begin);
    rewritten_ += payload.substr(done, string.begin - done);
    skeleton_ += payload.substr(done, string.begin - done);
    done = string.end;
    if (string.piece) {
      const PieceText& piece = pieces_[index++];
      if (piece.changed) {
        json_escape(text_of(piece), rewritten_);
      } else {
        rewritten_ += written;
      }
      continue;
    }
    std::string meant, masked;
    json_unescape(written, meant);
    const auto from = rewritten_.size();
    if (redact_whole_into(meant, masked)) {
      json_escape(masked, rewritten_);
    } else {
      rewritten_ += written;
    }
    skeleton_ += std::string_view(rewritten_).substr(from);
  }
  rewritten_ += payload.substr(done);
  skeleton_ += payload.substr(done);
  if (finds_nothing(skeleton_)) return;
  std::string masked;
  redact_whole_into(rewritten_, masked);
  rewritten_ = std::move(masked);
}

// How the event looks without its pieces, for those channels that hold some of their text.
void EventStream::State::remember_form(std::string_view event, std::string_view payload) {
  const auto holds = [](const PieceText& piece) {
    return !piece.ends && piece.channel->redactor.held() > 0;
  };
  if (std::none_of(pieces_.begin(), pieces_.end(), holds)) return;
  const EventForm form = form_of(event);
  for (std::size_t wanted = 0; wanted < pieces_.size(); ++wanted) {
    Channel& channel = *pieces_[wanted].channel;
    if (!holds(pieces_[wanted]) || channel.last_piece != wanted) continue;
    channel.writing = Channel::Writing::json;
    channel.form = form;
    channel.before.clear(), channel.after.clear();
    std::string* into = &channel.before;
    std::size_t done = 0, index = 0;
    for (const auto& string : json_.strings()) {
      if (!string.piece) continue;
      *into += payload.substr(done, string.begin - done);
      done = string.end;
      if (index++ == wanted) into = &channel.after;
    }
    *into += payload.substr(done);
  }
}

} // namespace sluice::redact
