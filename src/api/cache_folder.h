#pragma once

// A folder of small files that several processes write and read at the same time: the disk's part of a cache.
//
// A file comes into being whole or not at all (written beside its place, then renamed), and is its owner's alone (0600; the
// folder 0700 where it is made here). Files of other users are not read. When there are too many, those go first that were
// written or read longest ago.
//
// Threads, processes: any number. Errors: none; what cannot be kept is not kept. Units: bytes.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace braintrust::detail {

class CacheFolder {
 public:
  CacheFolder(std::string path, std::size_t most_files) : path_(std::move(path)), most_files_(most_files) {}

  // `name` is a plain file name.
  std::optional<std::string> read(const std::string& name, std::size_t most_bytes) const;
  bool write(const std::string& name, std::string_view bytes) const;
  void remove(const std::string& name) const;

 private:
  void make() const;
  void make_room() const;

  const std::string path_;
  const std::size_t most_files_;
};

}  // namespace braintrust::detail
