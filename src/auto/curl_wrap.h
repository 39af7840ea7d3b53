#pragma once

// Whether the linker led this program's calls of libcurl to us (`braintrust::curl_wrap`).

namespace braintrust::automatic {

bool curl_wrap_is_linked() noexcept;

}  // namespace braintrust::automatic
