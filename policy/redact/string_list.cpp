#include "policy/redact/string_list.hpp"

namespace sluice::redact {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

} // namespace

StringList::Says StringList::read(char c) {
  if (at_ == At::text) return read_text(c);
  if (at_ == At::escape) return c == 'n' || c == 'r' ? Says::goes_on : Says::over;
  if (is_space(c)) return ++spaces_ > kMostSpace ? Says::over : Says::undecided;
  spaces_ = 0;
  switch (at_) {
  case At::comma: at_ = At::quote; return c == ',' ? Says::undecided : Says::over;
  case At::quote:
    *this = StringList(marker_);
    at_ = At::text;
    return c == '"' ? Says::undecided : Says::over;
  default: break;
  }
  at_ = At::quote;
  return c == ',' ? Says::was_key : c == ']' ? Says::was_last : Says::over;
}

StringList::Says StringList::read_text(char c) {
  if (c == '"' && may_end()) {
    at_ = At::next;
    return Says::ends_string;
  }
  if (c == '\\' && may_end()) {
    at_ = At::escape;
    return Says::undecided;
  }
  base64_ = base64_ && (is_alnum(c) || c == '+' || c == '/' || c == '=');
  is_marker_ = is_marker_ && size_ < marker_.size() && marker_[size_] == c;
  read_header(c);
  ++size_;
  if (is_marker_ && size_ == marker_.size()) return Says::marker;
  if (size_ == kLongLine) return base64_ ? Says::goes_on : Says::over;
  const bool none = !base64_ && !is_marker_ && header_ == Header::none;
  return none ? Says::over : Says::undecided;
}

// RFC 1421 §4.6, and the first lines of a PuTTY key.
void StringList::read_header(char c) noexcept {
  switch (header_) {
  case Header::name:
    if (c == ':' && size_ > 0) {
      header_ = Header::colon;
    } else if (!is_alnum(c) && c != '-') {
      header_ = Header::none;
    }
    break;
  case Header::colon: header_ = c == ' ' ? Header::value : Header::none; break;
  case Header::value:
    if (c == '"' || c == '\\' || static_cast<unsigned char>(c) < ' ') header_ = Header::none;
    break;
  case Header::none: break;
  }
}

} // namespace sluice::redact
