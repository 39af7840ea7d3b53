#pragma once

// Ids that the backend itself hands out. Threads: safe to call from any thread.

#include <string>

namespace braintrust::local {

std::string random_hex(int bytes);
std::string random_uuid();  // version 4

}  // namespace braintrust::local
