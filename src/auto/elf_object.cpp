#include "auto/elf_object.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

namespace braintrust::automatic {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t jump_slot = R_X86_64_JUMP_SLOT;
constexpr std::uint32_t global_data = R_X86_64_GLOB_DAT;
constexpr std::uint32_t absolute = R_X86_64_64;
#elif defined(__aarch64__)
constexpr std::uint32_t jump_slot = R_AARCH64_JUMP_SLOT;
constexpr std::uint32_t global_data = R_AARCH64_GLOB_DAT;
constexpr std::uint32_t absolute = R_AARCH64_ABS64;
#else
#error "patching slots is written for x86-64 and aarch64"
#endif

constexpr ElfW(Half) hidden_version = 0x8000;

std::uint32_t gnu_hash_of(std::string_view name) {
  std::uint32_t hash = 5381;
  for (const unsigned char c : name) hash = hash * 33 + c;
  return hash;
}

std::uint32_t hash_of(std::string_view name) {
  std::uint32_t hash = 0;
  for (const unsigned char c : name) {
    hash = (hash << 4) + c;
    const std::uint32_t high = hash & 0xF000'0000U;
    hash ^= high >> 24;
    hash &= ~high;
  }
  return hash;
}

std::uintptr_t page_down(std::uintptr_t address) {
  static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  return address & ~(page - 1);
}

}  // namespace

ElfObject::ElfObject(const dl_phdr_info& info)
    : path_(info.dlpi_name != nullptr ? info.dlpi_name : ""),
      base_(info.dlpi_addr),
      segments_(info.dlpi_phdr),
      segment_count_(info.dlpi_phnum) {
  const ElfW(Dyn)* entry = nullptr;
  for (std::size_t i = 0; i < segment_count_; ++i) {
    if (segments_[i].p_type == PT_DYNAMIC) entry = reinterpret_cast<const ElfW(Dyn)*>(base_ + segments_[i].p_vaddr);
  }
  if (entry == nullptr) return;
  std::uintptr_t plt_relocations = 0;
  bool plt_with_addends = true;
  for (; entry->d_tag != DT_NULL; ++entry) {
    // The linker has added the base to addresses already; where it has not (the kernel's own object), `address` does.
    const std::uintptr_t value = entry->d_un.d_val;
    switch (entry->d_tag) {
      case DT_SYMTAB:
        symbols_ = reinterpret_cast<const ElfW(Sym)*>(address(value));
        break;
      case DT_STRTAB:
        strings_ = reinterpret_cast<const char*>(address(value));
        break;
      case DT_GNU_HASH:
        gnu_hash_ = reinterpret_cast<const std::uint32_t*>(address(value));
        break;
      case DT_HASH:
        hash_ = reinterpret_cast<const std::uint32_t*>(address(value));
        break;
      case DT_VERSYM:
        versions_ = reinterpret_cast<const ElfW(Half)*>(address(value));
        break;
      case DT_VERNEED:
        needed_versions_ = reinterpret_cast<const char*>(address(value));
        break;
      case DT_VERNEEDNUM:
        needed_version_count_ = value;
        break;
      case DT_JMPREL:
        plt_relocations = address(value);
        break;
      case DT_PLTRELSZ:
        plt_relocation_bytes_ = value;
        break;
      case DT_PLTREL:
        plt_with_addends = value == DT_RELA;
        break;
      case DT_RELA:
        relocations_ = reinterpret_cast<const ElfW(Rela)*>(address(value));
        break;
      case DT_RELASZ:
        relocation_bytes_ = value;
        break;
      default:
        break;
    }
  }
  if (plt_with_addends) plt_relocations_ = reinterpret_cast<const ElfW(Rela)*>(plt_relocations);
}

bool ElfObject::contains(const void* pointer) const noexcept {
  const auto value = reinterpret_cast<std::uintptr_t>(pointer);
  return std::any_of(segments_, segments_ + segment_count_, [&](const ElfW(Phdr) & segment) {
    return segment.p_type == PT_LOAD && value >= base_ + segment.p_vaddr && value < base_ + segment.p_vaddr + segment.p_memsz;
  });
}

void* ElfObject::defined(std::string_view name) const noexcept {
  if (symbols_ == nullptr || strings_ == nullptr) return nullptr;
  void* found = nullptr;
  const auto matches = [&](std::size_t index) {
    const ElfW(Sym)& symbol = symbols_[index];
    if (symbol.st_shndx == SHN_UNDEF || symbol.st_value == 0 || ELF64_ST_TYPE(symbol.st_info) != STT_FUNC) return false;
    if (name != strings_ + symbol.st_name) return false;
    if (found == nullptr || versions_ == nullptr || (versions_[index] & hidden_version) == 0) {
      found = reinterpret_cast<void*>(base_ + symbol.st_value);
    }
    return versions_ == nullptr || (versions_[index] & hidden_version) == 0;
  };
  if (gnu_hash_ != nullptr) {
    const std::uint32_t buckets = gnu_hash_[0], first = gnu_hash_[1], bloom_words = gnu_hash_[2], bloom_shift = gnu_hash_[3];
    const auto* const bloom = reinterpret_cast<const ElfW(Addr)*>(gnu_hash_ + 4);
    const auto* const bucket = reinterpret_cast<const std::uint32_t*>(bloom + bloom_words);
    const std::uint32_t* const chain = bucket + buckets;
    if (buckets == 0 || bloom_words == 0) return nullptr;
    const std::uint32_t hash = gnu_hash_of(name);
    const ElfW(Addr) word = bloom[hash / 64 % bloom_words];
    if ((word >> (hash % 64) & word >> ((hash >> bloom_shift) % 64) & 1) == 0) return nullptr;
    std::uint32_t index = bucket[hash % buckets];
    if (index < first) return nullptr;
    for (;; ++index) {
      const std::uint32_t entry = chain[index - first];
      if ((entry | 1U) == (hash | 1U) && matches(index)) break;
      if ((entry & 1U) != 0) break;
    }
  } else if (hash_ != nullptr && hash_[0] != 0) {
    const std::uint32_t buckets = hash_[0];
    for (std::uint32_t index = hash_[2 + hash_of(name) % buckets]; index != 0; index = hash_[2 + buckets + index]) {
      if (matches(index)) break;
    }
  }
  return found;
}

std::string_view ElfObject::version_of(std::size_t symbol) const noexcept {
  if (versions_ == nullptr || needed_versions_ == nullptr) return {};
  const unsigned wanted = versions_[symbol] & ~unsigned{hidden_version};
  const char* file = needed_versions_;
  for (std::size_t i = 0; i < needed_version_count_; ++i) {
    const auto& need = *reinterpret_cast<const ElfW(Verneed)*>(file);
    const char* entry = file + need.vn_aux;
    for (unsigned j = 0; j < need.vn_cnt; ++j) {
      const auto& version = *reinterpret_cast<const ElfW(Vernaux)*>(entry);
      if (version.vna_other == wanted) return strings_ + version.vna_name;
      entry += version.vna_next;
    }
    file += need.vn_next;
  }
  return {};
}

void ElfObject::add_slots(const ElfW(Rela) * first, std::size_t size, std::initializer_list<std::string_view> prefixes,
                          std::vector<Slot>& slots) const {
  if (first == nullptr || symbols_ == nullptr || strings_ == nullptr) return;
  for (std::size_t i = 0; i < size / sizeof *first; ++i) {
    const std::uint32_t type = ELF64_R_TYPE(first[i].r_info);
    const std::size_t index = ELF64_R_SYM(first[i].r_info);
    if (index == 0) continue;
    if (type != jump_slot && type != global_data && !(type == absolute && first[i].r_addend == 0)) continue;
    const std::string_view name = strings_ + symbols_[index].st_name;
    const bool wanted =
        std::any_of(prefixes.begin(), prefixes.end(), [&](std::string_view one) { return name.starts_with(one); });
    if (!wanted) continue;
    const Slot::Kind kind = type == jump_slot ? Slot::Kind::call : type == global_data ? Slot::Kind::address : Slot::Kind::data;
    slots.push_back({reinterpret_cast<void**>(base_ + first[i].r_offset), name, version_of(index), kind});
  }
}

std::vector<Slot> ElfObject::slots(std::initializer_list<std::string_view> prefixes) const {
  std::vector<Slot> slots;
  add_slots(plt_relocations_, plt_relocation_bytes_, prefixes, slots);
  add_slots(relocations_, relocation_bytes_, prefixes, slots);
  return slots;
}

bool ElfObject::write(void** place, void* value) const noexcept {
  const auto at = reinterpret_cast<std::uintptr_t>(place);
  bool writable = false;
  bool sealed = false;
  for (std::size_t i = 0; i < segment_count_; ++i) {
    const ElfW(Phdr)& segment = segments_[i];
    const std::uintptr_t begin = base_ + segment.p_vaddr, end = begin + segment.p_memsz;
    if (segment.p_type == PT_LOAD && at >= begin && at < end) writable = (segment.p_flags & PF_W) != 0;
    // The linker makes whole pages read-only when it has filled them in: those that lie in here, both ends rounded down.
    if (segment.p_type == PT_GNU_RELRO && at >= page_down(begin) && at < page_down(end)) sealed = true;
  }
  if (!writable) return false;
  void* const page = reinterpret_cast<void*>(page_down(at));
  const std::size_t length = at - page_down(at) + sizeof(void*);
  if (sealed && ::mprotect(page, length, PROT_READ | PROT_WRITE) != 0) return false;
  __atomic_store_n(place, value, __ATOMIC_RELEASE);
  if (sealed) ::mprotect(page, length, PROT_READ);
  return true;
}

}  // namespace braintrust::automatic
