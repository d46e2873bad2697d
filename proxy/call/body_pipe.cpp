#include "proxy/call/body_pipe.hpp"

#include <utility>

namespace sluice::call {

Result<BodyPipe> BodyPipe::redacting(std::shared_ptr<const redact::RuleSet> rules,
                                     std::string_view content_encoding,
                                     std::string_view content_type) {
  SLUICE_TRY(const auto codings, wire::parse_codings(content_encoding));
  BodyPipe pipe;
  pipe.redacts_ = true;
  if (const auto format = redact::event_format_of(content_type)) {
    pipe.events_.emplace(std::move(rules), *format);
  } else {
    pipe.redactor_.emplace(std::move(rules));
  }
  if (!codings.empty()) pipe.decoder_.emplace(codings);
  return pipe;
}

void BodyPipe::redact(std::string_view in, std::string& out) {
  if (events_) return events_->feed(in, out);
  redactor_->feed(in, out);
}

void BodyPipe::redact_rest(std::string& out) {
  if (events_) return events_->finish(out);
  redactor_->finish(out);
}

Result<> BodyPipe::feed(std::string_view in, std::string& out) {
  if (!redacts_) {
    out.append(in);
    return success();
  }
  if (!decoder_) {
    redact(in, out);
    return success();
  }
  begun_ = begun_ || !in.empty();
  const auto before = out.size();
  bool said = false;
  const auto fed = decoder_->feed(in, [&](std::string_view text) {
    masked_.clear();
    redact(text, masked_);
    if (masked_.empty()) return;
    if (!encoder_) encoder_.emplace(decoder_->codings());
    encoder_->feed(masked_, wire::Encoder::Flush::none, out);
    said = true;
  });
  if (!fed) {
    out.resize(before);
    return fed;
  }
  // A peer that streams (SSE over gzip) must be able to read what has been said so far.
  if (said) encoder_->feed({}, wire::Encoder::Flush::sync, out);
  return success();
}

Result<> BodyPipe::finish(std::string& out) {
  if (!redacts_) return success();
  if (!decoder_) {
    redact_rest(out);
    return success();
  }
  SLUICE_TRY(decoder_->finish());
  // No bytes stay no bytes: a head that said `Content-Length: 0` may be on its way, and behind it
  // even an empty gzip stream would be read as the next message.
  if (!begun_) return success();
  masked_.clear();
  redact_rest(masked_);
  if (!encoder_) encoder_.emplace(decoder_->codings());
  encoder_->feed(masked_, wire::Encoder::Flush::none, out);
  encoder_->finish(out);
  return success();
}

redact::Findings BodyPipe::findings() const {
  if (events_) return events_->findings();
  return redactor_ ? redactor_->findings() : redact::Findings{};
}

bool BodyPipe::rewrote() const {
  if (decoder_.has_value()) return true;
  if (events_) return events_->rewrote();
  return redactor_ && !redactor_->findings().empty();
}

} // namespace sluice::call
