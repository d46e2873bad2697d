#include "policy/evidence/database.hpp"

#include "policy/evidence/file.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sqlite3.h>

namespace sluice::evidence {
namespace {

constexpr int kBusyMilliseconds = 1000;

Error failure(sqlite3* database, int code) {
  std::string said = database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code);
  const char* name = "index_corrupt";
  switch (code & 0xff) {
  case SQLITE_BUSY:
  case SQLITE_LOCKED: name = "index_busy"; break;
  case SQLITE_READONLY:
  case SQLITE_PERM:
  case SQLITE_AUTH:
  case SQLITE_CANTOPEN:
  case SQLITE_IOERR:
  case SQLITE_NOMEM:
  case SQLITE_FULL: name = "index_readonly"; break;
  default: break;
  }
  return make_error(Origin::evidence, name, std::move(said));
}

} // namespace

void Statement::Close::operator()(sqlite3_stmt* statement) const noexcept {
  sqlite3_finalize(statement);
}

void Statement::bind(int at, std::int64_t value) noexcept {
  sqlite3_bind_int64(statement_.get(), at, value);
}

void Statement::bind(int at, std::string_view text) noexcept {
  sqlite3_bind_text64(statement_.get(), at, text.data(), text.size(), SQLITE_TRANSIENT,
                      SQLITE_UTF8);
}

void Statement::bind_blob(int at, std::string_view bytes) noexcept {
  sqlite3_bind_blob64(statement_.get(), at, bytes.data(), bytes.size(), SQLITE_TRANSIENT);
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return failure(sqlite3_db_handle(statement_.get()), code);
}

Result<> Statement::run() {
  SLUICE_TRY(const bool row, step());
  static_cast<void>(row);
  reset();
  return success();
}

void Statement::reset() noexcept {
  sqlite3_reset(statement_.get());
}

std::int64_t Statement::integer(int column) const noexcept {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::text(int column) const noexcept {
  const void* bytes = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  if (bytes == nullptr) return {};
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

void Database::Close::operator()(sqlite3* database) const noexcept {
  sqlite3_close_v2(database);
}

Result<Database> Database::open(const std::string& path, Mode mode) {
  if (mode == Mode::create) {
    // SQLite would make it with the permissions of the umask.
    const UniqueFd made = open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (!made.valid()) {
      return make_error(Origin::evidence, "index_readonly",
                        file_error("create", path, errno).detail);
    }
  }
  sqlite3* opened = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &opened, flags, nullptr);
  Database database;
  database.database_.reset(opened);
  if (code != SQLITE_OK) return failure(opened, code);
  sqlite3_extended_result_codes(opened, 0);
  sqlite3_busy_timeout(opened, kBusyMilliseconds);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
  sqlite3_db_config(opened, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
  SLUICE_TRY(database.run("PRAGMA trusted_schema=OFF"));
  SLUICE_TRY(database.run("PRAGMA cell_size_check=ON"));
  SLUICE_TRY(database.run("PRAGMA temp_store=MEMORY"));
  SLUICE_TRY(database.run("PRAGMA synchronous=NORMAL"));
  SLUICE_TRY(database.run("PRAGMA cache_size=-16384")); // KiB
  return database;
}

Result<> Database::run(const char* sql) {
  const int code = sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failure(database_.get(), code);
  return success();
}

Result<Statement> Database::prepare(const char* sql) {
  sqlite3_stmt* made = nullptr;
  const int code = sqlite3_prepare_v2(database_.get(), sql, -1, &made, nullptr);
  if (code != SQLITE_OK) return failure(database_.get(), code);
  Statement statement;
  statement.statement_.reset(made);
  return statement;
}

Result<std::string> Database::schema() {
  SLUICE_TRY(Statement rows, prepare("SELECT sql FROM sqlite_schema ORDER BY name"));
  std::string all;
  while (true) {
    SLUICE_TRY(const bool row, rows.step());
    if (!row) return all;
    all.append(rows.text(0)).append(1, '\n');
  }
}

} // namespace sluice::evidence
