#include "proxy/cli/compose_folder.hpp"

#include "certs/files.hpp"
#include "policy/evidence/file.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;

constexpr std::size_t kMaxRecord = 4U << 20;
constexpr mode_t kFile = 0644;   // containers have other users
constexpr mode_t kSecret = 0444; // the folder is what keeps others out

Error unwritable(const std::string& path, const std::error_code& error) {
  return make_error(Origin::config, "file_unwritable", path + ": " + error.message());
}

// What a record may make us remove.
bool is_below(const std::string& name) {
  const fs::path path(name);
  return !name.empty() && path.is_relative() &&
         std::none_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; });
}

Result<Names> read_record(const std::string& folder, Foreign foreign) {
  std::error_code error;
  const std::string file = folder + '/' + kComposeRecord;
  const bool empty = !fs::exists(folder, error) || fs::is_empty(folder, error);
  if (error) return unwritable(folder, error);
  if (!fs::exists(file, error)) {
    if (empty || foreign == Foreign::accept) return Names();
    return make_error(Origin::config, "folder_taken",
                      folder + " holds files that are not ours: name another, or --force");
  }
  SLUICE_TRY(auto&& text, evidence::read_file(file, kMaxRecord));
  const auto record = overlay::Json::parse(text, nullptr, false);
  Names out;
  const auto broken = make_error(Origin::config, "record_broken", file + " is no record of ours");
  if (!record.is_object() || !record.contains("files") || !record["files"].is_array())
    return broken;
  for (const auto& one : record["files"]) {
    if (!one.is_string() || !is_below(one.get<std::string>())) return broken;
    out.insert(one.get<std::string>());
  }
  return out;
}

Result<> write_record(const std::string& folder, const Names& names) {
  const overlay::Json record = {{"version", 1}, {"files", names}};
  return certs::replace_file(folder + '/' + kComposeRecord, record.dump(2) + '\n', kFile);
}

Result<> write(const std::string& path, const std::string& text, mode_t mode) {
  if (const auto known = evidence::read_file(path, text.size() + 1);
      known && known.value() == text) {
    return success();
  }
  return certs::replace_file(path, text, mode);
}

Result<> make_folders(const std::string& folder, const Names& names) {
  std::error_code error;
  fs::create_directories(folder + "/secrets", error);
  if (!error) fs::permissions(folder + "/secrets", fs::perms::owner_all, error);
  if (error) return unwritable(folder + "/secrets", error);
  for (const std::string& name : names) {
    const auto parent = (fs::path(folder) / name).parent_path();
    if (fs::create_directories(parent, error); error) return unwritable(parent.string(), error);
  }
  return success();
}

void remove_gone(const std::string& folder, const Names& before, const Names& now) {
  std::error_code ignored; // what stays is in nobody's way
  for (const std::string& name : before) {
    if (now.contains(name)) continue;
    const fs::path path = fs::path(folder) / name;
    fs::remove(path, ignored);
    if (path.parent_path() != fs::path(folder)) fs::remove(path.parent_path(), ignored); // if empty
  }
}

} // namespace

Result<std::vector<std::string>> write_compose_folder(const std::string& folder,
                                                      const overlay::ComposeProject& project,
                                                      Foreign foreign) {
  SLUICE_TRY(auto&& before, read_record(folder, foreign));
  Names now;
  for (const auto& one : project.files) now.insert(one.first);
  for (const auto& one : project.secrets) now.insert("secrets/" + one.first);
  if (auto made = make_folders(folder, now); !made) return made.error();
  Names all = before; // whenever it ends in between, each file of ours is in the record
  all.insert(now.begin(), now.end());
  if (auto done = write_record(folder, all); !done) return done.error();
  for (const auto& [name, text] : project.files) {
    if (auto done = write((fs::path(folder) / name).string(), text, kFile); !done)
      return done.error();
  }
  for (const auto& [name, text] : project.secrets) {
    if (auto done = write((fs::path(folder) / "secrets" / name).string(), text, kSecret); !done)
      return done.error();
  }
  for (const auto& [name, text] : project.first_secrets) {
    const std::string path = (fs::path(folder) / "secrets" / name).string();
    std::error_code error;
    if (fs::exists(fs::symlink_status(path, error))) continue; // it is somebody's now
    if (auto done = certs::write_new_file(path, text, kFile); !done) return done.error();
  }
  remove_gone(folder, before, now);
  if (auto done = write_record(folder, now); !done) return done.error();
  return std::vector<std::string>(now.begin(), now.end());
}

} // namespace sluice::cli
