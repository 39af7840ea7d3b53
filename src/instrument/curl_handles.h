#pragma once

// `CurlHandle` and the table of them: what is known of each easy handle of the process.
//
// A handle is known if all of its options were seen being set: since curl_easy_init, since a duplicate of a known one, since
// curl_easy_reset. Others (made before auto_instrument, or inside libcurl) are never touched: their callbacks cannot be read
// back, and would be lost. Each init begins anew, because libcurl frees handles of its own without telling.
//
// Threads: the table is safe from any thread; a `CurlHandle` belongs, as libcurl's handle does, to one thread at a time, and
// stays where it is until `forget`. All locks are taken around fork. Never freed: handles outlive static objects.
// Errors: out of memory, a handle stays unknown.

#include <memory>

#include "instrument/curl_settings.h"
#include "instrument/curl_transfer.h"

namespace braintrust::instrument {

struct CurlHandle {
  CurlSettings settings;
  std::unique_ptr<CurlTransfer> transfer;  // while a model call is going on
  bool ours = false;                       // delivers our own rows; for ever
  bool in_our_hands = false;               // options are being set by us
};

// Null when unknown.
CurlHandle* find_handle(const void* easy) noexcept;
// Known from now on, as new; what was there before is gone.
CurlHandle* remember_handle(const void* easy) noexcept;
void forget_handle(const void* easy) noexcept;

}  // namespace braintrust::instrument
