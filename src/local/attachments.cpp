#include "local/attachments.h"

#include "local/random_id.h"

namespace braintrust::local {

// `body` is last, so that reading the other columns skips the pages it overflows to.
const char* const attachments_schema = R"(
  CREATE TABLE IF NOT EXISTS attachments (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    token TEXT NOT NULL,
    begun INTEGER NOT NULL,
    filename TEXT NOT NULL,
    content_type TEXT NOT NULL,
    status TEXT NOT NULL,
    error TEXT NOT NULL DEFAULT '',
    size INTEGER,
    body BLOB);
)";

std::string begin_attachment(Database& database, std::string_view key, std::string_view filename, std::string_view content_type,
                             std::int64_t now) {
  const std::string token = random_hex(16);
  Statement add(
      database,
      "INSERT INTO attachments (key, token, begun, filename, content_type, status) VALUES (?, ?, ?, ?, ?, 'uploading') "
      "ON CONFLICT (key) DO UPDATE SET filename = excluded.filename, content_type = excluded.content_type "
      "RETURNING token");
  add.bind(1, key).bind(2, token).bind(3, now).bind(4, filename).bind(5, content_type).step();
  return std::string(add.text(0));
}

bool put_attachment(Database& database, std::string_view key, std::string_view token, std::string_view bytes,
                    std::int64_t most_bytes) {
  Transaction transaction(database);
  Statement put(database, "UPDATE attachments SET body = ?, size = ? WHERE key = ? AND token = ?");
  put.bind_blob(1, bytes).bind(2, static_cast<std::int64_t>(bytes.size())).bind(3, key).bind(4, token).run();
  if (database.changes() == 0) return false;
  // Those from which on, the newest first, there is more than may be. The one that was just put stays.
  Statement trim(database,
                 "DELETE FROM attachments WHERE key <> ?1 AND number IN (SELECT number FROM (SELECT number, "
                 "sum(coalesce(size, 0)) OVER (ORDER BY number DESC) AS total FROM attachments) WHERE total > ?2)");
  trim.bind(1, key).bind(2, most_bytes).run();
  transaction.commit();
  return true;
}

bool report_attachment(Database& database, std::string_view key, std::string_view status, std::string_view error) {
  Statement report(database, "UPDATE attachments SET status = ?, error = ? WHERE key = ?");
  report.bind(1, status).bind(2, error).bind(3, key).run();
  return database.changes() > 0;
}

std::optional<StoredAttachment> find_attachment(Database& database, std::string_view key) {
  Statement find(database, "SELECT filename, content_type, status, error, token, size FROM attachments WHERE key = ?");
  if (!find.bind(1, key).step()) return std::nullopt;
  StoredAttachment found;
  found.key = key;
  found.filename = find.text(0);
  found.content_type = find.text(1);
  found.status = find.text(2);
  found.error = find.text(3);
  found.token = find.text(4);
  if (!find.is_null(5)) found.size = static_cast<std::size_t>(find.number(5));
  return found;
}

std::optional<std::string> attachment_bytes(Database& database, std::string_view key) {
  Statement find(database, "SELECT body FROM attachments WHERE key = ? AND size IS NOT NULL");
  if (!find.bind(1, key).step()) return std::nullopt;
  return std::string(find.blob(0));
}

}  // namespace braintrust::local
