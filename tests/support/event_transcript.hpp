// Streams of events as model vendors write them, with a text cut into pieces, and what a reader of
// such a stream makes of it: the pieces of each text, joined.
#pragma once

#include "policy/redact/event_stream.hpp"
#include "policy/redact/json_text.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {

using Pieces = std::vector<std::string>;

inline std::string quoted(std::string_view text) {
  std::string out = "\"";
  redact::json_escape(text, out);
  return out + "\"";
}

struct Protocol {
  const char* name;
  std::string head;
  std::function<std::string(const std::string&)> piece; // a delta of quoted text
  std::string end;
  std::string before, after; // around the quoted text, in a delta
};

inline Protocol protocol(const char* name, std::string head, std::string before, std::string after,
                         std::string end) {
  auto piece = [=](const std::string& text) { return before + quoted(text) + after; };
  return {name, std::move(head), piece, std::move(end), before, after};
}

inline std::vector<Protocol> protocols() {
  const std::string chat =
      R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{"index":0,"delta":)";
  const std::string chat_end = R"(},"logprobs":null,"finish_reason":null}]})"
                               "\n\n";
  const std::string chat_stop = chat + R"({},"logprobs":null,"finish_reason":"stop"}]})"
                                       "\n\ndata: [DONE]\n\n";
  const auto responses = [](const std::string& kind) {
    return "event: response." + kind + ".delta\ndata: {\"type\":\"response." + kind +
           ".delta\",\"sequence_number\":7,\"item_id\":\"msg_1\",\"output_index\":0,"
           "\"content_index\":0,\"delta\":";
  };
  const std::string block = "event: content_block_delta\ndata: "
                            R"({"type":"content_block_delta","index":1,"delta":{"type":)";
  const std::string block_start =
      "event: content_block_start\ndata: "
      R"({"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}})"
      "\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\n";
  const std::string block_stop = "event: content_block_stop\ndata: "
                                 R"({"type":"content_block_stop","index":1})"
                                 "\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
  const std::string task =
      R"(data: {"jsonrpc":"2.0","id":1,"result":{"taskId":"t1","contextId":"c",)";
  return {
      protocol("chat", chat + "{\"role\":\"assistant\",\"content\":\"\"" + chat_end,
               chat + "{\"content\":", chat_end, chat_stop),
      protocol("reasoning", "", chat + "{\"reasoning_content\":", chat_end, chat_stop),
      protocol("tool call", "", chat + R"({"tool_calls":[{"index":2,"function":{"arguments":)",
               "}}]" + chat_end, chat_stop),
      protocol("function call", "", chat + R"({"function_call":{"arguments":)", "}" + chat_end,
               chat_stop),
      protocol("legacy", "", R"(data: {"object":"text_completion","choices":[{"text":)",
               R"(,"index":0,"finish_reason":null}]})"
               "\n\n",
               "data: [DONE]\n\n"),
      protocol("responses", "", responses("output_text"), ",\"obfuscation\":\"aB3\"}\n\n",
               "event: response.output_text.done\ndata: {\"type\":\"response.output_text.done\","
               "\"item_id\":\"msg_1\",\"output_index\":0,\"content_index\":0}\n\n"),
      protocol("responses call", "", responses("function_call_arguments"), "}\n\n",
               "event: response.completed\ndata: {\"type\":\"response.completed\"}\n\n"),
      protocol("anthropic", block_start, block + R"("text_delta","text":)", "}}\n\n", block_stop),
      protocol("anthropic tool", block_start, block + R"("input_json_delta","partial_json":)",
               "} }\n\n", block_stop),
      protocol("anthropic thinking", "", block + R"("thinking_delta","thinking":)", "}}\n\n",
               block_stop),
      protocol("gemini", "", R"(data: {"candidates": [{"content": {"parts": [{"text": )",
               "}],\"role\": \"model\"},\"index\": 0}]}\r\n\r\n", ""),
      protocol("a2a artifact", "",
               task + R"("kind":"artifact-update","append":true,"artifact":{"artifactId":"a1",)"
                      R"("parts":[{"kind":"text","text":)",
               "}]}}}\n\n", ""),
      protocol("a2a status", "",
               task + R"("kind":"status-update","status":{"state":"working","message":)"
                      R"({"role":"agent","messageId":"m","parts":[{"kind":"text","text":)",
               "}]}}}}\n\n", ""),
      protocol("ai sdk", "", R"(data: {"type":"text-delta","id":"0","delta":)", "}\n\n",
               "data: {\"type\":\"text-end\",\"id\":\"0\"}\n\n"),
      protocol("a string", "", "data: ", "\n\n", ""),
  };
}

inline std::string stream_of(const Protocol& protocol, const Pieces& pieces) {
  std::string out = protocol.head;
  for (const auto& piece : pieces) out += protocol.piece(piece);
  return out + protocol.end;
}

// What the deltas of that protocol say together.
inline std::string joined(const Protocol& protocol, const std::string& stream) {
  std::string out;
  for (std::size_t at = 0; (at = stream.find(protocol.before, at)) != std::string::npos;) {
    at += protocol.before.size();
    if (at >= stream.size() || stream[at] != '"') continue;
    auto end = at + 1;
    while (end < stream.size() && stream[end] != '"') end += stream[end] == '\\' ? 2 : 1;
    redact::json_unescape(std::string_view(stream).substr(at + 1, end - at - 1), out);
  }
  return out;
}

} // namespace sluice::test
