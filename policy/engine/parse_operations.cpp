// The sections `tools` (MCP), `agents` (A2A) and `models` (LLM): what calls say, wherever they go.
// A server, a peer and a provider are hosts; left out, a rule is about all of them.
#include "policy/engine/parse.hpp"

#include <algorithm>

namespace sluice::engine {
namespace {

// Whom a provider's name stands for.
struct Provider {
  std::string_view name;
  std::array<std::string_view, 3> hosts;
};
constexpr std::array kProviders = {
    Provider{"openai", {"api.openai.com", "*.api.openai.com"}},
    Provider{"anthropic", {"api.anthropic.com"}},
    Provider{"google",
             {"generativelanguage.googleapis.com", "aiplatform.googleapis.com",
              "*-aiplatform.googleapis.com"}},
    Provider{"azure",
             {"*.openai.azure.com", "*.services.ai.azure.com", "*.cognitiveservices.azure.com"}},
    Provider{"bedrock",
             {"bedrock-runtime.*.amazonaws.com", "bedrock-runtime-fips.*.amazonaws.com"}},
    Provider{"mistral", {"api.mistral.ai"}},
    Provider{"groq", {"api.groq.com"}},
    Provider{"openrouter", {"openrouter.ai"}},
    Provider{"xai", {"api.x.ai"}},
    Provider{"deepseek", {"api.deepseek.com"}},
    Provider{"cohere", {"api.cohere.com", "api.cohere.ai"}},
    Provider{"together", {"api.together.xyz"}},
    Provider{"ollama", {"localhost", "ollama"}},
};

const Provider* provider_named(std::string_view name) {
  const auto* at = std::find_if(kProviders.begin(), kProviders.end(),
                                [&](const Provider& one) { return one.name == name; });
  return at == kProviders.end() ? nullptr : at;
}

// A name of one label, which more often is a provider's name misspelt than a host.
bool looks_like_a_name(std::string_view text) {
  return text != "localhost" && text.find_first_of(".*:/[$") == std::string_view::npos;
}

std::string known_names() {
  std::vector<std::string_view> names;
  for (const Provider& one : kProviders) names.push_back(one.name);
  return join_words(names.data(), names.size());
}

void add_every_host(std::vector<HostPattern>& out) {
  PatternFault fault;
  out.push_back(*HostPattern::parse("**", fault));
}

void add_provider(const Provider& provider, Reader& item, ParseContext& shared,
                  std::vector<HostPattern>& out) {
  for (const std::string_view host : provider.hosts) {
    if (host.empty()) continue;
    PatternFault fault;
    if (++shared.hosts > kMaxHosts) return item.error("the policy holds too many hosts");
    out.push_back(*HostPattern::parse(host, fault));
  }
}

void parse_hosts(Reader hosts, ParseContext& shared, Match& out) {
  if (!hosts.present()) return add_every_host(out.hosts);
  out.hosts = parse_host_patterns(std::move(hosts), shared);
}

void parse_tool_match(Reader& match, ParseContext& shared, Match& out) {
  parse_hosts(match.at("servers"), shared, out);
  out.names = parse_text_patterns(match.at("tools"), shared);
  out.values = parse_values(match.at("arguments"), shared);
  parse_agents(match, shared, out);
  match.misplaced("hosts", "the hosts of tools are servers");
}

void parse_agent_match(Reader& match, ParseContext& shared, Match& out) {
  parse_hosts(match.at("peers"), shared, out);
  for (const TextPattern& one : parse_text_patterns(match.at("methods"), shared)) {
    PatternFault fault;
    const bool name = one.regex() == nullptr;
    const auto older = name ? model::older_method(one.text()) : std::string_view(one.text());
    out.operation_methods.push_back(*TextPattern::parse(older, fault));
  }
  out.names = parse_text_patterns(match.at("skills"), shared);
  match.misplaced("hosts", "the hosts of agents are peers");
  match.misplaced("agents", "whom it calls are peers; who calls is matched under egress");
}

void parse_model_match(Reader& match, ParseContext& shared, Match& out) {
  Reader providers = match.at("providers");
  if (!providers.present()) add_every_host(out.hosts);
  for (Reader& item : providers.items(EmptyList::refuse)) {
    const Provider* known = provider_named(item.node()->text);
    if (known == nullptr) {
      if (looks_like_a_name(item.node()->text)) {
        item.warning(item.quoted() + " is no provider we know, so that it is taken for a host",
                     "known are " + known_names());
      }
      add_host_patterns(item, shared, out.hosts);
    } else {
      add_provider(*known, item, shared, out.hosts);
    }
  }
  out.names = parse_text_patterns(match.at("models"), shared);
  out.streaming = match.at("streaming").boolean();
  parse_agents(match, shared, out);
  match.misplaced("hosts", "the hosts of models are providers");
}

void parse_operation_duties(Reader& item, ParseContext&, Rule& rule) {
  rule.inspect = parse_inspect(item.at("inspect"));
  for (const std::string_view key : {"private", "tls", "restore", "credential"}) {
    item.misplaced(key, "it is for the egress rule that allows the host");
  }
  Reader limits = item.at("limits");
  if (!limits.present()) return;
  for (std::size_t i = 0; i < model::kQuotas; ++i) {
    parse_quota(limits, static_cast<model::Quota>(i), rule);
  }
  limits.misplaced("request_body", "it is for the egress rule that allows the host");
  limits.finish();
}

void check_operation(Reader&, const Rule&) {}

constexpr auto kOptional = Section::Hosts::any_without;

} // namespace

const std::array<Section, model::kOperationKinds> kOperationSections = {
    Section{"tools", "servers", kOptional, parse_tool_match, parse_operation_duties,
            check_operation},
    Section{"agents", "peers", kOptional, parse_agent_match, parse_operation_duties,
            check_operation},
    Section{"models", "providers", kOptional, parse_model_match, parse_operation_duties,
            check_operation}};

} // namespace sluice::engine
