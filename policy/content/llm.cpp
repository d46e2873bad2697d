// Calls of language models, by the shapes that OpenAI, Anthropic, Google, AWS Bedrock, Azure,
// Ollama, OpenRouter and those who follow them have.
#include "policy/base/bytes.hpp"
#include "policy/content/operations.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace sluice::content {
namespace {

using model::Operation;

// A path that means a model whatever the body is.
constexpr std::array<std::string_view, 18> kEndings = {"/chat/completions",
                                                       "/v1/completions",
                                                       "/v1/messages",
                                                       "/v1/messages/batches",
                                                       "/v1/responses",
                                                       "/v1/embeddings",
                                                       "/images/generations",
                                                       "/images/edits",
                                                       "/audio/speech",
                                                       "/audio/transcriptions",
                                                       "/audio/translations",
                                                       "/api/generate",
                                                       "/api/chat",
                                                       "/v1/messages/count_tokens",
                                                       "/v1/videos",
                                                       "/v1/threads/runs",
                                                       "/v1/ocr",
                                                       "/v1/rerank"};

// With `model` one of these makes a body a call of a model, wherever it goes.
constexpr std::array<std::string_view, 16> kInputs = {
    "messages", "prompt", "input",    "contents", "system", "inputs",    "requests", "instructions",
    "message",  "texts",  "document", "query",    "text",   "documents", "image",    "audio"};

// Of Google's paths: what stands behind the last colon.
bool is_verb(std::string_view path, std::string_view verb) {
  const auto lower = ascii_lower(verb);
  const bool word = !verb.empty() && std::all_of(verb.begin(), verb.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  });
  if (!word) return false;
  const auto place = ascii_lower(path);
  if (place.find("models/") != std::string::npos || place.find("/endpoints/") != std::string::npos)
    return true;
  return lower.find("generate") != std::string::npos ||
         lower.find("predict") != std::string::npos || lower.find("embed") != std::string::npos;
}

// The model that a path names: …/models/NAME:verb, …/deployments/NAME/…, …/model/NAME/invoke.
std::string model_of_path(std::string_view path, std::string_view& verb) {
  const auto last = path.substr(path.rfind('/') + 1);
  const auto colon = last.rfind(':');
  if (colon != std::string_view::npos && is_verb(path, last.substr(colon + 1))) {
    verb = last.substr(colon + 1);
    return std::string(last.substr(0, colon));
  }
  const std::string lower = ascii_lower(path);
  for (const std::string_view mark : {"/deployments/", "/model/"}) {
    const auto at = lower.rfind(mark);
    if (at == std::string::npos) continue;
    const auto rest = path.substr(at + mark.size());
    const auto slash = rest.find('/');
    if (slash == std::string_view::npos || slash == 0) continue;
    verb = rest.substr(slash + 1);
    if (mark == "/deployments/" || verb.starts_with("invoke") || verb.starts_with("converse"))
      return std::string(rest.substr(0, slash));
  }
  return {};
}

void add_models(const Node& holder, std::vector<std::string>& out, bool& certain) {
  for (const std::string_view key : {"model", "models", "fallbacks"}) {
    const Found found = find_any_case(holder, key);
    if (found.node == nullptr) continue;
    certain = certain && found.certain;
    for (const Member& member : holder.members) {
      if (model::same_key(member.key, key)) certain = add_strings(member.value, out) && certain;
    }
  }
}

// Of a batch: each request has a model of its own.
void add_batched(const Node& body, std::vector<std::string>& out, bool& certain) {
  const Node* requests = body.find("requests");
  if (requests == nullptr) return;
  for (const Node& one : requests->items) {
    add_models(one, out, certain);
    for (const std::string_view key : {"params", "body"}) {
      if (const Node* params = one.find(key)) add_models(*params, out, certain);
    }
  }
}

bool has_input(const Node& body) {
  return std::any_of(kInputs.begin(), kInputs.end(), [&](std::string_view key) {
    return find_any_case(body, key).node != nullptr;
  });
}

} // namespace

void find_model(std::string_view path, const Node* body, std::vector<Operation>& out) {
  Operation found;
  found.kind = Operation::Kind::model;
  std::string_view verb;
  if (auto name = model_of_path(path, verb); !name.empty()) found.names.push_back(std::move(name));
  const std::string lower = ascii_lower(path);
  const bool by_path = !found.names.empty() ||
                       std::any_of(kEndings.begin(), kEndings.end(),
                                   [&](std::string_view end) { return lower.ends_with(end); });
  bool certain = true;
  if (body != nullptr) {
    add_models(*body, found.names, certain);
    add_batched(*body, found.names, certain);
  }
  const bool by_body = body != nullptr && !found.names.empty() && has_input(*body);
  if (!by_path && !by_body) return;
  const Found stream = body == nullptr ? Found() : find_any_case(*body, "stream");
  found.streaming = verb.find("stream") != std::string_view::npos ||
                    (stream.node != nullptr && stream.node->boolean);
  const bool plain =
      stream.node == nullptr || (stream.certain && stream.node->kind == Node::Kind::boolean);
  // Which model a server takes where none is named nobody here knows.
  found.read = certain && plain && !found.names.empty();
  out.push_back(std::move(found));
}

} // namespace sluice::content
