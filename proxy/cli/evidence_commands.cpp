// sluice evidence verify; the other verbs of the group are in files of their own
#include "policy/evidence/verify.hpp"
#include "proxy/cli/commands.hpp"
#include "proxy/cli/evidence_records.hpp"
#include "proxy/cli/evidence_support.hpp"

#include <charconv>
#include <filesystem>
#include <memory>
#include <utility>

namespace sluice::cli {
namespace {

struct EvidenceOptions {
  std::string head;
  bool running = false;
  PinOptions pin;
};

std::optional<evidence::ExpectedHead> parse_head(const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos || text.size() != colon + 65) return std::nullopt;
  evidence::ExpectedHead head;
  const auto* end = text.data() + colon;
  if (std::from_chars(text.data(), end, head.seq).ptr != end) return std::nullopt;
  head.hash = text.substr(colon + 1);
  return head;
}

// What the log alone cannot show, said aloud.
std::string unproven(const evidence::Verification& result, const evidence::VerifyOptions& pins) {
  std::string text;
  if (pins.pin.fingerprint.empty()) {
    text += "not checked: whose key signed it; pin it with --fingerprint or --public-key, or who "
            "could write the log could have signed it anew\n";
  }
  if (!pins.head) {
    text += "not checked: whether it is an older copy; pin a later head with --head to know\n";
  }
  if (result.being_written) {
    text += "being written: records " + std::to_string(result.signed_up_to + 1) +
            " and later are not signed yet\n";
  }
  return text;
}

int verify(const Output& out, const Program& program, const EvidenceOptions& options) {
  evidence::VerifyOptions pins;
  if (!options.head.empty()) {
    pins.head = parse_head(options.head);
    if (!pins.head)
      return out.fail(kUsage, "usage", "--head is not SEQ:HASH", "copy it from evidence verify");
  }
  int failed = kDone;
  auto pin = read_pin(out, options.pin, failed);
  if (!pin) return failed;
  pins.pin = std::move(*pin);
  pins.copied_while_written = options.running;
  const std::string dir = evidence_directory(program);
  if (!std::filesystem::exists(dir))
    return out.fail(kNotFound, "not_found", dir + " does not exist");
  const auto result = evidence::verify_directory(dir, pins);
  Json issues = Json::array();
  std::string text = result.passed() ? "OK" : "FAILED";
  text += "  " + std::to_string(result.audit_record_count) + " records, head " +
          std::to_string(result.audit_head_seq) + ":" + result.audit_head_hash + "\n";
  text += "    " + std::to_string(result.checkpoint_count) + " checkpoints, signed up to record " +
          std::to_string(result.signed_up_to) + " by key " + result.key_fingerprint + "\n";
  if (result.removed_up_to != 0) {
    text += "    records 1 to " + std::to_string(result.removed_up_to) +
            " were removed by retention, which is on record\n";
  }
  for (const auto& issue : result.issues) {
    issues.push_back(to_json(issue));
    text += place_of(dir, issue) + "\n";
  }
  if (result.passed()) text += unproven(result, pins);
  out.print({{"passed", result.passed()},
             {"audit_record_count", result.audit_record_count},
             {"audit_head_seq", result.audit_head_seq},
             {"audit_head_hash", result.audit_head_hash},
             {"checkpoint_count", result.checkpoint_count},
             {"latest_anchor_seq", result.latest_anchor_seq},
             {"latest_anchor_hash", result.latest_anchor_hash},
             {"removed_up_to", result.removed_up_to},
             {"signed_up_to", result.signed_up_to},
             {"key_fingerprint", result.key_fingerprint},
             {"being_written", result.being_written},
             {"key_pinned", !pins.pin.fingerprint.empty()},
             {"head_pinned", pins.head.has_value()},
             {"issues", issues}},
            text);
  return result.passed() ? kDone : kVerificationFailed;
}

} // namespace

void add_evidence_commands(CLI::App& app, Program& program) {
  auto* group = app.add_subcommand("evidence", "the evidence log");
  group->require_subcommand(1);
  auto options = std::make_shared<EvidenceOptions>();
  const auto common = [&program](CLI::App* verb) { return add_evidence_options(verb, program); };
  auto* check = common(
      add_verb(*group, program, "verify", "check the whole chain; exit 4 when it does not hold",
               "sluice evidence verify --dir ./evidence",
               [&program, options](const Output& out) { return verify(out, program, *options); }));
  check->add_option("--head", options->head, "SEQ:HASH that a witness remembers; finds a cut tail");
  check->add_flag("--running", options->running,
                  "the log was being written when it was copied: do not judge its end");
  add_pin_options(check, options->pin);
  add_query_commands(*group, program);
  add_resolve_command(*group, program);
  add_proof_commands(*group, program);
  add_export_command(*group, program);
}

} // namespace sluice::cli
