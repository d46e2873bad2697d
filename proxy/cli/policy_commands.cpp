// sluice policy show|digest|explain|test; the author's other verbs are in policy_author.hpp
#include "policy/engine/explain.hpp"
#include "proxy/cli/asked_call.hpp"
#include "proxy/cli/commands.hpp"
#include "proxy/cli/policy_author.hpp"
#include "proxy/cli/policy_test.hpp"
#include "proxy/runtime/config.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::cli {
namespace {

constexpr std::array<std::string_view, 10> kMethods = {
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "TCP"};

struct PolicyOptions {
  std::string method, url, body, tool, arguments, address;
  AskedFacts facts;
  std::vector<std::string> headers;
  bool exit_code = false;
};

std::shared_ptr<const engine::Snapshot> load(const Output& out, const Program& program,
                                             int& failed) {
  std::string file = program.common.policy;
  if (file.empty()) {
    auto config = runtime::load_config_file(program.common.config);
    if (!config.config) {
      failed = out.fail(config.diagnostics);
      return nullptr;
    }
    file = config.config->policy_file;
  }
  auto policy = engine::load_policy_file(file);
  if (!policy.snapshot) failed = out.fail(policy.diagnostics);
  return policy.snapshot;
}

int digest(const Output& out, const Program& program) {
  int failed = kFailed;
  const auto policy = load(out, program, failed);
  if (!policy) return failed;
  out.print({{"digest", policy->digest}, {"id", policy->id}, {"version", policy->version}},
            policy->digest + "\n");
  return kDone;
}

int show(const Output& out, const Program& program) {
  int failed = kFailed;
  const auto policy = load(out, program, failed);
  if (!policy) return failed;
  const Json canonical = Json::parse(policy->canonical);
  out.print({{"digest", policy->digest}, {"policy", canonical}}, canonical.dump(2) + "\n");
  return kDone;
}

Json limits_json(const model::Quotas& quotas) {
  Json out = Json::array();
  for (const auto& one : quotas) {
    Json rule = {{"rule_id", one->rule_id}};
    for (std::size_t i = 0; i < model::kQuotas; ++i) {
      if (!one->limits[i]) continue;
      rule[std::string(to_string(static_cast<model::Quota>(i)))] = *one->limits[i];
    }
    out.push_back(std::move(rule));
  }
  return out;
}

Json decision_json(const model::Decision& decision, model::Protocol protocol) {
  const auto& duties = decision.obligations;
  Json obligations = {{"redact", duties.redact}};
  if (protocol != model::Protocol::tcp) obligations["tls"] = model::to_string(duties.tls);
  obligations["private"] = duties.private_addresses;
  if (!duties.restore.empty()) obligations["restore"] = duties.restore;
  if (!duties.credentials.empty()) obligations["credentials"] = duties.credentials;
  for (const auto& one : duties.ask) obligations["ask"].push_back(one->text());
  if (duties.request_body_limit) obligations["request_body"] = *duties.request_body_limit;
  if (duties.byte_limit) obligations["bytes"] = *duties.byte_limit;
  if (!duties.quotas.empty()) obligations["limits"] = limits_json(duties.quotas);
  return {{"decision", model::to_string(decision.verdict)},
          {"rule_id", decision.rule_id},
          {"rule_name", decision.rule_name},
          {"reason_code", model::row(decision.reason).code},
          {"reason", decision.explanation},
          {"severity", model::to_string(decision.severity)},
          {"obligations", obligations}};
}

// "" unless it is a common method in other letters: another method then, which no rule means.
std::string meant_method(const std::string& method) {
  std::string upper = method;
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  const bool known = std::find(kMethods.begin(), kMethods.end(), upper) != kMethods.end();
  return known && upper != method ? upper : "";
}

std::optional<std::string> asked_body(const PolicyOptions& options, std::string& why) {
  if (!options.tool.empty()) return tool_call_body(options.tool, options.arguments, why);
  if (!options.body.starts_with('@')) return options.body;
  std::ifstream file(options.body.substr(1), std::ios::binary);
  if (!file) {
    why = options.body.substr(1) + " cannot be read";
    return std::nullopt;
  }
  std::string text(kMaxDocumentBytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

int explain(const Output& out, const Program& program, const PolicyOptions& options) {
  if (const auto meant = meant_method(options.method); !meant.empty())
    return out.fail(kUsage, "usage", "methods are case-sensitive: " + options.method,
                    "did you mean " + meant + "?");
  int failed = kFailed;
  const auto policy = load(out, program, failed);
  if (!policy) return failed;
  std::string why;
  auto call = asked_call(options.method, options.url, why);
  if (!call)
    return out.fail(kUsage, "usage", shown_url(options.url) + ": " + why,
                    "write METHOD https://host/path, or TCP tcp://host:port");
  for (const std::string& header : options.headers) {
    const auto colon = header.find(':');
    if (colon == std::string::npos)
      return out.fail(kUsage, "usage", "a header is NAME: VALUE", "--header \"X-Team: blue\"");
    model::add_field(*call, header.substr(0, colon), header.substr(colon + 1));
  }
  if (!options.tool.empty() || !options.body.empty()) {
    const auto body = asked_body(options, why);
    if (!body)
      return out.fail(kUsage, "usage", why,
                      "--body TEXT or @FILE; --arguments '{\"path\": \"/x\"}'");
    give_body(*call, *body, std::max<std::uint64_t>(policy->inspect_most, 1));
  }
  auto facts = options.facts;
  if (!options.address.empty()) facts.resolves_to = {options.address};
  std::vector<model::IpAddress> addresses;
  if (!give_facts(*call, facts, addresses, why))
    return out.fail(kUsage, "usage", why, "sluice policy explain --help");
  const auto* address = addresses.empty() ? nullptr : &addresses.front();
  const auto explanation = engine::explain(policy, *call, address);
  const auto& decision = explanation.decision;

  Json rules = Json::array();
  std::string text = std::string(model::to_string(decision.verdict)) + "  " + decision.rule_id +
                     (decision.rule_name.empty() ? "" : " (" + decision.rule_name + ")") + "  " +
                     std::string(model::row(decision.reason).code) + "\n";
  if (decision.reason == model::Reason::internal_error) text += decision.explanation + "\n";
  for (const auto& rule : explanation.rules) {
    rules.push_back({{"rule_id", rule.rule_id},
                     {"rule_name", rule.rule_name},
                     {"effect", model::to_string(rule.effect)},
                     {"report_only", rule.report_only},
                     {"matched", rule.matched},
                     {"why_not", rule.why_not}});
    text += "  " + rule.rule_id + (rule.rule_name.empty() ? "" : " (" + rule.rule_name + ")") +
            " " + std::string(model::to_string(rule.effect)) +
            (rule.report_only ? " [report]" : "") + ": " +
            (rule.matched ? "matches" : rule.why_not) + "\n";
  }
  Json document = decision_json(decision, call->protocol);
  if (decision.allowed()) text += "obligations: " + document["obligations"].dump() + "\n";
  if (!call->to.host.is_address() && address == nullptr)
    text += "the address the name resolves to is judged again when the call is made\n";
  document["rules"] = std::move(rules);
  out.print(std::move(document), text);
  if (!options.exit_code || decision.allowed()) return kDone;
  return decision.verdict == model::Verdict::require_approval ? kNeedsApproval : kBlocked;
}

} // namespace

void add_policy_commands(CLI::App& app, Program& program) {
  auto* group = app.add_subcommand("policy", "the policy document");
  group->require_subcommand(1);
  auto options = std::make_shared<PolicyOptions>();
  const auto common = [&program](CLI::App* verb) {
    verb->add_option("--policy", program.common.policy, "policy file (default: the config's)");
    verb->add_option("-c,--config", program.common.config, "sluice.yaml");
    return verb;
  };
  common(add_verb(*group, program, "digest", "the digest that evidence records name",
                  "sluice policy digest --policy policy.yaml",
                  [&program](const Output& out) { return digest(out, program); }));
  common(add_verb(*group, program, "show", "the canonical form the digest covers",
                  "sluice policy show --policy policy.yaml",
                  [&program](const Output& out) { return show(out, program); }));
  auto* verb = common(add_verb(
      *group, program, "explain", "every rule tried, why it did not match, and the decision",
      "sluice policy explain POST https://api.openai.com/v1/models --policy policy.yaml",
      [&program, options](const Output& out) { return explain(out, program, *options); }));
  verb->add_option("METHOD", options->method, "an HTTP method, or TCP for raw TCP")->required();
  verb->add_option("URL", options->url, "https://host/path, or tcp://host:port")->required();
  verb->add_option("--header", options->headers,
                   "a header of the call, \"NAME: VALUE\"; more than once")
      ->allow_extra_args(false);
  auto* body = verb->add_option("--body", options->body, "the body of the call, or @FILE");
  auto* tool = verb->add_option("--tool", options->tool, "an MCP tool that the body calls");
  verb->add_option("--arguments", options->arguments, "of the tool, as JSON")->needs(tool);
  tool->excludes(body);
  verb->add_option("--agent", options->facts.agent, "who calls: agent.id of sluice.yaml");
  verb->add_option("--session", options->facts.session, "agent.session of sluice.yaml");
  verb->add_option("--time", options->facts.time, "when, 2026-01-02T03:04:05Z");
  verb->add_option("--sni", options->facts.sni, "the name that the TLS handshake gives");
  verb->add_option("--resolves-to", options->address, "the address that the name resolves to");
  verb->add_flag("--exit-code", options->exit_code, "10 for block, 11 for require_approval");
  auto file = std::make_shared<std::string>();
  auto* test = common(add_verb(*group, program, "test",
                               "calls and what is expected of them, with what differs",
                               "sluice policy test policy_test.yaml --policy policy.yaml",
                               [&program, file](const Output& out) {
                                 int failed = kFailed;
                                 const auto policy = load(out, program, failed);
                                 return policy ? run_policy_test(out, *file, policy) : failed;
                               }));
  test->add_option("FILE", *file, "cases: see policy/README.md")->required();
  add_policy_sign_commands(*group, program);
  add_policy_import_command(*group, program);
  add_policy_diff_command(*group, program);
  add_policy_replay_command(*group, program);
  add_policy_learn_command(*group, program);
}

} // namespace sluice::cli
