#include "proxy/call/content_redactor.hpp"

#include "policy/base/bytes.hpp"
#include "proxy/call/body_pipe.hpp"

#include <utility>

namespace sluice::call {

MultipartRedactor::MultipartRedactor(std::shared_ptr<const redact::RuleSet> rules,
                                     wire::MultipartReader reader, redact::Scope scope)
    : rules_(std::move(rules)), scope_(scope), reader_(std::move(reader)),
      text_(rules_, redact::Redactor::Mask::placeholder, scope_) {}
MultipartRedactor::MultipartRedactor(MultipartRedactor&&) noexcept = default;
MultipartRedactor& MultipartRedactor::operator=(MultipartRedactor&&) noexcept = default;
MultipartRedactor::~MultipartRedactor() = default;

Result<> MultipartRedactor::feed(std::string_view in, std::string& out) {
  reader_.feed(in);
  return read(out);
}

Result<> MultipartRedactor::finish(std::string& out) {
  reader_.finish();
  SLUICE_TRY(read(out));
  SLUICE_TRY(end_part(out));
  text_.finish(out);
  return success();
}

// Lines come one by one: what is text is put together first.
Result<> MultipartRedactor::read(std::string& out) {
  using Kind = wire::MultipartReader::Piece::Kind;
  std::string text;
  for (;;) {
    SLUICE_TRY(const auto piece, reader_.next());
    if (!piece) break;
    const bool is_text = piece->kind == Kind::frame || (piece->kind == Kind::body && !part_);
    if (is_text) {
      text += piece->bytes;
      continue;
    }
    if (!text.empty()) text_.feed(std::exchange(text, {}), out);
    SLUICE_TRY(take(*piece, out));
  }
  if (!text.empty()) text_.feed(text, out);
  return success();
}

Result<> MultipartRedactor::take(const wire::MultipartReader::Piece& piece, std::string& out) {
  using Kind = wire::MultipartReader::Piece::Kind;
  switch (piece.kind) {
  case Kind::part_begins: text_.finish(out); return begin_part();
  case Kind::body: return feed_part(piece.bytes, out);
  case Kind::part_ends:
    if (!part_) text_.finish(out); // what began in a part ends with it
    return end_part(out);
  case Kind::frame: break;
  }
  return success();
}

Result<> MultipartRedactor::begin_part() {
  const auto& head = reader_.part();
  const std::string transfer = ascii_lower(head.transfer_encoding);
  // Base64 is read where it stands; the others say how text is written that is not encoded.
  const bool plain = transfer.empty() || transfer == "7bit" || transfer == "8bit" ||
                     transfer == "binary" || transfer == "base64";
  const bool coded = !ascii_lower(head.content_encoding).empty() &&
                     ascii_lower(head.content_encoding) != "identity";
  if (!plain && transfer != "quoted-printable") {
    return make_error(Origin::downstream, "content_undecodable",
                      "a part with a transfer encoding that cannot be read");
  }
  if (coded && transfer == "base64") {
    return make_error(Origin::downstream, "content_undecodable",
                      "a part that is compressed and written in base64");
  }
  if (plain && !coded) return success();
  SLUICE_TRY(auto pipe, BodyPipe::redacting(rules_, head.content_encoding, {}, scope_));
  pipe.watch(meter_);
  part_ = std::make_unique<BodyPipe>(std::move(pipe));
  if (!plain) quoted_ = std::make_unique<QuotedPrintable>();
  decoded_ = true;
  return success();
}

Result<> MultipartRedactor::feed_part(std::string_view in, std::string& out) {
  if (!quoted_) return part_->feed(in, out);
  std::string decoded, redacted;
  quoted_->decoder.feed(in, decoded);
  SLUICE_TRY(part_->feed(decoded, redacted));
  quoted_->encoder.feed(redacted, out);
  return success();
}

Result<> MultipartRedactor::end_part(std::string& out) {
  if (!part_) return success();
  std::string decoded, redacted;
  if (quoted_) {
    quoted_->decoder.finish(decoded);
    SLUICE_TRY(part_->feed(decoded, redacted));
  }
  SLUICE_TRY(part_->finish(redacted));
  if (quoted_) {
    quoted_->encoder.feed(redacted, out);
    quoted_->encoder.finish(out);
  } else {
    out += redacted;
  }
  in_parts_.merge(part_->findings());
  if (blocked_by_.empty()) blocked_by_ = part_->blocked_by();
  part_.reset();
  quoted_.reset();
  return success();
}

std::string MultipartRedactor::blocked_by() const {
  if (!blocked_by_.empty()) return blocked_by_;
  return part_ && !part_->blocked_by().empty() ? part_->blocked_by() : text_.blocked_by();
}

void MultipartRedactor::stop() {
  std::string nothing;
  if (part_) part_->stop();
  text_.finish(nothing);
}

redact::Findings MultipartRedactor::findings() const {
  auto out = text_.findings();
  out.merge(in_parts_);
  if (part_) out.merge(part_->findings());
  return out;
}

namespace {

redact::Escape escape_of(std::string_view content_type) {
  using redact::Escape;
  auto type = content_type.substr(0, content_type.find_first_of(";,"));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  while (!type.empty() && (type.front() == ' ' || type.front() == '\t')) type.remove_prefix(1);
  const std::string name = ascii_lower(type);
  if (name == "application/json" || name.ends_with("+json")) return Escape::json;
  if (name == "application/x-www-form-urlencoded") return Escape::url;
  return name == "text/plain" ? Escape::text : Escape::nothing_special;
}

} // namespace

Result<ContentRedactor> ContentRedactor::make(std::shared_ptr<const redact::RuleSet> rules,
                                              std::string_view content_type, redact::Scope scope) {
  if (const auto format = redact::event_format_of(content_type)) {
    return ContentRedactor(redact::EventStream(rules, *format, scope));
  }
  SLUICE_TRY(auto parts, wire::MultipartReader::of(content_type));
  // What else is read there nobody knows.
  scope = scope.written_as(parts ? redact::Escape::nothing_special : escape_of(content_type));
  if (parts) return ContentRedactor(MultipartRedactor(std::move(rules), std::move(*parts), scope));
  return ContentRedactor(
      redact::Redactor(std::move(rules), redact::Redactor::Mask::placeholder, scope));
}

void ContentRedactor::watch(std::shared_ptr<redact::DripMeter> meter) {
  if (auto* parts = std::get_if<MultipartRedactor>(&how_)) parts->watch(meter);
  meter_ = std::move(meter);
}

void ContentRedactor::show(std::string_view text) const {
  if (meter_) meter_->feed(text);
}

Result<> ContentRedactor::feed(std::string_view in, std::string& out) {
  const auto before = out.size();
  SLUICE_TRY(feed_unwatched(in, out));
  show(std::string_view(out).substr(before));
  return success();
}

Result<> ContentRedactor::finish(std::string& out) {
  const auto before = out.size();
  SLUICE_TRY(finish_unwatched(out));
  show(std::string_view(out).substr(before));
  return success();
}

Result<> ContentRedactor::feed_unwatched(std::string_view in, std::string& out) {
  if (auto* parts = std::get_if<MultipartRedactor>(&how_)) return parts->feed(in, out);
  if (auto* events = std::get_if<redact::EventStream>(&how_)) {
    events->feed(in, out);
  } else {
    std::get<redact::Redactor>(how_).feed(in, out);
  }
  return success();
}

Result<> ContentRedactor::finish_unwatched(std::string& out) {
  over_ = true;
  if (auto* parts = std::get_if<MultipartRedactor>(&how_)) return parts->finish(out);
  if (auto* events = std::get_if<redact::EventStream>(&how_)) {
    events->finish(out);
  } else {
    std::get<redact::Redactor>(how_).finish(out);
  }
  return success();
}

void ContentRedactor::stop() {
  if (over_) return;
  over_ = true;
  if (auto* parts = std::get_if<MultipartRedactor>(&how_)) return parts->stop();
  std::string nothing;
  if (auto* events = std::get_if<redact::EventStream>(&how_)) return events->finish(nothing);
  std::get<redact::Redactor>(how_).finish(nothing);
}

std::string ContentRedactor::blocked_by() const {
  return std::visit([](const auto& how) { return std::string(how.blocked_by()); }, how_);
}

redact::Findings ContentRedactor::findings() const {
  return std::visit([](const auto& how) { return redact::Findings(how.findings()); }, how_);
}

bool ContentRedactor::rewrote() const {
  if (const auto* text = std::get_if<redact::Redactor>(&how_)) return text->findings().changed();
  if (const auto* events = std::get_if<redact::EventStream>(&how_)) return events->rewrote();
  return std::get<MultipartRedactor>(how_).rewrote();
}

} // namespace sluice::call
