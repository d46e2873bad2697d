// Invariants, for any bytes in either direction: the events do not depend on how the bytes were
// cut; no byte beyond the input is read (each piece is its own heap block); an error is the last
// event; and what is accepted, encoded again, is accepted again with the same meaning.
// The first byte of an input chooses direction and method, the second where it is cut.
#include "tests/support/http1_transcript.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace {

using namespace sluice;

void require(bool holds) {
  if (!holds) std::abort();
}

bool same_fields(wire::Fields a, wire::Fields b) {
  for (auto* fields : {&a, &b}) {
    for (const auto* name : {"content-length", "transfer-encoding", "connection"}) {
      fields->erase(name);
    }
  }
  return a == b;
}

// One message, as an application would pass it on: head, body in the pieces it came in, end.
template <class Head> struct Message {
  Head head;
  std::string body;
  wire::Fields trailers;
  bool whole = false;
};

template <class Head, class Reader>
std::vector<Message<Head>> read(Reader& reader, std::string_view in) {
  std::vector<Message<Head>> messages;
  for (bool finishing = false;;) {
    auto event = finishing ? reader.finish() : reader.next(in);
    if (auto* head = std::get_if<Head>(&event))
      messages.push_back({std::move(*head), {}, {}, false});
    if (auto* body = std::get_if<wire::BodyBytes>(&event)) messages.back().body += body->bytes;
    if (auto* end = std::get_if<wire::MessageEnd>(&event)) {
      messages.back().trailers = std::move(end->trailers);
      messages.back().whole = true;
    }
    const bool failed = std::holds_alternative<wire::ProtocolError>(event);
    if (failed || finishing) return messages;
    if (std::holds_alternative<wire::NeedMore>(event)) finishing = true;
  }
}

template <class Head> std::string write(const Message<Head>& message) {
  std::string out;
  encode(message.head, out);
  if (message.head.framing == wire::BodyFraming::chunked) {
    wire::encode_chunk(message.body, out);
    wire::encode_last_chunk(message.trailers, out);
  } else {
    out += message.body;
  }
  return out;
}

template <class Head>
void check_same(const Message<Head>& was, const std::vector<Message<Head>>& now) {
  require(now.size() == 1);
  const auto& is = now.front();
  require(is.whole == was.whole);
  require(is.body == was.body);
  require(is.head.framing == was.head.framing);
  require(is.head.content_length == was.head.content_length);
  require(same_fields(is.head.fields, was.head.fields));
  require(is.trailers == was.trailers);
}

void check_requests(std::string_view bytes) {
  wire::RequestReader reader;
  for (auto& message : read<wire::RequestHead>(reader, bytes)) {
    if (!message.whole) continue;
    // We speak HTTP/1.1 onwards, which wants a Host that HTTP/1.0 need not have.
    if (message.head.fields.count("host") == 0) message.head.fields.add("Host", "a");
    wire::RequestReader again;
    const auto back = read<wire::RequestHead>(again, write(message));
    check_same(message, back);
    require(back.front().head.method == message.head.method);
    require(back.front().head.target == message.head.target);
    require(back.front().head.keep_alive == message.head.keep_alive);
  }
}

void check_responses(std::string_view bytes, std::string_view method) {
  wire::ResponseReader reader;
  reader.expect(method);
  for (const auto& message : read<wire::ResponseHead>(reader, bytes)) {
    if (!message.whole) continue;
    wire::ResponseReader again;
    again.expect(method);
    const auto back = read<wire::ResponseHead>(again, write(message));
    check_same(message, back);
    require(back.front().head.status == message.head.status);
    require(back.front().head.reason == message.head.reason);
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kLargest = 4096; // cutting at every byte is quadratic
  if (size < 2 || size > kLargest) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::vector<std::size_t> one_cut{data[1] * bytes.size() / 256};
  const auto all_cuts = test::every_byte(bytes.size());
  // Printable, so that a seed can be written by hand: 'q' is a request, 'r', 'h', 'c' responses.
  if (data[0] == 'q') {
    const auto whole = test::read_requests(bytes);
    require(whole == test::read_requests(bytes, one_cut));
    require(whole == test::read_requests(bytes, all_cuts));
    check_requests(bytes);
  } else {
    const std::string_view method = data[0] == 'h' ? "HEAD" : data[0] == 'c' ? "CONNECT" : "GET";
    const auto whole = test::read_responses(bytes, method);
    require(whole == test::read_responses(bytes, method, one_cut));
    require(whole == test::read_responses(bytes, method, all_cuts));
    check_responses(bytes, method);
  }
  return 0;
}
