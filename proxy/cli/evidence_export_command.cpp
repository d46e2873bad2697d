// sluice evidence export
#include "policy/base/clock.hpp"
#include "policy/evidence/bundle.hpp"
#include "policy/evidence/json_writer.hpp"
#include "policy/evidence/verify.hpp"
#include "proxy/cli/evidence_support.hpp"
#include "proxy/cli/siem.hpp"

#include <array>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string_view>
#include <utility>

namespace sluice::cli {
namespace {

struct ExportOptions {
  std::string format = "bundle", to;
};

// What a spreadsheet is asked about; the whole payload is the last column, so nothing is lost.
constexpr std::array<const char*, 14> kColumns = {
    "call_id", "run_id", "agent_id", "session_id", "decision", "rule_id",     "reason_code",
    "status",  "method", "path",     "protocol",   "mode",     "http_status", "destination_text"};

// RFC 4180; a cell that a spreadsheet would run as a formula begins with a quote instead.
std::string cell(std::string text) {
  if (!text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos) {
    text.insert(0, 1, '\'');
  }
  std::string out = "\"";
  for (const char c : text) out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

std::string csv_row(const evidence::RecordView& record) {
  const Json payload = Json::parse(record.payload, nullptr, false);
  std::string row = std::to_string(record.seq) + ',' + cell(record.timestamp) + ',' +
                    cell(record.event_type) + ',' + cell(record.actor);
  for (const char* column : kColumns) {
    const auto at = payload.is_object() ? payload.find(column) : payload.end();
    const bool there = payload.is_object() && at != payload.end() && !at->is_null();
    row += ',' + cell(!there            ? std::string()
                      : at->is_string() ? at->get<std::string>()
                                        : dump(*at));
  }
  return row + ',' + cell(record.record_hash) + ',' + cell(record.payload) + "\r\n";
}

// The record as the log has it, so that its hash can be computed from it.
std::string json_row(const evidence::RecordView& record) {
  std::string row = R"({"seq":)" + std::to_string(record.seq);
  const auto add = [&row](std::string_view key, const std::string& value) {
    row.append(",\"").append(key).append("\":");
    evidence::append_json_string(row, value);
  };
  add("prev_hash", record.prev_hash);
  add("record_hash", record.record_hash);
  add("timestamp", record.timestamp);
  add("event_type", record.event_type);
  add("deployment_mode", record.deployment_mode);
  add("actor", record.actor);
  return row + R"(,"payload":)" + record.payload + '}';
}

// Never half an answer that looks whole: a line that is no record is said, and the exit code is 4.
int print_records(const Output& out, const std::string& dir, const std::string& format) {
  bool whole = true;
  bool first = true;
  const auto each = [&](const evidence::RecordView& record) {
    if (format == "csv") {
      std::cout << csv_row(record);
    } else if (format == "cef") {
      std::cout << cef_row(record) << "\n";
    } else if (format == "ocsf") {
      std::cout << ocsf_row(record) << "\n";
    } else {
      std::cout << (format == "ndjson" ? ""
                    : first            ? "\n"
                                       : ",\n")
                << json_row(record) << (format == "ndjson" ? "\n" : "");
    }
    first = false;
    return std::cout.good();
  };
  const auto complain = [&](const evidence::Issue& issue) {
    whole = false;
    std::cerr << issue.type << ": " << issue.message << "\n";
  };
  if (!std::filesystem::exists(dir))
    return out.fail(kNotFound, "not_found", dir + " does not exist");
  if (format == "csv") {
    std::cout << "seq,timestamp,event_type,actor";
    for (const char* column : kColumns) std::cout << ',' << column;
    std::cout << ",record_hash,payload\r\n";
  }
  if (format == "json") std::cout << "[";
  const bool opened = evidence::read_records(dir, each, complain);
  if (format == "json") std::cout << "\n]\n";
  std::cout << std::flush;
  if (!opened) return out.fail(kNotFound, "not_found", dir + " holds no evidence log");
  return whole && std::cout.good() ? kDone : kVerificationFailed;
}

int export_log(const Output& out, const Program& program, const ExportOptions& options) {
  if (out.json() && options.format != "bundle" && options.format != "json")
    return out.fail(kUsage, "usage", "--json is one document, and " + options.format + " is none",
                    "leave --json away, or use --format json");
  const auto config = evidence_config(program);
  if (options.format != "bundle") return print_records(out, config.directory, options.format);
  if (options.to.empty())
    return out.fail(kUsage, "usage", "a bundle is a directory: give it with --to DIR");
  const auto key = evidence::SigningKey::load(config.key_file);
  if (!key) return out.fail(kNotFound, key.error().code, key.error().detail);
  const SystemClock clock;
  const auto made =
      evidence::export_bundle(config.directory, key.value(), options.to, clock.unix_nanos());
  if (!made) {
    const auto& error = made.error();
    return error.code == "evidence_chain_broken"
               ? out.fail(kVerificationFailed, error.code, error.detail,
                          "see: sluice evidence verify")
               : out.fail(error);
  }
  const auto& manifest = made.value();
  out.print({{"bundle", options.to},
             {"audit_record_count", manifest.records},
             {"head", to_string(manifest.head)},
             {"key_fingerprint", manifest.key_fingerprint},
             {"manifest_hash", manifest.hash}},
            options.to + "  " + std::to_string(manifest.records) + " records, head " +
                to_string(manifest.head) + "\n");
  return kDone;
}

} // namespace

void add_export_command(CLI::App& group, Program& program) {
  auto options = std::make_shared<ExportOptions>();
  auto* verb = add_evidence_options(
      add_verb(
          group, program, "export",
          "a signed bundle, or the records as json, ndjson, csv, cef or ocsf",
          "sluice evidence export --to bundle",
          [&program, options](const Output& out) { return export_log(out, program, *options); }),
      program);
  verb->add_option(
          "--format", options->format,
          "bundle (default), json, ndjson, csv, cef (a line each), ocsf (a JSON object a line)")
      ->check(CLI::IsMember({"bundle", "json", "ndjson", "csv", "cef", "ocsf"}));
  verb->add_option("--to", options->to, "the bundle's directory; must not be there");
}

} // namespace sluice::cli
