// Invariants, for any bytes of either peer: what the reader says does not depend on how the bytes
// were cut, a fault stays one, and a stream that was read without a fault reads the same when it is
// written anew. The first byte of an input chooses peer, compression and context takeover.
#include "tests/support/websocket_text.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

namespace {

using namespace sluice;
using wire::MessageWriter;

void require(bool holds) {
  if (!holds) std::abort();
}

// As the call layer does it: every piece that comes is a fragment. nullopt: a fault.
std::optional<std::string> written_anew(std::string_view in, const test::ReadBy& how) {
  wire::MessageReader reader(how.from, how.terms, how.inspect, how.limits);
  MessageWriter writer(how.from, how.terms);
  std::string out;
  while (true) {
    const auto before = in.size();
    auto event = reader.next(in);
    require(in.size() <= before);
    if (const auto* begins = std::get_if<wire::MessageBegins>(&event)) {
      const auto payload = !begins->compressed ? MessageWriter::Payload::plain
                           : how.inspect == wire::Inspect::no
                               ? MessageWriter::Payload::compressed_already
                               : MessageWriter::Payload::deflate;
      writer.begin(begins->text ? wire::Opcode::text : wire::Opcode::binary, payload);
    } else if (const auto* piece = std::get_if<wire::MessagePiece>(&event)) {
      writer.write(piece->bytes, out);
    } else if (std::holds_alternative<wire::MessageEnds>(event)) {
      writer.end("", out);
    } else if (const auto* control = std::get_if<wire::ControlFrame>(&event)) {
      require(control->payload.size() <= 125);
      writer.control(control->opcode, control->payload, out);
    } else if (std::holds_alternative<wire::WebSocketFault>(event)) {
      in = "\x81\x00";
      require(std::holds_alternative<wire::WebSocketFault>(reader.next(in)));
      return std::nullopt;
    } else {
      require(in.empty());
      return out;
    }
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kLargest = 4096; // no bomb fits: where those end depends on the cuts
  if (size < 1 || size > kLargest) return 0;
  test::ReadBy how; // printable, so that a seed can be written by hand: '@' to 'O'
  how.from = (data[0] & 1) != 0 ? wire::WebSocketPeer::server : wire::WebSocketPeer::client;
  if ((data[0] & 2) != 0) {
    auto& terms = how.terms.emplace();
    terms.client_takeover = terms.server_takeover = (data[0] & 4) == 0;
  }
  if ((data[0] & 8) != 0) how.inspect = wire::Inspect::no;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = test::websocket_transcript(stream, how);
  for (const std::size_t piece : {1U, 2U, 7U}) {
    auto cut = how;
    cut.piece = piece;
    require(test::websocket_transcript(stream, cut) == whole);
  }
  const auto again = written_anew(stream, how);
  // A message cut short holds bytes in zlib that its reader has not been shown yet.
  if (again && !whole.ends_with("…")) require(test::websocket_transcript(*again, how) == whole);
  return 0;
}
