// Heads and chunks to bytes. The framing of the head decides which framing field is written, so the
// two cannot disagree. Everything is checked before the first byte is appended.
#include "policy/base/bytes.hpp"
#include "proxy/wire/grammar.hpp"
#include "proxy/wire/http1.hpp"

#include <charconv>
#include <concepts>
#include <stdexcept>

namespace sluice::wire {
namespace {

void append_number(std::unsigned_integral auto value, int base, std::string& out) {
  char digits[24];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value, base).ptr);
}

void require(bool holds, const char* what) {
  if (!holds) throw std::logic_error(what);
}

// A CR, LF or NUL here would be a second message of somebody else's making. It cannot come from a
// parsed head; if it comes at all it is our bug, and no byte of it is written.
void require_sound(const Fields& fields) {
  for (const Field& field : fields.all()) {
    require(is_token(field.name), "encode: a field name that is not a token");
    require(all_are(kFieldByte, field.value), "encode: a control byte in a field value");
  }
}

bool is_framing_field(std::string_view name) {
  return equal_ignore_case(name, "content-length") || equal_ignore_case(name, "transfer-encoding");
}

std::size_t fields_size(const Fields& fields) {
  std::size_t size = 0;
  for (const Field& field : fields.all()) size += field.name.size() + field.value.size() + 4;
  return size;
}

void append_fields(const Fields& fields, std::string& out) {
  for (const Field& field : fields.all()) {
    if (is_framing_field(field.name)) continue;
    out.append(field.name).append(": ").append(field.value).append("\r\n");
  }
}

void append_framing(const Head& head, std::string& out) {
  if (head.framing == BodyFraming::chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  } else if (head.framing == BodyFraming::length) {
    out += "Content-Length: ";
    append_number(head.content_length, 10, out);
    out += "\r\n";
  }
}

// RFC 9112 §9.6: who closes says so. Once is enough when the fields already do.
void append_close(const Head& head, std::string& out) {
  const bool closes = !head.keep_alive || head.framing == BodyFraming::until_close;
  if (closes && !head.fields.has_token("connection", "close")) out += "Connection: close\r\n";
}

constexpr std::size_t kRoomForOurs = 96; // start line without its variable part, and our fields

} // namespace

void encode(const RequestHead& head, std::string& out) {
  require(is_token(head.method), "encode: a method that is not a token");
  require(!head.target.empty() && all_are(kVisible, head.target), "encode: a malformed target");
  // RFC 9112 §6.3: a request cannot end with the connection.
  require(head.framing != BodyFraming::until_close, "encode: a request until close");
  require_sound(head.fields);
  out.reserve(out.size() + head.method.size() + head.target.size() + fields_size(head.fields) +
              kRoomForOurs);
  out.append(head.method).append(" ").append(head.target).append(" HTTP/1.1\r\n");
  append_fields(head.fields, out);
  append_framing(head, out);
  append_close(head, out);
  out += "\r\n";
}

void encode(const ResponseHead& head, std::string& out) {
  require(head.status >= 100 && head.status <= 999, "encode: a status out of range");
  require(all_are(kFieldByte, head.reason), "encode: a control byte in the reason phrase");
  require_sound(head.fields);
  out.reserve(out.size() + head.reason.size() + fields_size(head.fields) + kRoomForOurs);
  out += "HTTP/1.1 ";
  append_number(static_cast<unsigned>(head.status), 10, out);
  out.append(" ").append(head.reason).append("\r\n");
  append_fields(head.fields, out);
  // RFC 9110 §8.6, RFC 9112 §6.1: neither framing field stands in 1xx or 204.
  const bool interim = head.status < 200;
  if (!interim && head.status != 204) append_framing(head, out);
  if (!interim) append_close(head, out);
  out += "\r\n";
}

void encode_chunk(std::string_view bytes, std::string& out) {
  if (bytes.empty()) return; // an empty chunk would end the body
  append_number(bytes.size(), 16, out);
  out.append("\r\n").append(bytes).append("\r\n");
}

void encode_last_chunk(const Fields& trailers, std::string& out) {
  require_sound(trailers);
  out += "0\r\n";
  append_fields(trailers, out);
  out += "\r\n";
}

} // namespace sluice::wire
