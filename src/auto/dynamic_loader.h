#pragma once

// dlopen and dlsym as programs call them, with a look at what was loaded before they do their work.
//
// Both look at who calls them (search paths, RTLD_NEXT), so the entries jump to the real ones instead of calling them: the real
// one sees the program's own return address. Hence what a dlopen brings is looked at with the next call of either; a program
// that loads a plugin asks for its functions with dlsym before it can use them.
//
// Threads: any. Errors: none of their own.

namespace braintrust::automatic {

// The C library's own; null where something else (a sanitizer, say) stands in for them: then they are left alone.
struct DynamicLoader {
  void* (*open)(const char* path, int mode) = nullptr;
  void* (*symbol)(void* library, const char* name) = nullptr;
};
const DynamicLoader& dynamic_loader() noexcept;

// dlsym, past our own entry.
void* symbol_of(void* library, const char* name) noexcept;

// What to put in slots of "dlopen" and "dlsym".
void* dlopen_entry() noexcept;
void* dlsym_entry() noexcept;

// Implemented by redirect_elf.cpp.
void look_at_new_objects() noexcept;
// What dlsym(library, name) gives to the program instead of what it would; null: nothing instead.
void* instead_of_symbol(void* library, const char* name) noexcept;

}  // namespace braintrust::automatic
