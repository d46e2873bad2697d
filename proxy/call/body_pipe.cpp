#include "proxy/call/body_pipe.hpp"

#include <utility>

namespace sluice::call {

Result<BodyPipe> BodyPipe::redacting(std::shared_ptr<const redact::RuleSet> rules,
                                     std::string_view content_encoding) {
  const auto coding = wire::parse_coding(content_encoding);
  if (!coding) {
    return make_error(Origin::downstream, "content_undecodable",
                      "unknown or stacked content coding");
  }
  BodyPipe pipe;
  pipe.redactor_.emplace(std::move(rules));
  if (*coding != wire::Coding::identity) {
    pipe.decoder_.emplace(*coding);
    pipe.encoder_.emplace(*coding);
  }
  return pipe;
}

Result<> BodyPipe::feed(std::string_view in, std::string& out) {
  if (!redactor_) {
    out.append(in);
    return success();
  }
  if (!decoder_) {
    redactor_->feed(in, out);
    return success();
  }
  begun_ = begun_ || !in.empty();
  decoded_.clear();
  masked_.clear();
  SLUICE_TRY(decoder_->feed(in, decoded_));
  redactor_->feed(decoded_, masked_);
  // A peer that streams (SSE over gzip) must be able to read what has been said so far.
  if (!masked_.empty()) encoder_->feed(masked_, wire::Encoder::Flush::sync, out);
  return success();
}

Result<> BodyPipe::finish(std::string& out) {
  if (!redactor_) return success();
  if (!decoder_) {
    redactor_->finish(out);
    return success();
  }
  SLUICE_TRY(decoder_->finish());
  // No bytes stay no bytes: a head that said `Content-Length: 0` may be on its way, and behind it
  // even an empty gzip stream would be read as the next message.
  if (!begun_) return success();
  masked_.clear();
  redactor_->finish(masked_);
  encoder_->feed(masked_, wire::Encoder::Flush::none, out);
  encoder_->finish(out);
  return success();
}

redact::Findings BodyPipe::findings() const {
  return redactor_ ? redactor_->findings() : redact::Findings{};
}

} // namespace sluice::call
