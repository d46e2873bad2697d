// Real boxes, as whoever runs the tests: as root a "namespace", else a "user-namespace". ctest runs
// this both ways. Where the kernel has no user namespaces the reason is printed and nothing tested.
#include "tests/support/box_for_test.hpp"

#include "proxy/contain/mounts.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>

using namespace sluice;
using namespace sluice::contain;
using namespace sluice::contain::test;

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

bool boxes_are_possible() {
  static const bool possible = [] {
    (void)block_control_signals();
    const auto box = Box::create({});
    if (box) return true;
    const bool kernel_forbids =
        ::geteuid() != 0 && box.error().detail.rfind("no user names", 0) == 0;
    if (kernel_forbids) std::fprintf(stderr, "skipped: %s\n", box.error().detail.c_str());
    BOOST_REQUIRE_MESSAGE(kernel_forbids, std::string(box.error().detail));
    return false;
  }();
  return possible;
}

Ran must(Result<Ran> ran) {
  BOOST_REQUIRE_MESSAGE(ran.has_value(), (ran.has_error() ? ran.error().detail : std::string()));
  return std::move(ran.value());
}

Ran python(const std::string& program) {
  return must(run_in_box({"/usr/bin/python3", "-I", "-c", program}));
}

template <class T> std::string why(const Result<T>& failed) {
  return failed.has_error() ? failed.error().detail : "";
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

struct Folder { // of this user, open to CMD
  Folder() {
    char name[] = "/tmp/sluice-box-XXXXXX";
    path = ::mkdtemp(name);
    fs::permissions(path, fs::perms(0755));
  }
  ~Folder() { fs::remove_all(path); }
  std::string write(const std::string& name, const std::string& content) const {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name) << content;
    return (path / name).string();
  }
  fs::path path;
};

// Not a zombie: whoever inherits what a killed process leaves may take its time to look.
bool alive(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string number, name, state;
  return (stat >> number >> name >> state) && state != "Z" && state != "X";
}

} // namespace

BOOST_AUTO_TEST_SUITE(box, *boost::unit_test::precondition([](boost::unit_test::test_unit_id) {
                        return boxes_are_possible();
                      }))

BOOST_AUTO_TEST_CASE(kind_and_sockets) {
  auto box = Box::create({});
  BOOST_REQUIRE(box.has_value());
  BOOST_TEST(box.value()->kind() == (::geteuid() == 0 ? "namespace" : "user-namespace"));
  const auto sockets = box.value()->take_sockets();
  BOOST_TEST(sockets.size() == 7U); // tcp, dns over udp and tcp for two families, and a proxy
}

BOOST_AUTO_TEST_CASE(a_closed_working_directory_is_noted) {
  const Folder folder;
  const auto before = fs::current_path();
  fs::current_path(folder.path);
  if (::geteuid() == 0) fs::permissions(folder.path, fs::perms::owner_all);
  const auto ran = must(run_script("true"));
  fs::current_path(before);
  const auto notes = ran.report.notes;
  if (::geteuid() == 0) {
    BOOST_REQUIRE(notes.size() == 1U);
    BOOST_TEST(notes[0] == "the working directory is closed to uid 65534");
  } else {
    BOOST_TEST(notes.empty());
  }
}

BOOST_AUTO_TEST_CASE(connections_arrive_with_their_destination) {
  const auto ran = must(run_script(
      "curl -s -m 5 http://1.2.3.4/; curl -s -m 5 'http://[2001:db8::5]:8080/';"
      "curl -s -m 5 'http://[::ffff:192.0.2.7]:81/'; curl -s -m 5 http://3221225995:82/"));
  BOOST_TEST(ran.output == "nononono");
  const std::vector<std::string> expected = {"1.2.3.4:80", "[2001:db8::5]:8080", "192.0.2.7:81",
                                             "192.0.2.11:82"};
  BOOST_REQUIRE(ran.destinations.size() >= expected.size());
  BOOST_TEST(std::vector<std::string>(ran.destinations.end() - 4, ran.destinations.end()) ==
                 expected,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(only_tcp_and_dns_get_through) {
  const auto ran = python(R"(
import errno, socket, time
def refused(family, address):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.settimeout(2)
    s.connect(address)
    began = time.monotonic()
    try:
        s.send(b"x"); s.recv(9)
    except OSError as e:
        return e.errno == errno.ECONNREFUSED and time.monotonic() - began < 0.5
print("udp4", refused(socket.AF_INET, ("192.0.2.1", 443)))
print("udp6", refused(socket.AF_INET6, ("2001:db8::1", 443)))
print("dns port", refused(socket.AF_INET, ("127.0.0.1", 15053)))
for family, kind, name in ((socket.AF_INET, socket.SOCK_RAW, "raw"), (40, socket.SOCK_STREAM, "vsock"),
                           (socket.AF_PACKET, socket.SOCK_RAW, "packet")):
    try: socket.socket(family, kind, 1); print(name, "opened")
    except OSError: print(name, "refused")
for address in (("127.0.0.1", 15006), ("127.0.0.1", 15053)):
    try: socket.create_connection(address, 2); print("own port connected")
    except ConnectionRefusedError: print("own port refused")
try: socket.getaddrinfo("somewhere.test", 80); print("resolved")
except socket.gaierror as e: print("dns", e.errno == socket.EAI_NONAME)
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname(), 2); print("local service reached")
)");
  BOOST_TEST(ran.output == "udp4 True\nudp6 True\ndns port True\nraw refused\nvsock refused\n"
                           "packet refused\nown port refused\nown port refused\ndns True\n"
                           "local service reached\n");
}

BOOST_AUTO_TEST_CASE(privileges_are_gone) {
  const auto ran =
      must(run_script("id -u; grep -E 'Cap|NoNewPrivs' /proc/self/status | tr -d '\\t\\n';"
                      "echo; ls /proc | grep -c '^[0-9]'; ls /sys/class/net | wc -l;"
                      "unshare -Urn curl -s -m 3 http://1.2.3.4/ || echo no exit"));
  const auto uid = ::geteuid() == 0 ? 65534U : ::geteuid();
  BOOST_TEST(has(ran.output, std::to_string(uid) + "\n"));
  BOOST_TEST(has(ran.output, "CapEff:0000000000000000"));
  BOOST_TEST(has(ran.output, "CapBnd:0000000000000000"));
  BOOST_TEST(has(ran.output, "NoNewPrivs:1"));
  BOOST_TEST(has(ran.output, "no exit"));
}

BOOST_AUTO_TEST_CASE(another_user_when_asked) {
  if (::geteuid() != 0) return;
  BoxOptions options;
  options.user = User{1234, 1235};
  BOOST_TEST(must(run_script("echo $(id -u) $(id -g) $(id -G)", options)).output ==
             "1234 1235 1235\n");
  options.user = User{0, 0};
  BOOST_TEST(has(run_script("true", options).error().detail, "sidecar's own user"));
}

BOOST_AUTO_TEST_CASE(exit_codes_and_signals_pass) {
  BOOST_TEST(must(run_script("echo $MARK; exit 7")).exit_code == 7);
  BOOST_TEST(must(run_script("kill -KILL $$")).exit_code == 137);
  const auto missing = run_in_box({"/no/such/program"});
  BOOST_REQUIRE(missing.has_error());
  BOOST_TEST(missing.error().code == "command_not_found");
  BOOST_TEST(missing.error().detail == "/no/such/program: No such file or directory");
  BOOST_TEST(run_in_box({"/etc/passwd"}).error().code == "command_not_executable");
}

BOOST_AUTO_TEST_CASE(control_signals_reach_the_command) {
  const sigset_t signals = block_control_signals();
  auto box = Box::create({});
  BOOST_REQUIRE(box.has_value());
  BOOST_REQUIRE(box.value()
                    ->start({"/bin/sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.02; done"},
                            plain_environment())
                    .has_value());
  std::this_thread::sleep_for(std::chrono::milliseconds(200)); // until the trap is set
  ::kill(box.value()->pid(), SIGTERM);
  BOOST_TEST(supervise(box.value()->pid(), signals) == 5);
}

BOOST_AUTO_TEST_CASE(the_init_is_not_the_commands) {
  const auto ran =
      must(run_script("for s in STOP TERM HUP KILL; do kill -$s 1 2>/dev/null; done;"
                      "sleep 0.1; cat /proc/1/environ 2>/dev/null; ls /proc/1/fd 2>/dev/null;"
                      "grep CapEff /proc/1/status"));
  BOOST_TEST(ran.output == "CapEff:\t0000000000000020\n"); // CAP_KILL
  BOOST_TEST(ran.exit_code == 0);
}

BOOST_AUTO_TEST_CASE(orphans_are_waited_for) {
  const auto began = Clock::now();
  const auto ran = must(run_script("(sleep 0.4; echo late) & exit 3"));
  BOOST_TEST(ran.exit_code == 3);
  BOOST_TEST(ran.output == "late\n");
  BOOST_TEST((Clock::now() - began >= std::chrono::milliseconds(400)));
}

BOOST_AUTO_TEST_CASE(nothing_open_is_inherited) {
  const UniqueFd leak(::open("/dev/null", O_RDONLY)); // without O_CLOEXEC
  const auto ran =
      must(run_script("for n in /proc/self/fd/*; do [ -e $n ] && echo ${n##*/}; done"));
  BOOST_TEST(ran.output == "0\n1\n2\n");
}

BOOST_AUTO_TEST_CASE(hidden_paths_are_covered) {
  const Folder folder;
  BoxOptions options;
  folder.write("evidence/audit.jsonl", "secret");
  options.hidden = {(folder.path / "evidence").string(), folder.write("policy.yaml", "secret")};
  folder.write("evidence/ca/key", "secret");
  options.readable = {folder.write("evidence/ca/bundle.pem", "public")};
  const auto at = folder.path.string();
  const auto ran = must(run_script("cd " + at +
                                       "; cat policy.yaml evidence/ca/*; ls evidence; "
                                       "(echo x >policy.yaml) 2>/dev/null || echo closed; "
                                       "(echo x >evidence/x) 2>/dev/null || echo closed; "
                                       "umount evidence 2>/dev/null; cat /etc/resolv.conf",
                                   options));
  BOOST_TEST(ran.output == "publicca\nclosed\nclosed\nnameserver 127.0.0.1\noptions edns0\n");
  BOOST_TEST(ran.report.holds(), ran.report.failures());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_hidden_is_an_error) {
  BoxOptions options;
  options.hidden = {"/no/such/path"};
  BOOST_TEST(has(Box::create(options).error().detail, "cannot hide /no/such/path"));
  options.hidden = {fs::current_path().string()};
  BOOST_TEST(has(Box::create(options).error().detail, "working directory lies in"));
}

BOOST_AUTO_TEST_CASE(listening_unix_sockets_are_exits) {
  const auto names = known_exits("Num       RefCount Protocol Flags    Type St Inode Path\n"
                                 "ffff: 00000002 00000000 00010000 0001 01 10 /run/a b.sock\n"
                                 "ffff: 00000002 00000000 00000000 0002 01 11 /run/datagram\n"
                                 "ffff: 00000002 00000000 00010000 0001 01 12 @abstract\n"
                                 "ffff: 00000003 00000000 00000000 0001 03 13 "
                                 "/run/connected\nffff: 0 0 00010000 0001 01 14\n");
  const auto among = [&names](const char* one) {
    return std::find(names.begin(), names.end(), one) != names.end();
  };
  BOOST_TEST(among("/run/a b.sock"));
  BOOST_TEST(!among("/run/datagram"));
  BOOST_TEST(!among("@abstract"));
  BOOST_TEST(!among("/run/connected"));
}

BOOST_AUTO_TEST_CASE(a_listening_socket_is_covered) {
  const Folder folder;
  const auto path = (folder.path / "outside.sock").string();
  const UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  std::memcpy(at.sun_path, path.data(), path.size());
  BOOST_REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
  BOOST_REQUIRE(::listen(listener.get(), 1) == 0);
  fs::permissions(path, fs::perms(0777));
  BoxOptions options;
  options.admin_socket = path;
  const auto ran = must(run_script("curl -s -m 2 --unix-socket " + path + " http://x/", options));
  BOOST_TEST(ran.exit_code == 7); // could not connect
  BOOST_TEST(ran.report.holds(), ran.report.failures());
}

// CMD's output is read, and what listens inside is reached, by nobody but the box's maker.
BOOST_AUTO_TEST_CASE(a_door_leads_to_the_box_s_loopback) {
  BoxOptions options;
  options.door = true;
  auto box = Box::create(options);
  BOOST_REQUIRE_MESSAGE(box, why(box));
  int ends[2];
  BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const UniqueFd reading(ends[0]);
  UniqueFd writing(ends[1]);
  const char* server = R"(
import socket, sys
four, six = socket.socket(), socket.socket(socket.AF_INET6)
for s, at in ((four, ("127.0.0.1", 7001)), (six, ("::1", 7002))):
    s.bind(at); s.listen(1)
print("ready", sys.stdin.read() == "", flush=True)
print("oops", file=sys.stderr, flush=True)
for s in (four, six):
    peer, _ = s.accept(); peer.sendall(b"hello " + peer.recv(9)); peer.close()
)";
  const auto started = box.value()->start({"/usr/bin/python3", "-I", "-c", server},
                                          plain_environment(), writing.get());
  BOOST_REQUIRE_MESSAGE(started, why(started));
  { const UniqueFd theirs = std::move(writing); }
  std::string said;
  for (char bytes[256]; said.find("oops\n") == std::string::npos;) {
    const auto got = ::read(reading.get(), bytes, sizeof bytes);
    BOOST_REQUIRE(got > 0);
    said.append(bytes, static_cast<std::size_t>(got));
  }
  BOOST_TEST(said == "ready True\noops\n");
  const auto refused = box.value()->dial(7003);
  BOOST_TEST_REQUIRE(refused.has_error());
  BOOST_TEST(refused.error().code == "connection_refused");
  for (const std::uint16_t port : {std::uint16_t{7001}, std::uint16_t{7002}}) {
    auto peer = box.value()->dial(port);
    BOOST_REQUIRE_MESSAGE(peer, why(peer));
    BOOST_TEST(::write(peer.value().get(), "you", 3) == 3);
    char bytes[32];
    const auto got = ::read(peer.value().get(), bytes, sizeof bytes);
    BOOST_TEST(std::string(bytes, got > 0 ? static_cast<std::size_t>(got) : 0U) == "hello you");
  }
  pollfd ended{box.value()->ended_fd(), POLLIN, 0};
  BOOST_TEST(::poll(&ended, 1, 5'000) == 1); // the door does not keep the box
  BOOST_TEST(box.value()->dial(7001).error().code == "box_ended");
}

BOOST_AUTO_TEST_CASE(without_a_door_nothing_is_dialled) {
  auto box = Box::create({});
  BOOST_REQUIRE_MESSAGE(box, why(box));
  BOOST_REQUIRE(box.value()->start({"/bin/sleep", "5"}, plain_environment()));
  BOOST_TEST(box.value()->dial(1).error().code == "box_ended");
}

// The box is held by nothing but its maker.
BOOST_AUTO_TEST_CASE(killing_the_maker_ends_everything) {
  int ends[2];
  BOOST_REQUIRE(::pipe(ends) == 0);
  const pid_t maker = ::fork();
  if (maker == 0) {
    (void)block_control_signals();
    auto box = Box::create({});
    const bool started =
        box && box.value()->start({"/bin/sh", "-c", "sleep 100 & sleep 100"}, plain_environment());
    const pid_t init = started ? box.value()->pid() : -1;
    (void)!::write(ends[1], &init, sizeof init);
    for (;;) ::pause();
  }
  pid_t init = -1;
  BOOST_REQUIRE(::read(ends[0], &init, sizeof init) == sizeof init);
  BOOST_REQUIRE(init > 0);
  const auto child_file =
      "/proc/" + std::to_string(init) + "/task/" + std::to_string(init) + "/children";
  pid_t shell = -1;
  std::ifstream(child_file) >> shell;
  BOOST_REQUIRE(shell > 0);
  ::kill(maker, SIGKILL);
  ::waitpid(maker, nullptr, 0);
  const auto until = Clock::now() + std::chrono::seconds(5);
  while ((alive(init) || alive(shell)) && Clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  BOOST_TEST(!alive(shell));
  BOOST_TEST(!alive(init));
}

BOOST_AUTO_TEST_SUITE_END()
