#pragma once

// `ElfObject`: one loaded program or library, as the dynamic linker sees it: what it defines, and the slots through which it
// calls others.
//
// Made from what dl_iterate_phdr tells, by reading the object's own tables in memory. 64-bit ELF with RELA relocations: Linux
// on x86-64 and aarch64.
//
// Threads: a plain value; the object must stay loaded. Errors: an object without the tables it needs has nothing.
// Source: the System V ABI; its supplements for both processors; GNU's hash table and symbol versions.

#include <elf.h>
#include <link.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace braintrust::automatic {

// A pointer to a function of another object. `version`: of the symbol it asks for, blank for none.
struct Slot {
  enum class Kind {
    call,     // may not be looked up yet, and then leads to the dynamic linker by way of the object's own code
    address,  // is the linker's alone
    data,     // is a variable of the program's, which may have assigned something else meanwhile
  };
  void** place;
  std::string_view name;
  std::string_view version;
  Kind kind;
};

class ElfObject {
 public:
  explicit ElfObject(const dl_phdr_info& info);

  const std::string& path() const noexcept { return path_; }  // blank: the program itself
  std::uintptr_t base() const noexcept { return base_; }
  const void* segments() const noexcept { return segments_; }
  bool contains(const void* address) const noexcept;

  // The function's address if it is defined here, else null. Of several versions the default one.
  void* defined(std::string_view name) const noexcept;
  // The slots of functions whose name begins with one of `prefixes`.
  std::vector<Slot> slots(std::initializer_list<std::string_view> prefixes) const;

  // Writes a slot of this object, whose page may be read-only by now. False if the system forbids it.
  bool write(void** place, void* value) const noexcept;

 private:
  std::uintptr_t address(std::uintptr_t value) const noexcept { return value < base_ ? value + base_ : value; }
  std::string_view version_of(std::size_t symbol) const noexcept;
  void add_slots(const ElfW(Rela) * first, std::size_t size, std::initializer_list<std::string_view> prefixes,
                 std::vector<Slot>& slots) const;

  std::string path_;
  std::uintptr_t base_ = 0;
  const ElfW(Phdr) * segments_ = nullptr;
  std::size_t segment_count_ = 0;

  const ElfW(Sym) * symbols_ = nullptr;
  const char* strings_ = nullptr;
  const std::uint32_t* gnu_hash_ = nullptr;
  const std::uint32_t* hash_ = nullptr;
  const ElfW(Half) * versions_ = nullptr;
  const char* needed_versions_ = nullptr;
  std::size_t needed_version_count_ = 0;
  const ElfW(Rela) * plt_relocations_ = nullptr;
  std::size_t plt_relocation_bytes_ = 0;
  const ElfW(Rela) * relocations_ = nullptr;
  std::size_t relocation_bytes_ = 0;
};

}  // namespace braintrust::automatic
