// What AgentPaaS says of models and of the text in calls. A limit or a guard that this version
// cannot keep closes the providers it was for.
#include "policy/import/agentpaas.hpp"

#include "policy/base/bytes.hpp"
#include "policy/engine/pattern.hpp"
#include "policy/engine/snapshot.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::import {
namespace {

constexpr std::int64_t kMost = std::int64_t{1} << 53;
constexpr std::size_t kMaxPrompt = 4096;

constexpr std::array<std::string_view, 14> kModelHosts = {"api.openai.com",
                                                          "api.anthropic.com",
                                                          "generativelanguage.googleapis.com",
                                                          "api.mistral.ai",
                                                          "api.groq.com",
                                                          "api.x.ai",
                                                          "api.deepseek.com",
                                                          "api.cohere.com",
                                                          "api.cohere.ai",
                                                          "api.together.xyz",
                                                          "api.fireworks.ai",
                                                          "api.perplexity.ai",
                                                          "openrouter.ai",
                                                          "aiplatform.googleapis.com"};

// Up to nine decimals of what fits 64 bits of billionths.
bool is_money(std::string_view text) {
  const auto dot = text.find('.');
  const auto whole = text.substr(0, dot);
  const auto decimals = dot == text.npos ? std::string_view("0") : text.substr(dot + 1);
  const auto digits = [](std::string_view part, std::size_t most) {
    return !part.empty() && part.size() <= most && std::all_of(part.begin(), part.end(), is_digit);
  };
  if (!digits(whole, 10) || !digits(decimals, 9)) return false;
  return whole.size() < 10 || whole < "9223372036";
}

enum class Guard { regex, moderation, webhook };
constexpr std::array kGuards = {Word<Guard>{"regex", Guard::regex},
                                Word<Guard>{"moderation", Guard::moderation},
                                Word<Guard>{"webhook", Guard::webhook}};
enum class Act { block, mask };
constexpr std::array kActs = {Word<Act>{"block", Act::block}, Word<Act>{"mask", Act::mask}};

} // namespace

bool is_model_host(std::string_view host) noexcept {
  return std::find(kModelHosts.begin(), kModelHosts.end(), host) != kModelHosts.end() ||
         host.ends_with(".openai.azure.com") || host.ends_with("-aiplatform.googleapis.com") ||
         (host.starts_with("bedrock") && host.ends_with(".amazonaws.com"));
}

bool AgentPaas::covers_model_host(const EgressRule& rule) const {
  if (rule.hosts == EgressRule::Hosts::exact)
    return is_model_host(rule.host) || locked_paths_.count(rule.host) != 0;
  const auto below = [&rule](std::string_view host) { return host.ends_with('.' + rule.host); };
  const std::string inside = "." + rule.host;
  for (const std::string_view wide : {".openai.azure.com", ".googleapis.com", ".amazonaws.com"}) {
    if (inside.ends_with(wide) || wide.ends_with(inside)) return true;
  }
  return std::any_of(kModelHosts.begin(), kModelHosts.end(), below) ||
         std::any_of(locked_paths_.begin(), locked_paths_.end(),
                     [&below](const auto& one) { return below(one.first); });
}

void AgentPaas::close_models(const Reader& at, std::string what) {
  if (models_closed_.empty()) models_closed_ = what;
  lossy_.add(at, std::move(what) + ": hosts of models are closed",
             "allow them under egress if you can do without it");
}

void AgentPaas::budget(Reader at) {
  Reader cost = at.at("max_cost_usd");
  if (version_ == "1.1" && !cost.present()) {
    (at.present() ? at : root_)
        .error("version 1.1 needs llm_budget.max_cost_usd", "add it, or write version: \"1.0\"");
  }
  if (!at.present()) return;
  const auto total = at.at("max_tokens").integer(0, kMost);
  Reader each = at.at("max_tokens_per_request");
  const auto one = each.integer(0, kMost);
  if (total && one && *total > 0 && *one > *total)
    each.error("more than max_tokens of all requests");
  if (cost.present() && version_ != "1.1")
    cost.error("this needs version 1.1", "write version: \"1.1\"");
  money(cost);
  at.finish();
  close_models(at, "tokens and costs are not counted in this version");
}

void AgentPaas::money(Reader at) {
  const auto text = at.string();
  if (text && !is_money(*text))
    at.error("this is no sum of money", "digits, a point and at most nine decimals, in quotes");
}

void AgentPaas::rate_limit(Reader at) {
  if (!at.present()) return;
  const auto requests = at.at("requests_per_minute").integer(0, kMost);
  const auto tokens = at.at("tokens_per_minute").integer(0, kMost);
  if (at.node()->is_map() && requests.value_or(0) == 0 && tokens.value_or(0) == 0)
    at.error("one of the two must be above 0");
  at.finish();
  close_models(at, "requests are not counted in this version");
}

void AgentPaas::provider_lock(Reader at) {
  if (!at.present()) return;
  locked_ = true;
  for (Reader& item : at.required("allowed_endpoints").items(EmptyList::refuse)) {
    const auto endpoint = url(item);
    if (!endpoint) continue;
    if (endpoint->to.scheme != model::Scheme::https) item.error("this must be https");
    std::string prefix = endpoint->path;
    while (prefix.size() > 1 && prefix.back() == '/') prefix.pop_back();
    engine::PatternFault fault;
    if (engine::PathPattern::parse(prefix, fault) && prefix.find('*') == std::string::npos) {
      locked_paths_[endpoint->to.host.text()].insert(prefix);
    } else {
      closed_hosts_[endpoint->to.host.text()] = "the path of llm_provider_lock cannot be a pattern";
      lossy_.add(item, "this path cannot be written as a pattern: its host is closed");
    }
  }
  at.finish();
  lossy_.add(at,
             "hosts of models that it does not name are closed; which hosts it governs is not "
             "written in the document",
             "look at the rules of the result that allow hosts of models");
}

void AgentPaas::guardrails(Reader at) {
  std::vector<Reader> items = at.items();
  for (std::size_t i = 0; i < items.size(); ++i) guardrail(items[i], i);
}

// A pattern of theirs becomes a rule of ours when it can be found in a stream.
void AgentPaas::guardrail(Reader item, std::size_t index) {
  const auto type = item.required("type").one_of(kGuards);
  const auto action = item.at("action").one_of(kActs).value_or(Act::block);
  const bool regex = type == Guard::regex;
  const auto pattern = (regex ? item.required("pattern") : item.at("pattern")).string();
  (void)(type == Guard::moderation ? item.required("provider") : item.at("provider")).string();
  Reader credential = item.at("credential");
  if (const auto id = credential.string()) needs_credential_.emplace_back(credential, *id);
  (void)url(type == Guard::webhook ? item.required("url") : item.at("url"));
  item.finish();
  if (!type || (regex && !pattern)) return;
  if (!regex) return close_models(item, "nobody else is asked about a text");
  const std::string rule =
      "{id: guardrail-" + std::to_string(index) + ", pattern: " + yaml_text(*pattern) +
      ", action: " + (action == Act::block ? "block" : "mask") + ", locations: [request]}";
  const auto tried =
      engine::load_policy_text("version: 1\nredaction: {rules: [" + rule + "]}\negress: []\n", "");
  if (!tried.snapshot) {
    return close_models(item, "this pattern cannot be found in a stream (" +
                                  (tried.diagnostics.empty() ? "" : tried.diagnostics[0].message) +
                                  ")");
  }
  guardrails_.push_back(rule);
  lossy_.add(item, "it holds for every request, not only for prompts, and for the bytes of a text");
}

void AgentPaas::transformations(Reader at) {
  if (!at.present()) return;
  Reader request = at.at("request"), response = at.at("response");
  if (request.present()) {
    free_map(request.at("inject_headers"));
    Reader prompt = request.at("inject_system_prompt");
    if (const auto text = prompt.string(); text && text->size() > kMaxPrompt)
      prompt.error("a prompt has at most 4096 bytes");
    request.finish();
    lossy_.add_keys(request, {"inject_headers", "inject_system_prompt"},
                    "Sluice adds nothing to a request", "the agent has to");
  }
  if (response.present()) {
    for (Reader& item : response.at("remove_headers").items()) {
      const auto name = item.string();
      if (name && has_control(*name)) item.error("a control character stands in it");
    }
    response.finish();
    lossy_.add(response, "the agent sees these fields of an answer");
  }
  at.finish();
}

void AgentPaas::observability(Reader at) {
  if (!at.present()) return;
  (void)at.at("cost_tracking").boolean();
  Reader endpoint = at.at("otel_endpoint");
  (void)url(endpoint);
  at.finish();
  lossy_.add(at, "a policy exports nothing", "sluice evidence export, sluice admin metrics");
}

} // namespace sluice::import
