#include "proxy/runtime/admin_routes.hpp"

namespace sluice::runtime {
namespace {

class Text {
 public:
  Text& family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    out_.append("# HELP ").append(name).append(" ").append(help).append("\n# TYPE ");
    out_.append(name).append(" ").append(type).append("\n");
    return *this;
  }
  Text& value(std::uint64_t number) {
    out_.append(name_).append(" ").append(std::to_string(number)).append("\n");
    return *this;
  }
  Text& value(std::string_view label, std::string_view of, std::uint64_t number) {
    out_.append(name_).append("{").append(label).append("=\"").append(of).append("\"} ");
    out_.append(std::to_string(number)).append("\n");
    return *this;
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
  std::string name_;
};

void decisions(Text& out, const io::Metrics& metrics) {
  out.family("sluice_decisions_total", "counter", "Calls decided, by verdict.");
  for (std::size_t i = 0; i < metrics.decisions.size(); ++i) {
    out.value("decision", model::to_string(static_cast<model::Verdict>(i)),
              metrics.decisions[i].value());
  }
  out.family("sluice_refusals_total", "counter", "Calls refused, by reason code.");
  for (std::size_t i = 0; i < metrics.refusals.size(); ++i) {
    const auto count = metrics.refusals[i].value();
    if (count > 0) {
      out.value("reason", model::row(static_cast<model::Reason>(i)).code, count);
    }
  }
  out.family("sluice_outcomes_total", "counter", "Permitted calls that ended, by status.");
  for (std::size_t i = 0; i < metrics.outcomes.size(); ++i) {
    out.value("status", evidence::to_string(static_cast<evidence::OutcomeStatus>(i)),
              metrics.outcomes[i].value());
  }
}

} // namespace

std::string metrics_text(const io::Metrics& metrics, const Gauges& gauges) {
  Text out;
  out.family("sluice_build_info", "gauge", "Always 1; the version is the label.")
      .value("version", SLUICE_VERSION, 1);
  decisions(out, metrics);
  out.family("sluice_bytes_total", "counter", "Body and relayed bytes of permitted calls.")
      .value("direction", "to_upstream", metrics.bytes_to_upstream.value())
      .value("direction", "to_downstream", metrics.bytes_to_downstream.value());
  out.family("sluice_findings_total", "counter", "Secrets masked.").value(metrics.findings.value());
  out.family("sluice_dns_queries_total", "counter", "DNS queries, by decision.")
      .value("decision", "allow", metrics.dns_answered.value())
      .value("decision", "block", metrics.dns_refused.value());
  out.family("sluice_connections_accepted_total", "counter", "Connections accepted.")
      .value(metrics.connections_accepted.value());
  out.family("sluice_connections", "gauge", "Connections open now.").value(gauges.connections);
  out.family("sluice_evidence_healthy", "gauge", "1 while the evidence log can be written.")
      .value(gauges.evidence_healthy ? 1 : 0);
  out.family("sluice_draining", "gauge", "1 while draining.").value(gauges.draining ? 1 : 0);
  out.family("sluice_killed", "gauge", "1 while the kill switch is on.")
      .value(gauges.killed ? 1 : 0);
  out.family("sluice_policy_reloads_total", "counter", "Reloads, by result.")
      .value("result", "active", gauges.reloads)
      .value("result", "rejected", gauges.rejected_reloads);
  return out.take();
}

std::vector<evidence::Count> heartbeat_counts(const io::Metrics& metrics) {
  std::vector<evidence::Count> counts{
      {"bytes_to_downstream", metrics.bytes_to_downstream.value()},
      {"bytes_to_upstream", metrics.bytes_to_upstream.value()},
      {"connections_accepted", metrics.connections_accepted.value()},
      {"dns_answered", metrics.dns_answered.value()},
      {"dns_refused", metrics.dns_refused.value()},
      {"findings", metrics.findings.value()}};
  const auto add = [&counts](std::string_view kind, std::string_view of, std::uint64_t value) {
    counts.push_back({std::string(kind).append(of), value});
  };
  for (std::size_t i = 0; i < metrics.decisions.size(); ++i) {
    add("decisions_", model::to_string(static_cast<model::Verdict>(i)),
        metrics.decisions[i].value());
  }
  for (std::size_t i = 0; i < metrics.outcomes.size(); ++i) {
    add("outcomes_", evidence::to_string(static_cast<evidence::OutcomeStatus>(i)),
        metrics.outcomes[i].value());
  }
  return counts;
}

} // namespace sluice::runtime
