#include "proxy/call/body_pipe.hpp"

#include <utility>

namespace sluice::call {
namespace {

constexpr std::size_t kMostUnread = 64 * 1024; // a coding says something long before

} // namespace

Result<BodyPipe> BodyPipe::redacting(std::shared_ptr<const redact::RuleSet> rules,
                                     std::string_view content_encoding,
                                     std::string_view content_type, redact::Scope scope) {
  SLUICE_TRY(const auto codings, wire::parse_codings(content_encoding));
  SLUICE_TRY(auto redactor, ContentRedactor::make(std::move(rules), content_type, scope));
  BodyPipe pipe;
  pipe.redactor_.emplace(std::move(redactor));
  if (!codings.empty()) pipe.decoder_.emplace(codings);
  return pipe;
}

bool BodyPipe::rewrite(Urls urls, std::string_view content_encoding) {
  if (!redactor_) {
    const auto codings = wire::parse_codings(content_encoding);
    if (!codings) return false;
    if (!codings.value().empty()) {
      decoder_.emplace(codings.value());
      unread_.emplace();
    }
  }
  urls_.emplace(std::move(urls));
  return true;
}

// Of bytes that are not in the coding they are said to be in.
Result<> BodyPipe::pass_unread(Result<> fault, std::string& out) {
  if (!unread_ || (usage_ && usage_bound_)) return fault;
  out.append(*unread_);
  unread_.reset();
  urls_.reset();
  decoder_.reset();
  usage_.reset();
  return success();
}

Result<> BodyPipe::change_urls(std::string_view text, std::string& out) {
  if (auto* card = std::get_if<AgentCard>(&*urls_)) return card->feed(text);
  std::get<UrlRewriter>(*urls_).feed(text, out);
  return success();
}

// Requires: changes().
Result<> BodyPipe::change(std::string_view text, std::string& out) {
  if (!urls_) return redactor_->feed(text, out);
  redacted_.clear();
  if (redactor_) {
    SLUICE_TRY(redactor_->feed(text, redacted_));
    text = redacted_;
  }
  return change_urls(text, out);
}

Result<> BodyPipe::end_change(std::string& out) {
  if (!urls_) return redactor_->finish(out);
  redacted_.clear();
  if (redactor_) {
    SLUICE_TRY(redactor_->finish(redacted_));
  }
  SLUICE_TRY(change_urls(redacted_, out));
  if (auto* card = std::get_if<AgentCard>(&*urls_)) return card->finish(out);
  std::get<UrlRewriter>(*urls_).finish(out);
  return success();
}

Result<> BodyPipe::feed(std::string_view in, std::string& out) {
  if (!changes()) {
    SLUICE_TRY(read_usage(in));
    out.append(in);
    return success();
  }
  if (usage_ && !decoder_) usage_->feed(in);
  const auto before = out.size();
  if (!decoder_) {
    auto fed = change(in, out);
    if (!fed) out.resize(before);
    return fed;
  }
  begun_ = begun_ || !in.empty();
  if (unread_) unread_->append(in);
  if (unread_ && unread_->size() > kMostUnread) unread_.reset();
  bool said = false;
  Result<> redacted = success();
  auto fed = decoder_->feed(in, [&](std::string_view text) {
    unread_.reset();
    if (!redacted) return;
    if (usage_) usage_->feed(text);
    masked_.clear();
    redacted = change(text, masked_);
    if (masked_.empty()) return;
    if (!encoder_) encoder_.emplace(decoder_->codings());
    encoder_->feed(masked_, wire::Encoder::Flush::none, out);
    said = true;
  });
  if (fed && !redacted) fed = std::move(redacted);
  if (!fed) {
    out.resize(before);
    return pass_unread(std::move(fed), out);
  }
  // A peer that streams (SSE over gzip) must be able to read what has been said so far.
  if (said) encoder_->feed({}, wire::Encoder::Flush::sync, out);
  return success();
}

Result<> BodyPipe::finish(std::string& out) {
  if (!changes()) {
    const bool read = !usage_ || !decoder_ || !begun_ || decoder_->finish().has_value();
    if (read || !usage_bound_) return success();
    return make_error(Origin::downstream, "content_undecodable", "it ends early");
  }
  if (!decoder_) return end_change(out);
  if (auto whole = decoder_->finish(); !whole) return pass_unread(std::move(whole), out);
  // No bytes stay no bytes: a head that said `Content-Length: 0` may be on its way, and behind it
  // even an empty gzip stream would be read as the next message.
  if (!begun_) return success();
  masked_.clear();
  SLUICE_TRY(end_change(masked_));
  if (!encoder_) encoder_.emplace(decoder_->codings());
  encoder_->feed(masked_, wire::Encoder::Flush::none, out);
  encoder_->finish(out);
  return success();
}

Result<> BodyPipe::count_into(std::shared_ptr<UsageScanner> usage,
                              std::string_view content_encoding, bool bound) {
  if (!changes()) {
    SLUICE_TRY(const auto codings, wire::parse_codings(content_encoding));
    if (!codings.empty()) decoder_.emplace(codings);
  }
  usage_ = std::move(usage);
  usage_bound_ = bound;
  return success();
}

// Of a pipe that passes bytes on as they are.
Result<> BodyPipe::read_usage(std::string_view in) {
  if (!usage_) return success();
  begun_ = begun_ || !in.empty();
  if (!decoder_) {
    usage_->feed(in);
    return success();
  }
  auto read = decoder_->feed(in, [this](std::string_view text) { usage_->feed(text); });
  if (read || usage_bound_) return read;
  usage_.reset();
  return success();
}

void BodyPipe::watch(std::shared_ptr<redact::DripMeter> meter) {
  if (redactor_) redactor_->watch(std::move(meter));
}

void BodyPipe::stop() {
  if (redactor_) redactor_->stop();
}

std::string BodyPipe::blocked_by() const {
  return redactor_ ? redactor_->blocked_by() : std::string();
}

redact::Findings BodyPipe::findings() const {
  return redactor_ ? redactor_->findings() : redact::Findings{};
}

bool BodyPipe::rewrote() const {
  return (changes() && decoder_) || (redactor_ && redactor_->rewrote()) ||
         (urls_ && std::visit([](const auto& urls) { return urls.rewrote(); }, *urls_));
}

std::size_t BodyPipe::held() const noexcept {
  const auto* card = urls_ ? std::get_if<AgentCard>(&*urls_) : nullptr;
  return card == nullptr ? 0 : card->held();
}

} // namespace sluice::call
