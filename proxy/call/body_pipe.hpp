// One body in one direction: decode, redact, put addresses in the place of others, encode again.
// With neither to be done it is a pipe. What was coded goes out in the same codings, whether
// anything was masked or not: that keeps the agent's and the upstream's choice, and nothing that
// only a decoder sees (a gzip file name, a skippable frame) gets past. Never passes on a byte it
// could not read when redaction is due. Tested by tests/unit/call/body_pipe_test.cpp.
#pragma once

#include "policy/base/result.hpp"
#include "proxy/call/agent_card.hpp"
#include "proxy/call/content_redactor.hpp"
#include "proxy/call/url_rewriter.hpp"
#include "proxy/call/usage_scanner.hpp"
#include "proxy/wire/coding.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::call {

class BodyPipe {
 public:
  BodyPipe() = default; // passes bytes unchanged
  // Requires: rules. `content_encoding` is the joined field value; fails (downstream,
  // "content_undecodable") when it names a coding that cannot be read, or the type what nobody can
  // split for certain.
  static Result<BodyPipe> redacting(std::shared_ptr<const redact::RuleSet> rules,
                                    std::string_view content_encoding,
                                    std::string_view content_type = {}, redact::Scope scope = {});

  // Behind redaction, so that a secret is looked for in what was sent. False: its coding cannot be
  // read, and it is left as it is; so is one that turns out not to be in its coding, as long as
  // nothing of it was decoded and no redaction is due. Before count_into.
  using Urls = std::variant<UrlRewriter, AgentCard>;
  bool rewrite(Urls urls, std::string_view content_encoding);
  // Shows the meter what leaves, before it is encoded again and before addresses change.
  void watch(std::shared_ptr<redact::DripMeter> meter);
  // Shows what comes in, decoded, whether it is redacted or passes unchanged. Fails (downstream,
  // "content_undecodable") when that cannot be read; then, and when the bytes turn out damaged
  // where that need not stop them (`bound` is false), a pipe that passes bytes on does so unread.
  Result<> count_into(std::shared_ptr<UsageScanner> usage, std::string_view content_encoding,
                      bool bound);
  // Nothing is appended by a call that fails.
  Result<> feed(std::string_view in, std::string& out);
  Result<> finish(std::string& out);
  redact::Findings findings() const;
  // The rule that blocks the call: nothing fed since may leave. "" while none does.
  std::string blocked_by() const;
  void stop(); // what is held is counted, and never leaves; nothing is fed after it
  // What went out is not, byte for byte, what came in: it was masked or encoded anew.
  bool rewrote() const;
  bool changes() const noexcept { return redactor_ || urls_; }
  bool rewrites() const noexcept { return urls_.has_value(); }
  std::size_t held() const noexcept; // of a card

 private:
  Result<> change_urls(std::string_view text, std::string& out);
  Result<> pass_unread(Result<> fault, std::string& out);
  Result<> change(std::string_view text, std::string& out);
  Result<> end_change(std::string& out);

  std::optional<ContentRedactor> redactor_; // when it redacts
  std::optional<Urls> urls_;                // when it rewrites
  std::optional<wire::Decoder> decoder_;
  std::optional<wire::Encoder> encoder_; // made when the decoder knows what it reads
  bool begun_ = false;                   // encoded bytes came in
  std::optional<std::string> unread_;    // those of which nothing came out, while they may pass
  std::string masked_, redacted_;        // reused between calls
  Result<> read_usage(std::string_view in);
  std::shared_ptr<UsageScanner> usage_;
  bool usage_bound_ = false; // what cannot be counted does not pass
};

} // namespace sluice::call
