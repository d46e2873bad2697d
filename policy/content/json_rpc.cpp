// MCP (2025-06-18, Tools) and A2A (0.2 to 1.0, by JSON-RPC and by its HTTP binding).
#include "policy/base/bytes.hpp"
#include "policy/content/operations.hpp"

#include <array>
#include <utility>

namespace sluice::content {
namespace {

using model::Operation;

constexpr std::string_view kToolCall = "tools/call";

// A2A 1.0 calls its methods as gRPC does; rules know them by their older names.
struct Renamed {
  std::string_view since_1_0, before;
};
constexpr std::array kRenamed = {
    Renamed{"SendMessage", "message/send"},
    Renamed{"SendStreamingMessage", "message/stream"},
    Renamed{"GetTask", "tasks/get"},
    Renamed{"ListTasks", "tasks/list"},
    Renamed{"CancelTask", "tasks/cancel"},
    Renamed{"SubscribeToTask", "tasks/resubscribe"},
    Renamed{"CreateTaskPushNotificationConfig", "tasks/pushNotificationConfig/set"},
    Renamed{"SetTaskPushNotificationConfig", "tasks/pushNotificationConfig/set"},
    Renamed{"GetTaskPushNotificationConfig", "tasks/pushNotificationConfig/get"},
    Renamed{"ListTaskPushNotificationConfigs", "tasks/pushNotificationConfig/list"},
    Renamed{"ListTaskPushNotificationConfig", "tasks/pushNotificationConfig/list"},
    Renamed{"DeleteTaskPushNotificationConfig", "tasks/pushNotificationConfig/delete"},
    Renamed{"GetExtendedAgentCard", "agent/getAuthenticatedExtendedCard"},
    Renamed{"GetAuthenticatedExtendedCard", "agent/getAuthenticatedExtendedCard"},
};

struct ByPath {
  std::string_view ending, method;
};
constexpr std::array kByPath = {ByPath{"/message:send", "message/send"},
                                ByPath{"/message:stream", "message/stream"}};
constexpr std::array kByTaskPath = {ByPath{":cancel", "tasks/cancel"},
                                    ByPath{":subscribe", "tasks/resubscribe"}};

bool streams(std::string_view method) {
  return method == "message/stream" || method == "tasks/resubscribe" ||
         method == "tasks/sendSubscribe";
}

// The method of A2A that this is, or "". MCP has tasks, too (2025-11-25): theirs have a taskId.
std::string agent_method(std::string_view method, const Node* params) {
  for (const auto& one : kRenamed) {
    if (equal_ignore_case(one.since_1_0, method)) return std::string(one.before);
  }
  const auto lower = ascii_lower(method);
  const bool agent = lower.starts_with("message/") || lower.starts_with("agent/");
  const bool task = lower.starts_with("tasks/");
  if (!agent && !task) return {};
  const bool theirs = task && params != nullptr && params->find("taskId") != nullptr &&
                      params->find("id") == nullptr && params->find("message") == nullptr;
  return theirs ? "" : std::string(method);
}

void add_skills(const Node* holder, std::vector<std::string>& out) {
  const Node* metadata = holder == nullptr ? nullptr : holder->find("metadata");
  if (metadata == nullptr) return;
  for (const Member& member : metadata->members) {
    for (const std::string_view key : {"skill", "skills", "skillId", "skill_id"}) {
      if (equal_ignore_case(member.key, key)) add_strings(member.value, out);
    }
  }
}

Operation tool_call(const Node* params) {
  Operation out;
  out.method = kToolCall;
  if (params == nullptr || !params->is_map()) return out;
  const Found name = find_any_case(*params, "name");
  const Found arguments = find_any_case(*params, "arguments");
  if (name.node != nullptr) add_strings(*name.node, out.names);
  out.arguments = arguments.node;
  out.read = name.certain && name.node != nullptr && name.node->kind == Node::Kind::string &&
             (arguments.certain || arguments.node == nullptr);
  return out;
}

Operation agent_call(std::string method, const Node* params) {
  Operation out;
  out.kind = Operation::Kind::agent;
  out.read = true;
  out.streaming = streams(method);
  out.method = std::move(method);
  if (params == nullptr) return out;
  add_skills(params, out.names);
  add_skills(params->find("message"), out.names);
  return out;
}

} // namespace

void find_rpc(const Node& message, std::vector<Operation>& out) {
  // Some servers take keys in any case, and read the last of several.
  for (const Member& member : message.members) {
    if (!equal_ignore_case(member.key, "method") || member.value.kind != Node::Kind::string)
      continue;
    const Found params = find_any_case(message, "params");
    const bool certain =
        find_any_case(message, "method").certain && (params.certain || params.node == nullptr);
    const std::string& method = member.value.text;
    if (equal_ignore_case(method, kToolCall)) {
      auto found = tool_call(params.node);
      found.read = found.read && certain && method == kToolCall;
      out.push_back(std::move(found));
    } else if (auto agent = agent_method(method, params.node); !agent.empty()) {
      out.push_back(agent_call(std::move(agent), params.node));
      out.back().read = certain;
    }
  }
}

void find_agent_by_path(std::string_view path, std::vector<Operation>& out) {
  for (const auto& one : kByPath) {
    if (path.ends_with(one.ending)) out.push_back(agent_call(std::string(one.method), nullptr));
  }
  for (const auto& one : kByTaskPath) {
    const bool task = path.find("/tasks/") != std::string_view::npos && path.ends_with(one.ending);
    if (task) out.push_back(agent_call(std::string(one.method), nullptr));
  }
}

} // namespace sluice::content
