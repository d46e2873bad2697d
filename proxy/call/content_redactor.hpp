// Redacts the content of one body, decoded already, as its type asks: a stream of events is read as
// one, the pieces of a text joined; a multipart body part by part, where a part has an encoding of
// its own; all else as text. What a part's encoding hides is decoded, redacted and encoded again.
// Never passes on a part it could not read. Tested by tests/unit/call/content_redactor_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "policy/redact/drip.hpp"
#include "policy/redact/event_stream.hpp"
#include "policy/redact/redactor.hpp"
#include "proxy/wire/multipart.hpp"
#include "proxy/wire/quoted_printable.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::call {

class BodyPipe;

class MultipartRedactor {
 public:
  MultipartRedactor(std::shared_ptr<const redact::RuleSet> rules, wire::MultipartReader reader,
                    redact::Scope scope);
  MultipartRedactor(MultipartRedactor&&) noexcept;
  MultipartRedactor& operator=(MultipartRedactor&&) noexcept;
  ~MultipartRedactor();

  // Fail (downstream, "content_undecodable" or "content_bomb"); what was appended is right.
  Result<> feed(std::string_view in, std::string& out);
  Result<> finish(std::string& out);
  redact::Findings findings() const;
  std::string blocked_by() const;
  void stop();
  void watch(std::shared_ptr<redact::DripMeter> meter) { meter_ = std::move(meter); }
  bool rewrote() const { return decoded_ || findings().changed(); }

 private:
  struct QuotedPrintable {
    wire::QuotedPrintableDecoder decoder;
    wire::QuotedPrintableEncoder encoder;
  };
  Result<> read(std::string& out);
  Result<> take(const wire::MultipartReader::Piece& piece, std::string& out);
  Result<> begin_part();
  Result<> feed_part(std::string_view in, std::string& out);
  Result<> end_part(std::string& out);

  std::shared_ptr<const redact::RuleSet> rules_;
  redact::Scope scope_;
  wire::MultipartReader reader_;
  redact::Redactor text_;          // of the frame, and of each part that has no encoding of its own
  std::unique_ptr<BodyPipe> part_; // of one that has
  std::unique_ptr<QuotedPrintable> quoted_;
  bool decoded_ = false;                     // a part
  std::shared_ptr<redact::DripMeter> meter_; // of what encoded parts hold
  redact::Findings in_parts_;                // of those that ended
  std::string blocked_by_;                   // in one that ended
};

class ContentRedactor {
 public:
  // Fails (downstream, "content_undecodable") when the type says what nobody can split for certain.
  static Result<ContentRedactor> make(std::shared_ptr<const redact::RuleSet> rules,
                                      std::string_view content_type, redact::Scope scope = {});

  Result<> feed(std::string_view in, std::string& out);
  Result<> finish(std::string& out);
  redact::Findings findings() const;
  std::string blocked_by() const; // see Redactor
  void stop(); // what is held is counted, and never leaves; nothing is fed after it
  // Shows the meter what comes out, before it is encoded again.
  void watch(std::shared_ptr<redact::DripMeter> meter);
  // What came out is not, byte for byte, what went in.
  bool rewrote() const;

 private:
  using How = std::variant<redact::Redactor, redact::EventStream, MultipartRedactor>;
  explicit ContentRedactor(How how) : how_(std::move(how)) {}
  Result<> feed_unwatched(std::string_view in, std::string& out);
  Result<> finish_unwatched(std::string& out);
  void show(std::string_view text) const;

  How how_;
  std::shared_ptr<redact::DripMeter> meter_;
  bool over_ = false; // finished or stopped
};

} // namespace sluice::call
