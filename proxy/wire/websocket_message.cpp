#include "proxy/wire/websocket_message.hpp"

#include <utility>

namespace sluice::wire {

MessageReader::MessageReader(WebSocketPeer from, const std::optional<DeflateTerms>& terms,
                             Inspect inspect, const InflateLimits& limits)
    : frames_(from, terms.has_value(), limits.message_bytes) {
  if (terms && inspect == Inspect::yes) inflater_.emplace(terms->takeover(from), limits);
}

MessageEvent MessageReader::fail(WebSocketFault fault) {
  fault_ = fault;
  return fault;
}

MessageEvent MessageReader::next(std::string_view& in) {
  if (fault_) return *fault_;
  while (true) {
    if (inflating_) {
      const auto step = inflater_->step(compressed_);
      if (step.fault || !step.bytes.empty()) return inflated(step);
      inflating_ = false;
    }
    if (ending_ && inflates_) {
      const auto step = inflater_->finish_step();
      if (step.fault || !step.bytes.empty()) return inflated(step);
    }
    if (ending_) return end();
    if (auto event = take(frames_.next(in))) return std::move(*event);
  }
}

std::optional<MessageEvent> MessageReader::take(FrameEvent event) {
  if (const auto* start = std::get_if<FrameStart>(&event)) {
    if (!start->first) return std::nullopt;
    const bool text = start->message == Opcode::text;
    inflates_ = start->compressed && inflater_.has_value();
    checks_text_ = text && (inflates_ || !start->compressed);
    utf8_.restart();
    return MessageBegins{text, start->compressed, start->final, start->length};
  }
  if (const auto* bytes = std::get_if<FrameBytes>(&event)) {
    if (!inflates_) return piece(bytes->bytes);
    compressed_ = bytes->bytes;
    inflating_ = true;
    return std::nullopt;
  }
  if (const auto* over = std::get_if<FrameEnd>(&event)) {
    ending_ = over->final;
    return std::nullopt;
  }
  if (auto* control = std::get_if<ControlFrame>(&event)) return std::move(*control);
  if (const auto* fault = std::get_if<WebSocketFault>(&event)) return fail(*fault);
  return NeedMore{};
}

MessageEvent MessageReader::inflated(const MessageInflater::Step& step) {
  return step.fault ? fail(*step.fault) : piece(step.bytes);
}

MessageEvent MessageReader::piece(std::string_view bytes) {
  if (checks_text_ && !utf8_.feed(bytes)) {
    return fail({CloseCode::invalid_payload, "text that is not UTF-8 (RFC 6455 §8.1)"});
  }
  return MessagePiece{bytes};
}

MessageEvent MessageReader::end() {
  ending_ = false;
  if (checks_text_ && !utf8_.whole()) {
    return fail({CloseCode::invalid_payload, "text that is not UTF-8 (RFC 6455 §8.1)"});
  }
  return MessageEnds{};
}

void MessageWriter::begin(Opcode text_or_binary, Payload payload) {
  opcode_ = text_or_binary;
  payload_ = payload;
  open_ = true;
  if (payload != Payload::deflate) return;
  const int bits = terms_->window_bits(by_);
  if (bits < MessageDeflater::kLeastBits) {
    payload_ = Payload::plain;
  } else if (!deflater_) {
    deflater_.emplace(terms_->takeover(by_), bits);
  }
}

void MessageWriter::write(std::string_view bytes, std::string& out) {
  if (!bytes.empty()) frame(bytes, false, out);
}

void MessageWriter::end(std::string_view bytes, std::string& out) {
  frame(bytes, true, out);
  open_ = false;
}

void MessageWriter::frame(std::string_view bytes, bool final, std::string& out) {
  const bool first = opcode_ != Opcode::continuation;
  if (payload_ == Payload::deflate) {
    deflated_.clear();
    deflater_->feed(bytes,
                    final ? MessageDeflater::Until::message : MessageDeflater::Until::fragment,
                    deflated_);
    bytes = deflated_;
  }
  encode_frame(by_, {opcode_, final, first && payload_ != Payload::plain}, bytes, out);
  opcode_ = Opcode::continuation;
}

void MessageWriter::control(Opcode opcode, std::string_view payload, std::string& out) {
  encode_frame(by_, {opcode, true, false}, payload, out);
}

} // namespace sluice::wire
