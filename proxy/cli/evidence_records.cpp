#include "proxy/cli/evidence_records.hpp"

#include "policy/base/printable.hpp"
#include "policy/evidence/layout.hpp"

#include <iostream>
#include <utility>

namespace sluice::cli {
namespace {

constexpr std::size_t kMaxIssuesShown = 1000; // of a JSON document; all go to stderr

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
  add("peer", "peer=");
  add("upstream_peer", "upstream-peer=");
  add("parent_call_id", "parent=");
  add("hops", "hops=");
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

std::string line_of(const evidence::RecordView& record, const Json& payload) {
  const std::string seq = std::to_string(record.seq);
  return std::string(seq.size() < 6 ? 6 - seq.size() : 0, ' ') + seq + "  " +
         printable(record.timestamp) + "  " + printable(record.event_type) + summary(payload) +
         "\n";
}

} // namespace

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

void RecordPrinter::begin() {
  if (std::exchange(begun_, true) || form_ != Form::json) return;
  std::cout << "{\n  \"schema_version\": \"1\",\n  \"records\": [";
}

bool RecordPrinter::record(std::string_view line, const evidence::Line& parsed) {
  begin();
  if (form_ == Form::ndjson) {
    std::cout << line << '\n';
    return std::cout.good();
  }
  const evidence::RecordView view = evidence::view_of(parsed);
  const Json json = to_json(view);
  if (form_ == Form::text) {
    std::cout << line_of(view, json["payload"]);
  } else {
    std::cout << (first_ ? "\n    " : ",\n    ") << dump(json);
  }
  first_ = false;
  return std::cout.good();
}

void RecordPrinter::issue(const evidence::Issue& issue) {
  if (issues_.size() < kMaxIssuesShown) issues_.push_back(to_json(issue));
  std::cout << std::flush;
  std::cerr << place_of(dir_, issue) << "\n";
}

void RecordPrinter::note(const std::string& said) {
  notes_.push_back(said);
  std::cerr << "sluice: " << printable(said) << "\n";
}

int RecordPrinter::finish() {
  begin();
  if (form_ == Form::json) {
    std::cout << (first_ ? "],\n" : "\n  ],\n") << "  \"issues\": " << dump(issues_)
              << ",\n  \"notes\": " << dump(notes_) << "\n}\n";
  }
  std::cout << std::flush;
  return issues_.empty() ? kDone : kVerificationFailed;
}

} // namespace sluice::cli
