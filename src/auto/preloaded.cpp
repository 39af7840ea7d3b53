#include "auto/preloaded.h"

#include <dlfcn.h>

namespace braintrust::automatic {

void step_in_for_preloaded() noexcept {
  if (void* const function = ::dlsym(RTLD_DEFAULT, "braintrust_auto_step_back")) reinterpret_cast<void (*)()>(function)();
}

}  // namespace braintrust::automatic
