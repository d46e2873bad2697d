// Heads and chunks to bytes. The framing of the head decides which framing field is written, so the
// two cannot disagree.
#include "policy/base/bytes.hpp"
#include "proxy/wire/framing.hpp"
#include "proxy/wire/http1.hpp"

#include <charconv>
#include <stdexcept>

namespace sluice::wire {
namespace {

void append_number(std::uint64_t value, int base, std::string& out) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, base).ptr;
  out.append(digits, end);
}

bool is_framing_field(std::string_view name) {
  return equal_ignore_case(name, "content-length") || equal_ignore_case(name, "transfer-encoding");
}

// A CR, LF or NUL here would be a second message of somebody else's making. It cannot come from a
// parsed head; if it comes at all it is our bug, and no byte of it is written.
void append_fields(const Fields& fields, std::string& out) {
  for (const auto& field : fields.all()) {
    if (!is_token(field.name) || !is_field_value(field.value)) throw std::logic_error("malformed field in encode()");
  }
  for (const auto& field : fields.all()) {
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

}  // namespace

void encode(const RequestHead& head, std::string& out) {
  for (const char c : head.target) {
    if (c <= 0x20 || c == 0x7f) throw std::logic_error("malformed target in encode()");
  }
  if (!is_token(head.method) || head.target.empty()) throw std::logic_error("malformed request line in encode()");
  const std::size_t start = out.size();
  try {
    out.append(head.method).append(" ").append(head.target).append(" HTTP/1.1\r\n");
    append_fields(head.fields, out);
  } catch (...) {
    out.resize(start);
    throw;
  }
  append_framing(head, out);
  if (!head.keep_alive) out += "Connection: close\r\n";
  out += "\r\n";
}

void encode(const ResponseHead& head, std::string& out) {
  if (head.status < 100 || head.status > 999 || !is_field_value(head.reason)) {
    throw std::logic_error("malformed status line in encode()");
  }
  const std::size_t start = out.size();
  try {
    out += "HTTP/1.1 ";
    append_number(static_cast<std::uint64_t>(head.status), 10, out);
    out.append(" ").append(head.reason).append("\r\n");
    append_fields(head.fields, out);
  } catch (...) {
    out.resize(start);
    throw;
  }
  append_framing(head, out);
  if (!head.keep_alive && head.status >= 200) out += "Connection: close\r\n";
  out += "\r\n";
}

void encode_chunk(std::string_view bytes, std::string& out) {
  if (bytes.empty()) return;  // an empty chunk would end the body
  append_number(bytes.size(), 16, out);
  out.append("\r\n").append(bytes).append("\r\n");
}

void encode_last_chunk(const Fields& trailers, std::string& out) {
  out += "0\r\n";
  append_fields(trailers, out);
  out += "\r\n";
}

}  // namespace sluice::wire
