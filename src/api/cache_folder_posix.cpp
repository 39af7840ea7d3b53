#include "api/cache_folder.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace braintrust::detail {
namespace {

constexpr std::string_view unfinished = ".part-";
constexpr std::time_t abandoned_after = 3600;  // seconds: a file that a dead process left unfinished

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() { close(); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  explicit operator bool() const { return descriptor_ >= 0; }
  int descriptor() const { return descriptor_; }
  bool close() { return descriptor_ < 0 || ::close(std::exchange(descriptor_, -1)) == 0; }

 private:
  int descriptor_;
};

bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

std::optional<std::string> read_all(int descriptor, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t had = 0;
  while (had < size) {
    const ssize_t got = ::read(descriptor, bytes.data() + had, size - had);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    had += static_cast<std::size_t>(got);
  }
  return bytes;
}

}  // namespace

std::optional<std::string> CacheFolder::read(const std::string& name, std::size_t most_bytes) const {
  // Without waiting, should somebody have put a pipe there.
  const File file(::open((path_ + "/" + name).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat facts = {};
  if (!file || ::fstat(file.descriptor(), &facts) != 0) return std::nullopt;
  if (!S_ISREG(facts.st_mode) || facts.st_uid != ::geteuid()) return std::nullopt;
  if (static_cast<std::size_t>(facts.st_size) > most_bytes) return std::nullopt;
  auto bytes = read_all(file.descriptor(), static_cast<std::size_t>(facts.st_size));
  ::futimens(file.descriptor(), nullptr);  // now: what is used stays
  return bytes;
}

bool CacheFolder::write(const std::string& name, std::string_view bytes) const {
  static std::atomic<unsigned> count = 0;
  make();
  const std::string beside = fmt::format("{}/{}{}-{}", path_, unfinished, ::getpid(), count.fetch_add(1));
  File file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
  if (!file) return false;
  const bool whole = write_all(file.descriptor(), bytes) && file.close();
  if (!whole || ::rename(beside.c_str(), (path_ + "/" + name).c_str()) != 0) {
    ::unlink(beside.c_str());
    return false;
  }
  make_room();
  return true;
}

void CacheFolder::remove(const std::string& name) const { ::unlink((path_ + "/" + name).c_str()); }

void CacheFolder::make() const {
  for (std::size_t slash = path_.find('/', 1); slash != std::string::npos; slash = path_.find('/', slash + 1)) {
    ::mkdir(path_.substr(0, slash).c_str(), S_IRWXU);
  }
  ::mkdir(path_.c_str(), S_IRWXU);
}

void CacheFolder::make_room() const {
  DIR* const folder = ::opendir(path_.c_str());
  if (folder == nullptr) return;
  std::vector<std::string> names;
  while (const dirent* const entry = ::readdir(folder)) {
    const std::string_view name = entry->d_name;
    struct stat facts = {};
    if (!name.starts_with('.')) {
      names.emplace_back(name);
    } else if (name.starts_with(unfinished) && ::stat((path_ + "/" + entry->d_name).c_str(), &facts) == 0 &&
               facts.st_mtime + abandoned_after < std::time(nullptr)) {
      remove(entry->d_name);
    }
  }
  ::closedir(folder);
  if (names.size() <= most_files_) return;

  using Age = std::pair<std::pair<std::time_t, long>, std::string>;
  std::vector<Age> ages;
  for (std::string& name : names) {
    struct stat facts = {};
    if (::lstat((path_ + "/" + name).c_str(), &facts) != 0 || !S_ISREG(facts.st_mode)) continue;
#if defined(__APPLE__)
    const timespec& time = facts.st_mtimespec;
#else
    const timespec& time = facts.st_mtim;
#endif
    ages.push_back({{time.tv_sec, time.tv_nsec}, std::move(name)});
  }
  std::sort(ages.begin(), ages.end());
  for (std::size_t i = 0; i + most_files_ < ages.size(); ++i) remove(ages[i].second);
}

}  // namespace braintrust::detail
