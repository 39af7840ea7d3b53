#pragma once

// What threads need of the operating system beyond std::thread. One .cpp file per system.

#include <functional>
#include <thread>

namespace braintrust::pipeline {

// A thread that takes none of the process's signals, named `name` (15 characters) in debuggers.
std::thread start_background_thread(const char* name, std::function<void()> body);

// Calls the three around every fork of this process, from now on. Nothing where processes cannot fork.
void on_fork(void (*before)(), void (*in_parent)(), void (*in_child)());

// Another one in a forked child.
long process_id() noexcept;

}  // namespace braintrust::pipeline
