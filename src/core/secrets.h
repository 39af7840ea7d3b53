#pragma once

// Taking secrets out of texts that people will read: servers like to repeat what they refuse.
//
// Threads: pure functions.

#include <string>
#include <string_view>

namespace braintrust::detail {

// "***" wherever the secret stands. One of less than four characters is none.
void hide_secret(std::string& text, std::string_view secret);

// "***" in place of what follows a "Bearer " and looks like a key rather than a word.
void hide_bearers(std::string& text);

}  // namespace braintrust::detail
