#pragma once

// One process, two copies of this library: a program that calls `auto_instrument` itself, under
// LD_PRELOAD=libbraintrust_auto.so. The program's own copy knows its current spans, so the preloaded one leaves the calls to
// it.
//
// Threads: any. Errors: none.

namespace braintrust::automatic {

// The preloaded copy, if there is one beside this, traces nothing from now on.
void step_in_for_preloaded() noexcept;

}  // namespace braintrust::automatic
