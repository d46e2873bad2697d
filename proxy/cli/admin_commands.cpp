// sluice admin status|ready|metrics|reload|drain|kill|resume: what curl would do on the admin
// socket, for images without curl, health checks included.
#include "policy/base/printable.hpp"
#include "proxy/cli/commands.hpp"
#include "proxy/runtime/config.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

namespace sluice::cli {
namespace {

constexpr std::size_t kMaxAnswer = std::size_t{16} << 20;
constexpr int kTimeoutSeconds = 15;

struct Order {
  const char* verb;
  const char* method;
  const char* path;
  const char* what;
};
constexpr std::array kOrders = {
    Order{"status", "GET", "/v1/status", "what runs: listeners, policy, health"},
    Order{"ready", "GET", "/readyz", "exit 0 when calls can be served, else 1: a health check"},
    Order{"metrics", "GET", "/metrics", "the counters, as Prometheus reads them"},
    Order{"reload", "POST", "/v1/reload", "read policy and secrets again"},
    Order{"drain", "POST", "/v1/drain", "stop accepting, let calls finish, end"},
    Order{"kill", "POST", "/v1/kill", "the kill switch: stop all egress at once"},
    Order{"resume", "POST", "/v1/resume", "take the kill switch back"}};

struct Reply {
  int status = 0;
  std::string body;
};

// --admin, else the first Unix socket of the config.
std::optional<std::string> socket_path(const Program& program) {
  constexpr std::string_view kUnix = "unix:";
  if (!program.common.admin.empty()) {
    const auto& given = program.common.admin;
    return given.starts_with(kUnix) ? given.substr(kUnix.size()) : given;
  }
  const auto load = runtime::load_config_file(program.common.config);
  if (!load.config) return std::nullopt;
  for (const auto& address : load.config->admin) {
    if (const auto* path = std::get_if<std::string>(&address)) return *path;
  }
  return std::nullopt;
}

Error unreachable(const std::string& path) {
  return make_error(Origin::config, "admin_unreachable", path + ": " + std::strerror(errno));
}

Result<std::string> round_trip(const std::string& path, const std::string& request) {
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  errno = ENAMETOOLONG;
  if (path.size() >= sizeof at.sun_path) return unreachable(path);
  path.copy(at.sun_path, path.size());
  struct Descriptor {
    int fd;
    ~Descriptor() { ::close(fd); }
  } const line{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const timeval limit{kTimeoutSeconds, 0};
  ::setsockopt(line.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (::connect(line.fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) {
    return unreachable(path);
  }
  const auto sent = ::send(line.fd, request.data(), request.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(request.size())) return unreachable(path);
  std::string answer;
  char chunk[8192];
  for (;;) {
    const auto got = ::recv(line.fd, chunk, sizeof chunk, 0);
    if (got < 0) return unreachable(path);
    if (got == 0) return answer;
    answer.append(chunk, static_cast<std::size_t>(got));
    if (answer.size() > kMaxAnswer) return unreachable(path);
  }
}

// The server is ours: one answer, then the end of the stream.
Result<Reply> ask(const std::string& path, const Order& order) {
  std::string request =
      std::string(order.method) + " " + order.path + " HTTP/1.1\r\nHost: sluice\r\n";
  if (std::string_view(order.method) == "POST") request += "Content-Length: 0\r\n";
  SLUICE_TRY(const std::string answer, round_trip(path, request + "\r\n"));
  const auto space = answer.find(' ');
  const auto body = answer.find("\r\n\r\n");
  if (space == answer.npos || body == answer.npos) {
    return make_error(Origin::config, "admin_unreachable", path + ": not an answer");
  }
  Reply reply{0, answer.substr(body + 4)};
  std::from_chars(answer.data() + space + 1, answer.data() + body, reply.status);
  return reply;
}

// One line a member, "key  value"; a list takes a line for each item, its members side by side.
std::string text_of(const Json& answer) {
  const auto one = [](const Json& value) {
    return printable(value.is_string() ? value.get<std::string>() : dump(value));
  };
  std::string text;
  for (const auto& [key, value] : answer.items()) {
    if (key == "schema_version") continue;
    const std::string label = key + std::string(key.size() < 18 ? 18 - key.size() : 1, ' ');
    if (!value.is_array()) text += label + one(value) + "\n";
    for (const auto& item : value.is_array() ? value : Json::array()) {
      text += label;
      const char* between = "";
      for (const auto& member : item.is_object() ? item : Json::array({item})) {
        text += std::exchange(between, "  ") + one(member);
      }
      text += "\n";
    }
  }
  return text;
}

int run_order(const Output& out, const Program& program, const Order& order) {
  const auto path = socket_path(program);
  if (!path) {
    return out.fail(kUsage, "usage", "no admin socket is known",
                    "give --admin SOCKET, or admin: {bind: \"unix:./sluice.sock\"} in sluice.yaml");
  }
  auto reply = ask(*path, order);
  if (!reply) {
    return out.fail(kFailed, reply.error().code, reply.error().detail, "is sluice running there?");
  }
  const auto& [status, body] = reply.value();
  const auto parsed = Json::parse(body, nullptr, false);
  if (status >= 300 && parsed.is_object() && parsed.contains("error")) {
    return out.fail(kFailed, parsed["error"].value("code", "failed"),
                    parsed["error"].value("message", ""));
  }
  if (parsed.is_object()) {
    out.print(parsed, text_of(parsed));
  } else {
    out.print({{"status", status}, {"text", body}}, body);
  }
  return status < 300 ? kDone : kFailed;
}

} // namespace

void add_admin_commands(CLI::App& app, Program& program) {
  auto* admin = app.add_subcommand("admin", "talk to a running sluice over its admin socket");
  admin->require_subcommand(1);
  for (const auto& order : kOrders) {
    auto* verb =
        add_verb(*admin, program, order.verb, order.what,
                 std::string("sluice admin ") + order.verb + " --admin sluice.sock",
                 [&program, order](const Output& out) { return run_order(out, program, order); });
    verb->add_option("--admin", program.common.admin, "the admin socket, instead of the config's");
    verb->add_option("-c,--config", program.common.config, "sluice.yaml");
  }
}

} // namespace sluice::cli
