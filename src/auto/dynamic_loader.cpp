#include "auto/dynamic_loader.h"

#include <dlfcn.h>

#include <initializer_list>

extern "C" {
// Named for the assembler below; hidden, so that each copy of this library has its own.
__attribute__((visibility("hidden"), used)) void* (*braintrust_real_dlopen)(const char*, int) = nullptr;
__attribute__((visibility("hidden"), used)) void* (*braintrust_real_dlsym)(void*, const char*) = nullptr;
__attribute__((visibility("hidden"), used)) void braintrust_before_dlopen() noexcept {
  braintrust::automatic::look_at_new_objects();
}
__attribute__((visibility("hidden"), used)) void* braintrust_before_dlsym(void* library, const char* name) noexcept {
  braintrust::automatic::look_at_new_objects();
  return braintrust::automatic::instead_of_symbol(library, name);
}
__attribute__((visibility("hidden"))) void braintrust_dlopen_entry();
__attribute__((visibility("hidden"))) void braintrust_dlsym_entry();
}

// Both arguments are saved over the call; then the stack is as it was, and the real function is jumped to.
#if defined(__x86_64__)
asm(R"(
  .text
  .p2align 4
  .globl braintrust_dlopen_entry
  .hidden braintrust_dlopen_entry
  .type braintrust_dlopen_entry, @function
braintrust_dlopen_entry:
  .cfi_startproc
  endbr64
  pushq %rdi
  .cfi_adjust_cfa_offset 8
  pushq %rsi
  .cfi_adjust_cfa_offset 8
  subq $8, %rsp
  .cfi_adjust_cfa_offset 8
  call braintrust_before_dlopen
  addq $8, %rsp
  .cfi_adjust_cfa_offset -8
  popq %rsi
  .cfi_adjust_cfa_offset -8
  popq %rdi
  .cfi_adjust_cfa_offset -8
  jmp *braintrust_real_dlopen(%rip)
  .cfi_endproc
  .size braintrust_dlopen_entry, . - braintrust_dlopen_entry

  .p2align 4
  .globl braintrust_dlsym_entry
  .hidden braintrust_dlsym_entry
  .type braintrust_dlsym_entry, @function
braintrust_dlsym_entry:
  .cfi_startproc
  endbr64
  pushq %rdi
  .cfi_adjust_cfa_offset 8
  pushq %rsi
  .cfi_adjust_cfa_offset 8
  subq $8, %rsp
  .cfi_adjust_cfa_offset 8
  call braintrust_before_dlsym
  addq $8, %rsp
  .cfi_adjust_cfa_offset -8
  popq %rsi
  .cfi_adjust_cfa_offset -8
  popq %rdi
  .cfi_adjust_cfa_offset -8
  testq %rax, %rax
  jne 1f
  jmp *braintrust_real_dlsym(%rip)
1:
  ret
  .cfi_endproc
  .size braintrust_dlsym_entry, . - braintrust_dlsym_entry
)");
#elif defined(__aarch64__)
asm(R"(
  .text
  .p2align 4
  .globl braintrust_dlopen_entry
  .hidden braintrust_dlopen_entry
  .type braintrust_dlopen_entry, %function
braintrust_dlopen_entry:
  .cfi_startproc
  hint #34
  stp x29, x30, [sp, #-32]!
  .cfi_def_cfa_offset 32
  .cfi_offset x29, -32
  .cfi_offset x30, -24
  stp x0, x1, [sp, #16]
  bl braintrust_before_dlopen
  ldp x0, x1, [sp, #16]
  ldp x29, x30, [sp], #32
  .cfi_restore x29
  .cfi_restore x30
  .cfi_def_cfa_offset 0
  adrp x16, braintrust_real_dlopen
  ldr x16, [x16, #:lo12:braintrust_real_dlopen]
  br x16
  .cfi_endproc
  .size braintrust_dlopen_entry, . - braintrust_dlopen_entry

  .p2align 4
  .globl braintrust_dlsym_entry
  .hidden braintrust_dlsym_entry
  .type braintrust_dlsym_entry, %function
braintrust_dlsym_entry:
  .cfi_startproc
  hint #34
  stp x29, x30, [sp, #-32]!
  .cfi_def_cfa_offset 32
  .cfi_offset x29, -32
  .cfi_offset x30, -24
  stp x0, x1, [sp, #16]
  bl braintrust_before_dlsym
  mov x16, x0
  ldp x0, x1, [sp, #16]
  ldp x29, x30, [sp], #32
  .cfi_restore x29
  .cfi_restore x30
  .cfi_def_cfa_offset 0
  cbnz x16, 1f
  adrp x16, braintrust_real_dlsym
  ldr x16, [x16, #:lo12:braintrust_real_dlsym]
  br x16
1:
  mov x0, x16
  ret
  .cfi_endproc
  .size braintrust_dlsym_entry, . - braintrust_dlsym_entry
)");
#endif

namespace braintrust::automatic {
namespace {

DynamicLoader find_loader() {
  DynamicLoader loader;
  // Since glibc 2.34 they are in the C library itself. A library's own scope has no others before it.
  for (const char* const name : {"libc.so.6", "libdl.so.2"}) {
    void* const library = ::dlopen(name, RTLD_LAZY | RTLD_NOLOAD);
    if (library == nullptr) continue;
    loader.open = reinterpret_cast<void* (*)(const char*, int)>(::dlsym(library, "dlopen"));
    loader.symbol = reinterpret_cast<void* (*)(void*, const char*)>(::dlsym(library, "dlsym"));
    ::dlclose(library);
    if (loader.open != nullptr && loader.symbol != nullptr) break;
  }
  const bool nobody_between = reinterpret_cast<void*>(loader.open) == ::dlsym(RTLD_DEFAULT, "dlopen") &&
                              reinterpret_cast<void*>(loader.symbol) == ::dlsym(RTLD_DEFAULT, "dlsym");
  if (!nobody_between) return {};
  braintrust_real_dlopen = loader.open;
  braintrust_real_dlsym = loader.symbol;
  return loader;
}

}  // namespace

const DynamicLoader& dynamic_loader() noexcept {
  static const DynamicLoader loader = find_loader();
  return loader;
}

void* symbol_of(void* library, const char* name) noexcept {
  const DynamicLoader& loader = dynamic_loader();
  return loader.symbol != nullptr ? loader.symbol(library, name) : ::dlsym(library, name);
}

void* dlopen_entry() noexcept { return reinterpret_cast<void*>(&braintrust_dlopen_entry); }
void* dlsym_entry() noexcept { return reinterpret_cast<void*>(&braintrust_dlsym_entry); }

}  // namespace braintrust::automatic
