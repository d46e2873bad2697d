#include "proxy/contain/privileges.hpp"

#include "proxy/contain/unavailable.hpp"

#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>

namespace sluice::contain {
namespace {

struct Capabilities {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
};

// The system calls themselves, because glibc's wrappers would signal threads that a process made by
// a bare clone does not have.
bool become(const User& user) {
  return ::syscall(SYS_setgroups, 0, nullptr) == 0 &&
         ::syscall(SYS_setresgid, user.gid, user.gid, user.gid) == 0 &&
         ::syscall(SYS_setresuid, user.uid, user.uid, user.uid) == 0;
}

bool set_capabilities(std::uint32_t kept) {
  Capabilities all;
  all.data[0].effective = all.data[0].permitted = kept;
  return ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 &&
         ::syscall(SYS_capset, &all.header, all.data) == 0;
}

bool drop_bounding_set() {
  for (int one = 0; ::prctl(PR_CAPBSET_READ, one, 0, 0, 0) >= 0; ++one) {
    if (::prctl(PR_CAPBSET_DROP, one, 0, 0, 0) != 0) return false;
  }
  return true;
}

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "proxy/contain knows the system calls of x86-64 and aarch64 only"
#endif

constexpr std::uint32_t kX32Bit = 0x40000000; // the other numbering of x86-64
constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t refuse(int error) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error);
}

// A network namespace does not hold everything called a socket: AF_VSOCK reaches the hypervisor
// from any namespace. So only families that it holds can be opened, and not by io_uring, which this
// filter cannot see into; and the terminal takes no typed input from CMD, or it could type commands
// into the shell that outlives the box. 32-bit system calls would be a second door to all of it.
Result<> filter_system_calls() {
  const auto load = [](std::size_t offset) {
    return sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
  };
  const auto if_equal = [](std::uint32_t value, std::uint8_t yes, std::uint8_t no) {
    return sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no);
  };
  const auto answer = [](std::uint32_t what) {
    return sock_filter BPF_STMT(BPF_RET | BPF_K, what);
  };
  const std::size_t first = offsetof(seccomp_data, args[0]),
                    second = offsetof(seccomp_data, args[1]);
  sock_filter program[] = {
      load(offsetof(seccomp_data, arch)),
      if_equal(kArchitecture, 1, 0),
      answer(SECCOMP_RET_KILL_PROCESS),
      load(offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kX32Bit, 0, 1),
      answer(refuse(ENOSYS)),
      if_equal(__NR_io_uring_setup, 0, 1),
      answer(refuse(ENOSYS)),
      if_equal(__NR_socket, 3, 0),
      if_equal(__NR_socketpair, 2, 0),
      if_equal(__NR_ioctl, 7, 0),
      answer(kAllow),
      load(first), // socket families
      if_equal(AF_UNIX, 3, 0),
      if_equal(AF_INET, 2, 0),
      if_equal(AF_INET6, 1, 0),
      if_equal(AF_NETLINK, 0, 5),
      answer(kAllow),
      load(second), // ioctl requests
      if_equal(TIOCSTI, 1, 0),
      if_equal(TIOCLINUX, 0, 2),
      answer(refuse(EPERM)),
      answer(refuse(EAFNOSUPPORT)),
      answer(kAllow),
  };
  const sock_fprog all{static_cast<unsigned short>(std::size(program)), program};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all, 0, 0) != 0)
    return system_failed("seccomp");
  return success();
}

} // namespace

Result<> hand_on_network_capability() {
  Capabilities now;
  if (::syscall(SYS_capget, &now.header, now.data) != 0) return system_failed("capget");
  now.data[0].inheritable |= 1U << CAP_NET_ADMIN;
  if (::syscall(SYS_capset, &now.header, now.data) != 0 ||
      ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0) != 0)
    return system_failed("no CAP_NET_ADMIN in the box");
  return success();
}

Result<> drop_privileges(const std::optional<User>& user) {
  if (!drop_bounding_set()) return system_failed("capabilities cannot be dropped");
  if (user && !become(*user))
    return system_failed("cannot become uid " + std::to_string(user->uid));
  if (!set_capabilities(0)) return system_failed("capabilities cannot be dropped");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return system_failed("no_new_privs");
  return filter_system_calls();
}

Result<> keep_only_signals() {
  if (!drop_bounding_set() || !set_capabilities(1U << CAP_KILL))
    return system_failed("capabilities cannot be dropped");
  // In a user namespace init has CMD's user, who could trace it otherwise.
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return system_failed("PR_SET_DUMPABLE");
  return success();
}

Result<> die_with_parent() {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) return system_failed("PR_SET_PDEATHSIG");
  return success();
}

} // namespace sluice::contain
