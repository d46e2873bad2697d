#include "proxy/cli/provision.hpp"

#include "certs/files.hpp"
#include "certs/identity_authority.hpp"
#include "certs/trust.hpp"
#include "overlay/compose/capture_rules.hpp"
#include "overlay/manifest/json5.hpp"
#include "overlay/manifest/json_value.hpp"
#include "policy/base/reader.hpp"
#include "policy/evidence/file.hpp"
#include "proxy/cli/scenario_layout.hpp"

#include <link.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

namespace sluice::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kHoldsDays = 365;
constexpr std::int64_t kSecondsOfDay = 86'400, kNanos = 1'000'000'000;
constexpr std::int64_t kMonth = 30 * kSecondsOfDay; // before the end they are made anew
constexpr std::size_t kMaxBinary = 512U << 20, kMaxFile = 1U << 20;
constexpr const char* kMadeFile = "made.json";

// A name of the order is one step of a path.
std::string plain_name(Reader at) {
  auto text = at.string().value_or("");
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
  if (!plain || text.starts_with('.')) at.error("expected letters, digits, '-', '_' and '.'");
  return text;
}

Result<> give(const std::string& path, int uid, int gid) {
  if (::lchown(path.c_str(), static_cast<uid_t>(uid), static_cast<gid_t>(gid)) == 0)
    return success();
  return make_error(Origin::config, "file_unwritable", path + ": " + std::strerror(errno));
}

Result<> make_folder(const std::string& path) {
  std::error_code error;
  if (fs::create_directories(path, error); !error) return success();
  return make_error(Origin::config, "file_unwritable", path + ": " + error.message());
}

class Provisioning {
 public:
  Provisioning(const ProvisionOrder& order, const std::string& root, const Clock& clock)
      : order_(order), root_(root), now_(clock.unix_nanos() / kNanos), clock_(clock) {}

  Result<Provisioned> run() {
    for (const std::string& one : order_.storage) {
      if (auto done = lend(root_ + "/storage/" + one); !done) return done.error();
    }
    if (order_.tools) {
      if (auto done = copy_tools(); !done) return done.error();
    }
    if (is_whole()) return Provisioned::kept;
    // While one is without its record, none of them counts.
    for (const ProvisionedUnit& one : order_.units) {
      std::error_code ignored;
      if (auto made = make_folder(keys(one)); !made) return made.error();
      fs::remove(keys(one) + '/' + kMadeFile, ignored);
    }
    if (auto done = make_identities(); !done) return done.error();
    for (const ProvisionedUnit& one : order_.units) {
      if (!one.program) continue; // it opens no TLS of anybody's
      if (auto done = make_authority(one); !done) return done.error();
    }
    return finish();
  }

 private:
  std::string keys(const ProvisionedUnit& of) const { return root_ + "/keys/" + of.name; }
  std::string trust(const ProvisionedUnit& of) const { return root_ + "/trust/" + of.name; }

  // To the program, unless somebody has it already.
  static Result<> lend(const std::string& path) {
    if (auto made = make_folder(path); !made) return made;
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 && status.st_uid != 0) return success();
    return give(path, overlay::kProgramUid, overlay::kProgramUid);
  }

  // All of one making, of this order, and good for some time.
  bool is_whole() const {
    std::string first;
    for (const ProvisionedUnit& one : order_.units) {
      const auto made = evidence::read_file(keys(one) + '/' + kMadeFile, kMaxFile);
      const auto roots = evidence::read_file(keys(one) + "/mesh-ca.pem", kMaxFile);
      const auto record =
          made ? overlay::Json::parse(made.value(), nullptr, false) : overlay::Json();
      if (!roots || !record.is_object() || !record.contains("until")) return false;
      if (first.empty()) first = made.value();
      const bool good = made.value() == first && record.value("order", "") == order_.digest &&
                        record.value("roots", "") == overlay::sha256_text(roots.value()) &&
                        record["until"].is_number_integer() &&
                        record["until"].get<std::int64_t>() - kMonth > now_;
      const bool there = fs::exists(keys(one) + "/identity.pem") &&
                         fs::exists(keys(one) + "/identity.key") &&
                         (!one.program || fs::exists(trust(one) + "/ca-bundle.pem"));
      if (!good || !there) return false;
    }
    return true;
  }

  // The key of their CA is in memory alone; theirs lie in a folder of this process in between.
  Result<> make_identities() {
    SLUICE_TRY(auto&& scratch, RunFolder::make());
    std::vector<certs::NamedIdentity> wanted;
    for (const ProvisionedUnit& one : order_.units) wanted.push_back({one.name, one.id});
    SLUICE_TRY(auto&& minted, certs::mint_identities(scratch.path(), order_.trust_domain, wanted,
                                                     kHoldsDays, clock_));
    SLUICE_TRY(auto&& roots, evidence::read_file(minted.roots_file, kMaxFile));
    roots_ = roots;
    for (std::size_t i = 0; i < minted.all.size(); ++i) {
      const std::string folder = keys(order_.units[i]);
      SLUICE_TRY(auto&& key, evidence::read_file(minted.all[i].key_file, kMaxFile));
      SLUICE_TRY(auto&& leaf, evidence::read_file(minted.all[i].certificate_file, kMaxFile));
      SLUICE_TRY(certs::replace_file(folder + "/identity.key", key, 0600));
      SLUICE_TRY(give_sidecar(folder + "/identity.key"));
      SLUICE_TRY(certs::replace_file(folder + "/identity.pem", leaf, 0644));
      SLUICE_TRY(certs::replace_file(folder + "/mesh-ca.pem", roots_, 0644));
    }
    return success();
  }

  static Result<> give_sidecar(const std::string& path) {
    return give(path, overlay::kSidecarUid, overlay::kSidecarUid);
  }

  // What is left of another one is taken back first: without CAP_DAC_OVERRIDE root is nobody in
  // the folder of somebody else.
  Result<> make_authority(const ProvisionedUnit& of) {
    const std::string folder = keys(of) + "/ca";
    std::error_code error;
    if (fs::exists(folder, error)) {
      SLUICE_TRY(give(folder, 0, 0));
    }
    fs::remove_all(folder, error);
    SLUICE_TRY(auto&& authority, certs::Authority::create(folder, clock_));
    SLUICE_TRY(make_folder(trust(of)));
    SLUICE_TRY(certs::write_trust_bundle(authority, trust(of) + "/ca-bundle.pem"));
    for (const char* file : {"/ca.key", "/ca.pem", ""}) {
      SLUICE_TRY(give_sidecar(folder + file));
    }
    return success();
  }

  Result<Provisioned> finish() {
    const overlay::Json record = {{"order", order_.digest},
                                  {"roots", overlay::sha256_text(roots_)},
                                  {"until", now_ + kHoldsDays * kSecondsOfDay}};
    for (const ProvisionedUnit& one : order_.units) {
      SLUICE_TRY(certs::replace_file(keys(one) + '/' + kMadeFile, record.dump() + '\n', 0644));
    }
    return Provisioned::anew;
  }

  // ---- what starts programs --------------------------------------------------------------------

  // This binary, its loader and its libraries: a program's image may have none of them.
  Result<> copy_tools() const {
    const std::string folder = root_ + "/tools";
    SLUICE_TRY(make_folder(folder));
    std::vector<std::pair<std::string, std::string>> files = {{"/proc/self/exe", "sluice"}};
    ::dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* out) {
          const fs::path path(info->dlpi_name == nullptr ? "" : info->dlpi_name);
          if (!path.is_absolute()) return 0; // ourselves, and what the kernel brings
          const bool loader = info->dlpi_addr == ::getauxval(AT_BASE);
          static_cast<decltype(files)*>(out)->emplace_back(
              path.string(), loader ? "ld.so" : path.filename().string());
          return 0;
        },
        &files);
    for (const auto& [from, name] : files) {
      // Links are followed here: libraries and ourselves are links more often than not.
      std::error_code error;
      const auto real = fs::canonical(from, error);
      if (error) return make_error(Origin::config, "file_unreadable", from);
      SLUICE_TRY(auto&& bytes, evidence::read_file(real.string(), kMaxBinary));
      SLUICE_TRY(certs::replace_file((fs::path(folder) / name).string(), bytes, 0755));
    }
    return success();
  }

  const ProvisionOrder& order_;
  const std::string& root_;
  const std::int64_t now_;
  const Clock& clock_;
  std::string roots_;
};

ProvisionedUnit parse_unit(Reader& at) {
  ProvisionedUnit out;
  out.name = plain_name(at.required("name"));
  out.id = at.required("id").string().value_or("");
  out.program = at.required("program").boolean().value_or(false);
  at.finish();
  return out;
}

} // namespace

std::optional<ProvisionOrder> parse_provision_order(const std::string& text,
                                                    const std::string& file, Diagnostics& out) {
  const auto before = out.size();
  const auto document = overlay::parse_json5(text, file, out);
  if (!document) return std::nullopt;
  Reader root(*document, out);
  ProvisionOrder made;
  made.digest = overlay::sha256_text(text);
  (void)root.required("version").integer(1, 1);
  made.trust_domain = root.required("trust_domain").string().value_or("");
  for (Reader& one : root.required("units").items()) made.units.push_back(parse_unit(one));
  for (Reader& one : root.required("storage").items()) made.storage.push_back(plain_name(one));
  made.tools = root.required("tools").boolean().value_or(false);
  root.finish();
  if (out.size() != before) return std::nullopt;
  return made;
}

Result<Provisioned> provision(const ProvisionOrder& order, const std::string& root,
                              const Clock& clock) {
  return Provisioning(order, root, clock).run();
}

} // namespace sluice::cli
