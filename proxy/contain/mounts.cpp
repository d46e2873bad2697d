#include "proxy/contain/mounts.hpp"

#include "proxy/contain/unavailable.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <utility>

namespace sluice::contain {
namespace {

namespace fs = std::filesystem;

// The covers are made in a small tmpfs where /proc will be, and stay alive by being mounted.
constexpr const char* kScratch = "/proc";
constexpr unsigned long kHarmless = MS_NOSUID | MS_NODEV | MS_NOEXEC;
constexpr std::string_view kResolver = "nameserver 127.0.0.1\noptions edns0\n";

struct Shown { // a file with our content in the place of the real one
  fs::path path;
  std::string content;
};

Result<> write_file(const fs::path& path, std::string_view content) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444));
  if (!file.valid() || ::fchmod(file.get(), 0444) != 0)
    return system_failed("create " + path.string());
  while (!content.empty()) {
    const ssize_t n = ::write(file.get(), content.data(), content.size());
    if (n < 0) return system_failed("write " + path.string());
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return success();
}

Result<> make_folder(const fs::path& path) {
  if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
    return system_failed("create " + path.string());
  // The umask may have taken bits away.
  if (::chmod(path.c_str(), 0755) != 0) return system_failed("open " + path.string());
  return success();
}

bool lies_in(const fs::path& path, const fs::path& folder) {
  const auto rest = path.lexically_relative(folder);
  return !rest.empty() && *rest.begin() != "..";
}

Result<> bind(const fs::path& from, const fs::path& to) {
  if (::mount(from.c_str(), to.c_str(), nullptr, MS_BIND, nullptr) != 0)
    return system_failed("cover " + to.string());
  return success();
}

// "a/b/file" below `root`, with its folders.
Result<> write_below(const fs::path& root, const fs::path& relative, std::string_view content) {
  fs::path folder = root;
  for (const auto& part : relative.parent_path()) {
    folder /= part;
    SLUICE_TRY(make_folder(folder));
  }
  return write_file(root / relative, content);
}

Result<std::vector<Shown>> shown_files(const Plan& plan) {
  std::vector<Shown> out;
  std::error_code error;
  // Where there is none, resolvers ask 127.0.0.1 by themselves.
  const auto resolver = fs::canonical("/etc/resolv.conf", error);
  if (!error) out.push_back({resolver, std::string(kResolver)});
  for (const auto& name : plan.options.readable) {
    const auto path = fs::canonical(name, error);
    std::ifstream file(path, std::ios::binary);
    std::string content{std::istreambuf_iterator<char>(file), {}};
    if (error || file.bad() || !file.is_open()) {
      return make_error(Origin::config, "containment_unavailable", name + " cannot be read");
    }
    out.push_back({path, std::move(content)});
  }
  return out;
}

// Writes the covers and gives what goes where.
Result<std::vector<std::pair<fs::path, fs::path>>> make_covers(const Plan& plan) {
  SLUICE_TRY(auto&& shown, shown_files(plan));
  if (::mount("sluice", kScratch, "tmpfs", kHarmless, "mode=0755") != 0)
    return system_failed("mount a tmpfs");
  const fs::path scratch = kScratch, nothing = scratch / "nothing";
  SLUICE_TRY(write_file(nothing, {}));
  std::vector<std::pair<fs::path, fs::path>> binds;
  std::vector<bool> placed(shown.size());
  for (const auto& one : plan.faults.show_hidden ? std::vector<Hidden>{} : plan.hidden) {
    const fs::path target = one.path;
    if (!one.folder) {
      binds.emplace_back(nothing, target);
      continue;
    }
    const fs::path cover = scratch / std::to_string(binds.size());
    SLUICE_TRY(make_folder(cover));
    for (std::size_t i = 0; i < shown.size(); ++i) {
      if (!lies_in(shown[i].path, target)) continue;
      SLUICE_TRY(write_below(cover, shown[i].path.lexically_relative(target), shown[i].content));
      placed[i] = true;
    }
    binds.emplace_back(cover, target);
  }
  for (std::size_t i = 0; i < shown.size(); ++i) {
    if (placed[i]) continue;
    const fs::path file = scratch / ("file" + std::to_string(i));
    SLUICE_TRY(write_file(file, shown[i].content));
    binds.emplace_back(file, shown[i].path);
  }
  return binds;
}

Result<> mount_proc() {
  if (::umount2(kScratch, MNT_DETACH) != 0) return system_failed("unmount the scratch tmpfs");
  if (::mount("proc", "/proc", "proc", kHarmless, nullptr) != 0) {
    // A container runtime that covers parts of /proc forbids a whole one to be mounted inside.
    return system_failed("mount a /proc of the box's own");
  }
  return success();
}

} // namespace

std::vector<std::string> known_exits(std::string_view unix_sockets) {
  // Session buses, container engines, resolvers, name caches, displays.
  std::vector<std::string> names = {"/run/user",        "/run/dbus",       "/run/systemd/resolve",
                                    "/run/nscd",        "/run/containerd", "/run/podman",
                                    "/run/docker.sock", "/run/crio",       "/run/libvirt",
                                    "/tmp/.X11-unix"};
  std::istringstream lines{std::string(unix_sockets)};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    std::string number, references, protocol, flags, type, state, inode, path;
    fields >> number >> references >> protocol >> flags >> type >> state >> inode >> std::ws;
    std::getline(fields, path);
    const bool listens = flags == "00010000"; // __SO_ACCEPTCON
    if (listens && !path.empty() && path.front() == '/') names.push_back(path);
  }
  return names;
}

namespace {

bool has_gone(const Plan& plan, const fs::path& path) {
  struct stat about {};
  return ::stat(path.c_str(), &about) != 0 && errno == ENOENT &&
         std::any_of(plan.hidden.begin(), plan.hidden.end(),
                     [&](const Hidden& one) { return one.may_go && one.path == path; });
}

} // namespace

namespace {

// What is covered in a folder that is empty by now needs a place there. Anywhere else it is there.
void make_place(const fs::path& from, const fs::path& to) {
  std::error_code error;
  if (fs::exists(to, error)) return;
  fs::create_directories(fs::is_directory(from, error) ? to : to.parent_path(), error);
  if (!fs::is_directory(from, error)) (void)write_file(to, {});
}

// A socket in a file is a way around the network, and so is a file that two can write.
Result<> own_files(const Plan& plan, const fs::path& here) {
  mount_attr read_only{};
  read_only.attr_set = MOUNT_ATTR_RDONLY;
  if (::mount_setattr(AT_FDCWD, "/", AT_RECURSIVE, &read_only, sizeof read_only) != 0)
    return system_failed("make all files read-only");
  for (const fs::path place : {"/tmp", "/var/tmp", "/dev/shm"}) {
    std::error_code error;
    const bool kept = lies_in(here, place) ||
                      std::any_of(plan.options.kept.begin(), plan.options.kept.end(),
                                  [&](const std::string& one) {
                                    return lies_in(fs::weakly_canonical(one, error), place);
                                  });
    if (kept || !fs::is_directory(place, error)) continue;
    // What is unpacked there may be run.
    if (::mount("sluice", place.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") != 0)
      return system_failed("mount " + place.string());
  }
  return success();
}

} // namespace

Result<> make_view(const Plan& plan) {
  std::error_code error;
  const auto here = fs::current_path(error);
  if (error) return make_error(Origin::config, "containment_unavailable", "no working directory");
  for (const auto& one : plan.hidden) {
    if (lies_in(here, one.path)) {
      return make_error(Origin::config, "containment_unavailable",
                        "the working directory lies in " + one.path + ", which the box hides");
    }
  }
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return system_failed("make the mounts private");
  if (plan.options.own_files) {
    SLUICE_TRY(own_files(plan, here));
  }
  SLUICE_TRY(auto&& binds, make_covers(plan));
  if (::mount(nullptr, kScratch, nullptr, MS_REMOUNT | MS_RDONLY | kHarmless, nullptr) != 0)
    return system_failed("make the covers read-only");
  for (const auto& [from, to] : binds) {
    if (plan.options.own_files) make_place(from, to);
    if (const auto bound = bind(from, to); !bound && !has_gone(plan, to)) return bound.error();
  }
  return mount_proc();
}

} // namespace sluice::contain
