// Redirects calls by writing to the slots through which one loaded object calls another ("GOT"): no order of linking or loading
// matters, libraries that were opened RTLD_LOCAL or RTLD_DEEPBIND are reached, and libcurl's calls of itself are not.

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>

#include "auto/curl_entries.h"
#include "auto/curl_wrap.h"
#include "auto/dynamic_loader.h"
#include "auto/elf_object.h"
#include "auto/redirect.h"
#include "instrument/curl_functions.h"

namespace braintrust::automatic {
namespace {

using instrument::CurlFunctions;

// What the dynamic linker counts: loads and unloads so far.
struct Changes {
  unsigned long long loads = 0;
  unsigned long long unloads = 0;
  bool operator==(const Changes&) const = default;
};

Changes changes_so_far() {
  Changes changes;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* out) {
        *static_cast<Changes*>(out) = {info->dlpi_adds, info->dlpi_subs};
        return 1;
      },
      &changes);
  return changes;
}

// An object that defines libcurl's functions. It stays loaded from now on: our tables point into it.
struct Library {
  ElfObject object;
  CurlFunctions curl;
  void* handle;
};

// What was seen of an object in one pass, while the dynamic linker kept it in place.
struct Sight {
  ElfObject object;
  bool is_library = false;
};

std::optional<CurlFunctions> curl_of(const ElfObject& object) {
  CurlFunctions curl;
  for (std::size_t i = 0; i < hooked_names.size(); ++i) {
    void* const function = object.defined(hooked_names[i]);
    if (function == nullptr) return std::nullopt;
    set_hooked_function(curl, i, reinterpret_cast<AnyFunction>(function));
  }
  const auto fill = [&](auto& field, const char* name) {
    field = reinterpret_cast<std::remove_reference_t<decltype(field)>>(object.defined(name));
  };
  fill(curl.easy_getinfo, "curl_easy_getinfo");
  fill(curl.easy_strerror, "curl_easy_strerror");
  fill(curl.url_get, "curl_url_get");
  fill(curl.free, "curl_free");
  if (curl.easy_getinfo == nullptr || curl.easy_strerror == nullptr) return std::nullopt;
  return curl;
}

// The object, held so that nobody unloads it; null when it is gone.
class Held {
 public:
  explicit Held(const ElfObject& object)
      : handle_(::dlopen(object.path().empty() ? nullptr : object.path().c_str(), RTLD_LAZY | RTLD_NOLOAD)) {
    link_map* map = nullptr;
    if (handle_ == nullptr || ::dlinfo(handle_, RTLD_DI_LINKMAP, &map) != 0) return;
    is_it_ = map->l_addr == object.base();
  }
  Held(Held&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)), is_it_(other.is_it_) {}
  Held& operator=(Held&&) = delete;
  ~Held() {
    if (handle_ != nullptr) ::dlclose(handle_);
  }
  explicit operator bool() const { return is_it_; }
  void* get() const { return handle_; }
  void* keep() { return std::exchange(handle_, nullptr); }

 private:
  void* handle_;
  bool is_it_ = false;
};

class Redirector {
 public:
  // Never waits for another thread: that one may wait for the dynamic linker, which this thread may be in the midst of. Whoever
  // is looking looks once more instead.
  void look() noexcept {
    if (wanted_.fetch_add(1, std::memory_order_acq_rel) != 0) return;
    int seen = 0;
    do {
      seen = wanted_.load(std::memory_order_acquire);
      try {
        look_once();
      } catch (const std::exception&) {  // out of memory: next time
      }
    } while (wanted_.fetch_sub(seen, std::memory_order_acq_rel) != seen);
  }

  void look_if_changed() noexcept {
    const Changes now = changes_so_far();
    if (now.loads == loads_.load(std::memory_order_relaxed) && now.unloads == unloads_.load(std::memory_order_relaxed)) return;
    look();
  }

  AutoResult result() {
    const std::lock_guard lock(mutex_);
    AutoResult result{.supported = true, .calls = calls_, .problem = problem_};
    for (const Library& library : libraries_) result.libraries.push_back(library.object.path());
    return result;
  }

  std::vector<void*> handles() {
    const std::lock_guard lock(mutex_);
    std::vector<void*> handles;
    for (const Library& library : libraries_) handles.push_back(library.handle);
    return handles;
  }

  // The entry that leads to `function`, if it is one that is hooked of a libcurl.
  void* entry_for(std::string_view name, void* function) noexcept {
    const std::size_t index = hooked_index(name);
    if (index == hooked_names.size()) return nullptr;
    const std::lock_guard lock(mutex_);
    const Library* const library = library_with(function);
    if (library == nullptr || reinterpret_cast<void*>(hooked_function(library->curl, index)) != function) return nullptr;
    const CurlEntries* const entries = find_or_add_curl(library->curl);
    return entries != nullptr ? reinterpret_cast<void*>((*entries)[index]) : nullptr;
  }

 private:
  enum class State {
    done,
    waits,        // for a libcurl that is not there yet
    half_loaded,  // another thread is at it
  };

  void look_once() {
    const Changes now = changes_so_far();
    if (now.unloads != unloads_.load(std::memory_order_relaxed)) done_.clear();  // something else may be loaded in a place
    std::vector<Sight> sights;
    struct Pass {
      Redirector& self;
      std::vector<Sight>& sights;
    } pass{*this, sights};
    ::dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* context) {
          auto& [self, found] = *static_cast<Pass*>(context);
          if (self.is_done(info->dlpi_addr, info->dlpi_phdr)) return 0;
          try {
            Sight sight{ElfObject(*info)};
            sight.is_library = sight.object.defined("curl_easy_perform") != nullptr;
            found.push_back(std::move(sight));
            return 0;
          } catch (const std::exception&) {  // out of memory; nothing may leave the dynamic linker
            return 1;
          }
        },
        &pass);
    for (const Sight& sight : sights) {
      if (sight.is_library) add_library(sight.object);
    }
    bool look_again = false;
    for (const Sight& sight : sights) {
      Held held(sight.object);
      if (!held) continue;
      const State state = redirect(sight, held.get());
      if (state == State::done) done_.push_back({sight.object.base(), sight.object.segments()});
      look_again |= state == State::half_loaded;
    }
    unloads_.store(now.unloads, std::memory_order_relaxed);
    if (!look_again) loads_.store(now.loads, std::memory_order_relaxed);
  }

  bool is_done(std::uintptr_t base, const void* segments) const {
    return std::find(done_.begin(), done_.end(), std::pair(base, segments)) != done_.end();
  }

  void add_library(const ElfObject& object) {
    {
      const std::lock_guard lock(mutex_);
      const bool known = std::any_of(libraries_.begin(), libraries_.end(),
                                     [&](const Library& one) { return one.object.base() == object.base(); });
      if (known) return;
    }
    Held held(object);
    if (!held) return;
    const auto curl = curl_of(object);
    const std::lock_guard lock(mutex_);
    if (!curl) {
      problem_ = object.path() + " has not all functions of libcurl";
      return;
    }
    libraries_.push_back({object, *curl, held.keep()});
  }

  // Writes the slots of one object. Reads `libraries_` without the lock: only the thread that looks changes it, and it must not
  // hold the lock when it asks the dynamic linker, which may be waiting for it.
  State redirect(const Sight& sight, void* handle) {
    const ElfObject& object = sight.object;
    bool half_loaded = false;
    std::vector<Slot> curl_slots;
    for (const Slot& slot : object.slots({"curl_", "dlopen", "dlsym"})) {
      if (slot.name == "dlopen" || slot.name == "dlsym") {
        half_loaded |= redirect_loader(object, slot) == State::half_loaded;
      } else if (hooked_index(slot.name) < hooked_names.size()) {
        curl_slots.push_back(slot);
      }
    }
    // libcurl's calls of itself are its own affair; so are those of a program whose linker has led them to us already.
    const bool ours = object.contains(reinterpret_cast<const void*>(&curl_wrap_is_linked)) && curl_wrap_is_linked();
    const State state =
        curl_slots.empty() || sight.is_library || ours ? State::done : redirect_curl_of(object, curl_slots, handle);
    return half_loaded ? State::half_loaded : state;
  }

  State redirect_curl_of(const ElfObject& object, const std::vector<Slot>& slots, void* handle) {
    const Library* const library = library_of(slots, handle);
    if (library == nullptr) return State::waits;
    CurlFunctions curl = library->curl;
    std::vector<Slot> to_write;
    for (const Slot& slot : slots) {
      void* const value = __atomic_load_n(slot.place, __ATOMIC_ACQUIRE);
      const auto function = reinterpret_cast<AnyFunction>(value);
      const std::size_t index = hooked_index(slot.name);
      if (is_entry(function)) continue;
      const bool resolved = function == hooked_function(library->curl, index);
      if (!resolved && slot.kind == Slot::Kind::data) continue;
      if (!resolved && !object.contains(value)) {
        // Leads neither to libcurl nor, not looked up yet, into the object itself: to another tool, which is respected, or
        // nowhere, because the dynamic linker has not come by.
        if (!is_code(value)) return State::half_loaded;
        set_hooked_function(curl, index, function);
      }
      to_write.push_back(slot);
    }
    if (to_write.empty()) return State::done;
    const std::lock_guard lock(mutex_);
    const CurlEntries* const entries = find_or_add_curl(curl);
    if (entries == nullptr) {
      problem_ = "too many different libcurls in one process";
      return State::done;
    }
    for (const Slot& slot : to_write) {
      write(object, slot, reinterpret_cast<void*>((*entries)[hooked_index(slot.name)]));
    }
    return State::done;
  }

  State redirect_loader(const ElfObject& object, const Slot& slot) {
    const DynamicLoader& loader = dynamic_loader();
    if (loader.open == nullptr || slot.kind == Slot::Kind::data) return State::done;
    const bool opens = slot.name == "dlopen";
    void* const real = opens ? reinterpret_cast<void*>(loader.open) : reinterpret_cast<void*>(loader.symbol);
    void* const entry = opens ? dlopen_entry() : dlsym_entry();
    void* const value = __atomic_load_n(slot.place, __ATOMIC_ACQUIRE);
    if (value == entry) return State::done;
    if (value == real || (slot.kind == Slot::Kind::call && object.contains(value))) {
      const std::lock_guard lock(mutex_);
      write(object, slot, entry);
      return State::done;
    }
    return is_code(value) ? State::done : State::half_loaded;
  }

  void write(const ElfObject& object, const Slot& slot, void* value) {
    if (object.write(slot.place, value)) {
      if (slot.name.starts_with("curl_")) ++calls_;
    } else {
      problem_ = "the system does not permit to redirect calls of " + (object.path().empty() ? "the program" : object.path());
    }
  }

  const Library* library_with(const void* address) const {
    const auto found =
        std::find_if(libraries_.begin(), libraries_.end(), [&](const Library& one) { return one.object.contains(address); });
    return found != libraries_.end() ? &*found : nullptr;
  }

  // The libcurl that an object's calls go to.
  const Library* library_of(const std::vector<Slot>& slots, void* handle) const {
    if (libraries_.size() <= 1) return libraries_.empty() ? nullptr : &libraries_.front();
    for (const Slot& slot : slots) {
      if (slot.kind == Slot::Kind::data) continue;
      if (const Library* const library = library_with(__atomic_load_n(slot.place, __ATOMIC_ACQUIRE))) return library;
    }
    // None was called yet. What the dynamic linker will find: by version where there are versions, in the scope of all first.
    for (const Slot& slot : slots) {
      for (void* const scope : {static_cast<void*>(RTLD_DEFAULT), handle}) {
        const std::string name(slot.name), version(slot.version);
        void* function = version.empty() ? symbol_of(scope, name.c_str()) : ::dlvsym(scope, name.c_str(), version.c_str());
        if (const Library* const library = library_with(function)) return library;
      }
    }
    // A library without versions does for those who ask for one.
    for (const Slot& slot : slots) {
      for (void* const scope : {static_cast<void*>(RTLD_DEFAULT), handle}) {
        if (const Library* const library = library_with(symbol_of(scope, std::string(slot.name).c_str()))) return library;
      }
    }
    return nullptr;
  }

  static bool is_code(const void* address) {
    Dl_info info;
    return address != nullptr && ::dladdr(address, &info) != 0;
  }

  std::atomic<int> wanted_ = 0;
  std::atomic<unsigned long long> loads_ = 0;
  std::atomic<unsigned long long> unloads_ = 0;
  std::vector<std::pair<std::uintptr_t, const void*>> done_;  // of the thread that looks

  std::mutex mutex_;  // of what follows; never held while the dynamic linker is asked
  std::vector<Library> libraries_;
  std::size_t calls_ = 0;
  std::string problem_;
};

// Never freed: redirected calls come until the very end.
Redirector& redirector() {
  static Redirector* const instance = new Redirector;
  return *instance;
}

// The object this code is in must stay, whoever closes it.
void stay_loaded() {
  Dl_info info;
  if (::dladdr(reinterpret_cast<const void*>(&stay_loaded), &info) == 0 || info.dli_fname == nullptr) return;
  ::dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

}  // namespace

AutoResult redirect_curl() {
  static const bool stays = (dynamic_loader(), stay_loaded(), true);
  static_cast<void>(stays);
  redirector().look();
  return redirector().result();
}

std::vector<void*> curl_libraries() { return redirector().handles(); }

void look_at_new_objects() noexcept { redirector().look_if_changed(); }

void* instead_of_symbol(void* library, const char* name) noexcept {
  if (name == nullptr || library == RTLD_NEXT || !std::string_view(name).starts_with("curl_")) return nullptr;
  void* const function = symbol_of(library, name);
  return function != nullptr ? redirector().entry_for(name, function) : nullptr;
}

}  // namespace braintrust::automatic
