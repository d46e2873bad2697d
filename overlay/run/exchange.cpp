#include "overlay/run/exchange.hpp"

#include "proxy/wire/http1.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <variant>

namespace sluice::overlay {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

Error late() {
  return make_error(Origin::upstream, "too_late", "no whole answer in time");
}

Error lost(const char* what) {
  return make_error(Origin::upstream, "connection_lost", what);
}

// Until the connection can do what `events` says.
Result<> wait_for(int fd, short events, Deadline until) {
  for (;;) {
    const auto left = std::chrono::ceil<Milliseconds>(until - Clock::now()).count();
    if (left <= 0) return late();
    pollfd waiting{fd, events, 0};
    const int most = static_cast<int>(std::min<long>(left, 60'000));
    const int ready = ::poll(&waiting, 1, most);
    if (ready > 0) return success();
    if (ready < 0 && errno != EINTR) return lost(std::strerror(errno));
  }
}

Result<> send_all(int fd, std::string_view bytes, Deadline until) {
  while (!bytes.empty()) {
    SLUICE_TRY(wait_for(fd, POLLOUT, until));
    const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) bytes.remove_prefix(static_cast<std::size_t>(sent));
    const bool again = sent < 0 && (errno == EAGAIN || errno == EINTR);
    if (sent < 0 && !again) return lost(std::strerror(errno));
  }
  return success();
}

std::string encoded(const Asked& asked) {
  wire::RequestHead head;
  head.method = asked.method;
  head.target = asked.path;
  head.fields.add("Host", asked.host);
  head.fields.add("Accept", "application/json");
  head.keep_alive = false;
  if (!asked.body.empty()) {
    head.fields.add("Content-Type", "application/json");
    head.framing = wire::BodyFraming::length;
    head.content_length = asked.body.size();
  }
  std::string out;
  wire::encode(head, out);
  return out + asked.body;
}

class AnswerReader {
 public:
  AnswerReader(int fd, std::size_t most, Deadline until) : fd_(fd), most_(most), until_(until) {}

  Result<Answer> read(const std::string& method) {
    reader_.expect(method);
    for (;;) {
      SLUICE_TRY(auto&& done, step());
      if (done) return std::move(answer_);
    }
  }

 private:
  Result<bool> step() { // whether the answer is whole
    std::string_view in = bytes_;
    auto event = reader_.next(in);
    if (const auto* body = std::get_if<wire::BodyBytes>(&event)) answer_.body += body->bytes;
    bytes_.erase(0, bytes_.size() - in.size());
    if (answer_.body.size() > most_) return too_large();
    if (std::holds_alternative<wire::NeedMore>(event)) {
      SLUICE_TRY(auto&& more, receive());
      if (more) return false;
      event = reader_.finish();
      if (std::holds_alternative<wire::NeedMore>(event)) return lost("it closed without an answer");
    }
    if (const auto* head = std::get_if<wire::ResponseHead>(&event)) return take(*head);
    if (std::holds_alternative<wire::MessageEnd>(event)) return true;
    if (std::holds_alternative<wire::ProtocolError>(event)) {
      return make_error(Origin::upstream, "not_http", "it does not answer in HTTP");
    }
    return false;
  }

  Result<bool> take(const wire::ResponseHead& head) {
    if (head.status == 101) return make_error(Origin::upstream, "not_http", "it answered 101");
    if (head.status < 200) return false;
    answer_.status = head.status;
    const bool declared = head.framing == wire::BodyFraming::length;
    if (declared && head.content_length > most_) return too_large();
    return false;
  }

  Result<bool> receive() { // false: the other side has said all
    SLUICE_TRY(wait_for(fd_, POLLIN, until_));
    std::array<char, 16 * 1024> piece{};
    const auto got = ::recv(fd_, piece.data(), piece.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (got < 0) return lost(std::strerror(errno));
    bytes_.append(piece.data(), static_cast<std::size_t>(got));
    return got > 0;
  }

  Error too_large() const {
    return make_error(Origin::upstream, "response_too_large",
                      "the answer is longer than " + std::to_string(most_) + " bytes");
  }

  int fd_;
  std::size_t most_;
  Deadline until_;
  wire::ResponseReader reader_;
  std::string bytes_; // came, and not yet read
  Answer answer_;
};

} // namespace

Result<Answer> exchange(UniqueFd connection, const Asked& asked, std::size_t most, Deadline until) {
  // One that refuses early may have answered before it had read all: its answer counts.
  const auto sent = send_all(connection.get(), encoded(asked), until);
  if (!sent && sent.error().code == "too_late") return sent.error();
  auto answer = AnswerReader(connection.get(), most, until).read(asked.method);
  if (!answer && !sent) return sent.error();
  return answer;
}

} // namespace sluice::overlay
