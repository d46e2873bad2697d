// sluice evidence verify|show
#include "policy/evidence/verify.hpp"
#include "proxy/cli/commands.hpp"
#include "proxy/runtime/config.hpp"

#include <charconv>
#include <filesystem>
#include <memory>
#include <utility>

namespace sluice::cli {
namespace {

struct EvidenceOptions {
  std::string head;
  std::uint64_t last = 0;
};

// --dir, else evidence.dir of the config.
std::string evidence_directory(const Program& program) {
  if (!program.common.dir.empty()) return program.common.dir;
  auto load = runtime::load_config_file(program.common.config);
  return load.config ? load.config->log.directory : std::string("evidence");
}

std::optional<evidence::ExpectedHead> parse_head(const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos || text.size() != colon + 65) return std::nullopt;
  evidence::ExpectedHead head;
  const auto* end = text.data() + colon;
  if (std::from_chars(text.data(), end, head.seq).ptr != end) return std::nullopt;
  head.hash = text.substr(colon + 1);
  return head;
}

int verify(const Output& out, const Program& program, const EvidenceOptions& options) {
  std::optional<evidence::ExpectedHead> head;
  if (!options.head.empty()) {
    head = parse_head(options.head);
    if (!head)
      return out.fail(kUsage, "usage", "--head is not SEQ:HASH", "copy it from evidence verify");
  }
  const std::string dir = evidence_directory(program);
  if (!std::filesystem::exists(dir))
    return out.fail(kNotFound, "not_found", dir + " does not exist");
  const auto result = evidence::verify_directory(dir, head);
  Json issues = Json::array();
  std::string text = result.passed() ? "OK" : "FAILED";
  text += "  " + std::to_string(result.audit_record_count) + " records, head " +
          std::to_string(result.audit_head_seq) + ":" + result.audit_head_hash + "\n";
  for (const auto& issue : result.issues) {
    issues.push_back({{"type", issue.type},
                      {"message", issue.message},
                      {"line", issue.line},
                      {"seq", issue.seq}});
    text += dir + "/audit.jsonl:" + std::to_string(issue.line) + ": " + issue.type + ": " +
            issue.message + "\n";
  }
  if (result.passed() && !head) {
    text +=
        "not checked: whether records are missing at the end; pin the head with --head to know\n";
  }
  out.print({{"passed", result.passed()},
             {"audit_record_count", result.audit_record_count},
             {"audit_head_seq", result.audit_head_seq},
             {"audit_head_hash", result.audit_head_hash},
             {"head_pinned", head.has_value()},
             {"issues", issues}},
            text);
  return result.passed() ? kDone : kVerificationFailed;
}

// The part of a payload a person looks for first.
std::string summary(const Json& payload) {
  std::string text;
  const auto add = [&text, &payload](const char* key, const char* label) {
    const auto at = payload.find(key);
    if (at == payload.end() || !at->is_string() || at->get_ref<const std::string&>().empty())
      return;
    text += std::string("  ") + label + at->get<std::string>();
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
  for (const auto& finding : *findings) {
    text += "  redacted=" + finding.value("rule", "?") + "x" +
            std::to_string(finding.value("count", 0)) + "(" + finding.value("direction", "?") +
            " " + finding.value("location", "?") + ")";
  }
  return text;
}

int show(const Output& out, const Program& program, const EvidenceOptions& options) {
  const std::string dir = evidence_directory(program);
  std::vector<Json> records;
  const bool read = evidence::read_records(dir, [&](const evidence::RecordView& record) {
    Json payload = Json::parse(record.payload, nullptr, false);
    if (payload.is_discarded()) payload = nullptr;
    records.push_back({{"seq", record.seq},
                       {"prev_hash", record.prev_hash},
                       {"record_hash", record.record_hash},
                       {"timestamp", record.timestamp},
                       {"event_type", record.event_type},
                       {"deployment_mode", record.deployment_mode},
                       {"actor", record.actor},
                       {"payload", std::move(payload)}});
    if (options.last != 0 && records.size() > options.last) records.erase(records.begin());
    return true;
  });
  if (!read) return out.fail(kNotFound, "not_found", dir + " holds no evidence log");
  std::string text;
  for (const auto& record : records) {
    const std::string seq = std::to_string(record["seq"].get<std::uint64_t>());
    text += std::string(seq.size() < 6 ? 6 - seq.size() : 0, ' ') + seq + "  " +
            record["timestamp"].get<std::string>() + "  " +
            record["event_type"].get<std::string>() + summary(record["payload"]) + "\n";
  }
  out.print({{"records", records}}, text);
  return kDone;
}

} // namespace

void add_evidence_commands(CLI::App& app, Program& program) {
  auto* group = app.add_subcommand("evidence", "the evidence log");
  group->require_subcommand(1);
  auto options = std::make_shared<EvidenceOptions>();
  const auto common = [&program](CLI::App* verb) {
    verb->add_option("--dir", program.common.dir,
                     "the evidence directory (default: evidence.dir of the config)");
    verb->add_option("-c,--config", program.common.config, "sluice.yaml");
    return verb;
  };
  auto* check = common(
      add_verb(*group, program, "verify", "check the whole chain; exit 4 when it does not hold",
               "sluice evidence verify --dir ./evidence",
               [&program, options](const Output& out) { return verify(out, program, *options); }));
  check->add_option("--head", options->head, "SEQ:HASH that a witness remembers; finds a cut tail");
  auto* list = common(
      add_verb(*group, program, "show", "print the records", "sluice evidence show --last 20",
               [&program, options](const Output& out) { return show(out, program, *options); }));
  list->add_option("--last", options->last, "only the last N records");
}

} // namespace sluice::cli
