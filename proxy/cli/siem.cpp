#include "proxy/cli/siem.hpp"

#include "policy/base/clock.hpp"
#include "proxy/cli/output.hpp"

#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace sluice::cli {
namespace {

constexpr std::int64_t kNanosPerMilli = 1'000'000;

// The payload, with whatever is not what it should be as empty.
class Facts {
 public:
  explicit Facts(const evidence::RecordView& record)
      : payload_(Json::parse(record.payload, nullptr, false)) {
    if (!payload_.is_object()) payload_ = Json::object();
    const auto at = payload_.find("destination");
    if (at != payload_.end() && at->is_object()) destination_ = *at;
  }
  const Json& payload() const noexcept { return payload_; }
  std::string text(const char* key) const { return text_in(payload_, key); }
  std::optional<std::uint64_t> number(const char* key) const { return number_in(payload_, key); }

  std::string address() const {
    const std::string own = text_in(destination_, "address");
    return own.empty() ? endpoint(text("address")).first : own;
  }
  std::string host() const {
    const std::string own = text_in(destination_, "host");
    if (!own.empty()) return own;
    const std::string name = text("name"); // of a DNS query
    return name.empty() ? endpoint(text("destination_text")).first : name;
  }
  std::string port() const {
    if (const auto own = number_in(destination_, "port")) return std::to_string(*own);
    return endpoint(text("destination_text")).second;
  }
  std::string scheme() const { return text_in(destination_, "scheme"); }

 private:
  static std::string text_in(const Json& object, const char* key) {
    const auto at = object.is_object() ? object.find(key) : object.end();
    return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
  }
  static std::optional<std::uint64_t> number_in(const Json& object, const char* key) {
    const auto at = object.is_object() ? object.find(key) : object.end();
    if (at == object.end() || !at->is_number_unsigned()) return std::nullopt;
    return at->get<std::uint64_t>();
  }
  // "host:port" and "[address]:port"
  static std::pair<std::string, std::string> endpoint(const std::string& text) {
    const auto colon = text.rfind(':');
    if (colon == text.npos) return {text, ""};
    std::string host = text.substr(0, colon);
    if (host.size() > 1 && host.front() == '[' && host.back() == ']') {
      host = host.substr(1, host.size() - 2);
    }
    return {host, text.substr(colon + 1)};
  }

  Json payload_;
  Json destination_ = Json::object();
};

struct Severity {
  std::string_view word;
  int cef, ocsf; // 0 to 10; 1 informational to 5 critical
};
constexpr std::array<Severity, 5> kSeverities = {
    {{"info", 1, 1}, {"low", 3, 2}, {"medium", 5, 3}, {"high", 8, 4}, {"critical", 10, 5}}};

Severity severity_of(const evidence::RecordView& record, const Facts& facts) {
  for (const Severity& one : kSeverities) {
    if (one.word == facts.text("severity")) return one;
  }
  const std::string& type = record.event_type;
  const bool trouble = type == "log_recovered" || type == "retention_failed" ||
                       type == "anchor_failed" || type == "policy_rejected" ||
                       type == "egress_error" || type == "limits_not_saved";
  return kSeverities[trouble ? 2 : 0];
}

std::int64_t millis_of(const evidence::RecordView& record) {
  return parse_rfc3339_nanos(record.timestamp).value_or(0) / kNanosPerMilli;
}

// A separator is escaped, a line end written as \n or \r where that is allowed; other control
// characters, and line ends in a header, are spaces. So nothing begins another field or line.
enum class Part : bool { header, extension };
std::string escaped(std::string_view text, Part part) {
  std::string out;
  for (const char c : text) {
    const bool separator = c == (part == Part::header ? '|' : '=');
    if (c == '\\' || separator) {
      out.append(1, '\\').append(1, c);
    } else if (part == Part::extension && (c == '\n' || c == '\r')) {
      out += c == '\n' ? "\\n" : "\\r";
    } else {
      out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    }
  }
  return out;
}

class CefLine {
 public:
  explicit CefLine(std::string& out) : out_(out) {}
  void add(std::string_view key, const std::string& value) {
    if (value.empty()) return;
    if (!first_) out_ += ' ';
    first_ = false;
    out_.append(key).append(1, '=').append(escaped(value, Part::extension));
  }
  void add(std::string_view key, std::optional<std::uint64_t> value) {
    if (value) add(key, std::to_string(*value));
  }
  void custom(std::string_view key, std::string_view label, const std::string& value) {
    if (value.empty()) return;
    add(key, value);
    add(std::string(key) + "Label", std::string(label));
  }

 private:
  std::string& out_;
  bool first_ = true;
};

struct Method {
  std::string_view name;
  int activity;
};
constexpr std::array<Method, 8> kMethods = {{{"CONNECT", 1},
                                             {"DELETE", 2},
                                             {"GET", 3},
                                             {"HEAD", 4},
                                             {"OPTIONS", 5},
                                             {"POST", 6},
                                             {"PUT", 7},
                                             {"TRACE", 8}}};

struct Class {
  int category, uid, activity;
  const char* name;
};

// HTTP Activity, Network Activity, DNS Activity, or the base event for what is about ourselves.
Class class_of(const evidence::RecordView& record, const Facts& facts) {
  constexpr int kOther = 99;
  if (record.event_type == "dns_query") return {4, 4003, 1, "DNS Activity"};
  if (facts.host().empty()) return {0, 0, kOther, "Base Event"};
  const std::string protocol = facts.text("protocol");
  if (protocol == "tcp") return {4, 4001, 6, "Network Activity"}; // traffic
  int activity = kOther;
  for (const Method& one : kMethods) {
    if (one.name == facts.text("method")) activity = one.activity;
  }
  return {4, 4002, activity, "HTTP Activity"};
}

void set(Json& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}

void add_action(Json& out, const Facts& facts) {
  const std::string decision = facts.text("decision");
  if (decision.empty()) return;
  const bool allowed = decision == "allow";
  out["action_id"] = allowed ? 1 : 2;
  out["action"] = allowed ? "Allowed" : "Denied";
  out["disposition_id"] = allowed ? 1 : 2;
  out["disposition"] = allowed ? "Allowed" : "Blocked";
}

void add_status(Json& out, const Facts& facts) {
  const std::string status = facts.text("status");
  if (status.empty()) return;
  const bool good = status == "succeeded";
  out["status_id"] = good ? 1 : 2;
  out["status"] = good ? "Success" : "Failure";
  set(out, "status_detail", facts.text("reason_code"));
}

void add_network(Json& out, const Class& of, const Facts& facts) {
  if (of.category != 4) return;
  Json to = Json::object();
  set(to, "hostname", facts.host());
  set(to, "ip", facts.address());
  const std::string port = facts.port();
  if (!port.empty() && port.size() < 6 &&
      port.find_first_not_of("0123456789") == std::string::npos) {
    to["port"] = std::stoi(port);
  }
  if (of.uid == 4003) {
    out["query"] = {{"hostname", facts.host()}, {"type", facts.text("query_type")}};
    return;
  }
  out["dst_endpoint"] = to;
  const auto sent = facts.number("bytes_to_upstream");
  const auto received = facts.number("bytes_to_downstream");
  if (sent && received) {
    out["traffic"] = {{"bytes_out", *sent}, {"bytes_in", *received}, {"bytes", *sent + *received}};
  }
  if (of.uid != 4002) return;
  Json url = Json::object();
  set(url, "hostname", facts.host());
  set(url, "path", facts.text("path"));
  set(url, "scheme", facts.scheme());
  if (to.contains("port")) url["port"] = to["port"];
  Json request = {{"url", std::move(url)}};
  set(request, "http_method", facts.text("method"));
  set(request, "uid", facts.text("call_id"));
  out["http_request"] = std::move(request);
  if (const auto status = facts.number("http_status"); status && *status != 0) {
    out["http_response"] = {{"code", *status}};
  }
}

} // namespace

std::string cef_row(const evidence::RecordView& record) {
  const Facts facts(record);
  std::string out = "CEF:0|Sluice|Sluice|" SLUICE_VERSION "|";
  const std::string type = escaped(record.event_type, Part::header);
  out.append(type).append(1, '|').append(type).append(1, '|');
  out.append(std::to_string(severity_of(record, facts).cef)).append(1, '|');
  CefLine line(out);
  line.add("rt", std::to_string(millis_of(record)));
  line.add("externalId", record.record_hash);
  line.custom("cn1", "seq", std::to_string(record.seq));
  line.add("act", facts.text("decision"));
  line.add("outcome", facts.text("status"));
  line.add("reason", facts.text("reason_code"));
  line.add("dhost", facts.host());
  line.add("dst", facts.address());
  line.add("dpt", facts.port());
  line.add("app", facts.text("protocol"));
  line.add("requestMethod", facts.text("method"));
  line.add("request", facts.text("path"));
  line.add("out", facts.number("bytes_to_upstream"));
  line.add("in", facts.number("bytes_to_downstream"));
  line.add("suser", record.actor);
  line.custom("cs1", "rule_id", facts.text("rule_id"));
  line.custom("cs2", "call_id", facts.text("call_id"));
  line.custom("cs3", "run_id", facts.text("run_id"));
  line.custom("cs4", "agent_id", facts.text("agent_id"));
  line.custom("cs5", "policy_digest", facts.text("policy_digest"));
  line.add("msg", facts.text("detail"));
  return out;
}

std::string ocsf_row(const evidence::RecordView& record) {
  const Facts facts(record);
  const Class of = class_of(record, facts);
  Json out = {{"category_uid", of.category},
              {"class_uid", of.uid},
              {"class_name", of.name},
              {"activity_id", of.activity},
              {"type_uid", of.uid * 100 + of.activity},
              {"severity_id", severity_of(record, facts).ocsf},
              {"time", millis_of(record)},
              {"message", record.event_type}};
  out["metadata"] = {
      {"version", "1.3.0"},
      {"product", {{"name", "Sluice"}, {"vendor_name", "Sluice"}, {"version", SLUICE_VERSION}}},
      {"uid", record.record_hash},
      {"sequence", record.seq},
      {"event_code", record.event_type},
      {"original_time", record.timestamp},
      {"correlation_uid", facts.text("call_id")}};
  out["actor"] = {{"app_name", facts.text("agent_id")}, {"user", {{"name", record.actor}}}};
  if (const std::string rule = facts.text("rule_id"); !rule.empty()) {
    out["firewall_rule"] = {{"uid", rule}, {"name", facts.text("rule_name")}};
  }
  add_action(out, facts);
  add_status(out, facts);
  add_network(out, of, facts);
  out["unmapped"] = facts.payload(); // all of it: the reader need not know what was mapped
  return dump(out);
}

} // namespace sluice::cli
