// sluice evidence verify|show; the other verbs of the group are in files of their own
#include "policy/base/printable.hpp"
#include "policy/evidence/layout.hpp"
#include "policy/evidence/verify.hpp"
#include "proxy/cli/commands.hpp"
#include "proxy/cli/evidence_support.hpp"

#include <charconv>
#include <deque>
#include <filesystem>
#include <iostream>
#include <memory>
#include <utility>

namespace sluice::cli {
namespace {

struct EvidenceOptions {
  std::string head;
  bool running = false;
  PinOptions pin;
  std::uint64_t last = 0;
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

Json to_json(const evidence::Issue& issue) {
  return {{"type", issue.type},
          {"message", issue.message},
          {"file", issue.file.empty() ? std::string(evidence::kAuditFile) : issue.file},
          {"line", issue.line},
          {"seq", issue.seq}};
}

std::string place_of(const std::string& dir, const evidence::Issue& issue) {
  const std::string file = issue.file.empty() ? std::string(evidence::kAuditFile) : issue.file;
  return printable(dir + "/" + file + ":" + std::to_string(issue.line) + ": " + issue.type + ": " +
                   issue.message);
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
             {"signed_up_to", result.signed_up_to},
             {"key_fingerprint", result.key_fingerprint},
             {"being_written", result.being_written},
             {"key_pinned", !pins.pin.fingerprint.empty()},
             {"head_pinned", pins.head.has_value()},
             {"issues", issues}},
            text);
  return result.passed() ? kDone : kVerificationFailed;
}

// Whatever stands there: a log may have been written by somebody else.
std::string shown(const Json& value) {
  return printable(value.is_string() ? value.get<std::string>() : dump(value));
}

std::string shown(const Json& object, const char* key) {
  const auto at = object.is_object() ? object.find(key) : object.end();
  return at == object.end() ? "?" : shown(*at);
}

// The part of a payload a person looks for first.
std::string summary(const Json& payload) {
  if (payload.is_null()) return "";
  std::string text;
  const auto add = [&text, &payload](const char* key, const char* label) {
    const auto at = payload.find(key);
    if (at == payload.end() || at->is_null() || *at == "") return;
    text += std::string("  ") + label + shown(*at);
  };
  add("method", "");
  add("destination_text", "");
  add("path", "");
  add("rule_id", "rule=");
  add("reason_code", "reason=");
  add("status", "status=");
  add("mode", "mode=");
  add("would", "would=");
  const auto findings = payload.find("findings");
  if (findings == payload.end()) return text;
  if (!findings->is_array()) return text + "  findings=" + shown(*findings);
  for (const auto& finding : *findings) {
    text += "  redacted=" + shown(finding, "rule") + "x" + shown(finding, "count") + "(" +
            shown(finding, "direction") + " " + shown(finding, "location") + ")";
  }
  return text;
}

Json to_json(const evidence::RecordView& record) {
  Json payload = Json::parse(record.payload, nullptr, false);
  // Canonical, and still more than a parser takes: a number beyond any double.
  if (payload.is_discarded()) payload = record.payload;
  return {{"seq", record.seq},
          {"prev_hash", record.prev_hash},
          {"record_hash", record.record_hash},
          {"timestamp", record.timestamp},
          {"event_type", record.event_type},
          {"deployment_mode", record.deployment_mode},
          {"actor", record.actor},
          {"payload", std::move(payload)}};
}

std::string line_of(const evidence::RecordView& record, const Json& payload) {
  const std::string seq = std::to_string(record.seq);
  return std::string(seq.size() < 6 ? 6 - seq.size() : 0, ' ') + seq + "  " +
         printable(record.timestamp) + "  " + printable(record.event_type) + summary(payload) +
         "\n";
}

// Shows what can be read, and says of each other line that it cannot: a hole in the story must not
// look like the end of it.
int show(const Output& out, const Program& program, const EvidenceOptions& options) {
  const std::string dir = evidence_directory(program);
  std::deque<evidence::RecordView> kept;
  Json issues = Json::array();
  const auto keep = [&](const evidence::RecordView& record) {
    kept.push_back(record);
    if (options.last != 0 && kept.size() > options.last) kept.pop_front();
    return true;
  };
  const auto complain = [&](const evidence::Issue& issue) {
    issues.push_back(to_json(issue));
    std::cerr << place_of(dir, issue) << "\n";
  };
  if (!evidence::read_records(dir, keep, complain))
    return out.fail(kNotFound, "not_found", dir + " holds no evidence log");
  Json records = Json::array();
  std::string text;
  for (const auto& record : kept) {
    records.push_back(to_json(record));
    text += line_of(record, records.back()["payload"]);
  }
  const bool whole = issues.empty();
  out.print({{"records", std::move(records)}, {"issues", std::move(issues)}}, text);
  return whole ? kDone : kVerificationFailed;
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
  auto* list =
      common(add_verb(*group, program, "show", "print the records; exit 4 when a line is none",
                      "sluice evidence show --last 20", [&program, options](const Output& out) {
                        return show(out, program, *options);
                      }));
  list->add_option("--last", options->last, "only the last N records");
  add_proof_commands(*group, program);
  add_export_command(*group, program);
}

} // namespace sluice::cli
