#pragma once

// The numbers of libcurl that are looked at. They never change: libcurl's ABI.
//
// Source: curl/curl.h, curl/multi.h, curl/urlapi.h.

#include <cstddef>

namespace braintrust::instrument::curl {

// curl_easy_setopt's third argument has the type that the option's range says.
constexpr int first_object = 10'000;    // pointers
constexpr int first_function = 20'000;  // function pointers
constexpr int first_offset = 30'000;    // curl_off_t; below all of these: long
constexpr int first_blob = 40'000;      // pointers

enum Option : int {
  PORT = 3,
  VERBOSE = 41,
  HEADER = 42,
  NOBODY = 44,
  UPLOAD = 46,
  POST = 47,
  PUT = 54,
  POSTFIELDSIZE = 60,
  HTTPGET = 80,
  CONNECT_ONLY = 141,
  WRITEDATA = 10'001,
  URL = 10'002,
  READDATA = 10'009,
  ERRORBUFFER = 10'010,
  POSTFIELDS = 10'015,
  HTTPHEADER = 10'023,
  HTTPPOST = 10'024,
  HEADERDATA = 10'029,
  CUSTOMREQUEST = 10'036,
  STDERR = 10'037,
  DEBUGDATA = 10'095,
  COPYPOSTFIELDS = 10'165,
  SEEKDATA = 10'168,
  DEFAULT_PROTOCOL = 10'238,
  MIMEPOST = 10'269,
  CURLU = 10'282,
  WRITEFUNCTION = 20'011,
  READFUNCTION = 20'012,
  HEADERFUNCTION = 20'079,
  DEBUGFUNCTION = 20'094,
  IOCTLFUNCTION = 20'130,
  SEEKFUNCTION = 20'167,
  POSTFIELDSIZE_LARGE = 30'120,
};

constexpr int info_response_code = 0x200000 + 2;
constexpr int info_total_time = 0x600000 + 50;  // microseconds

constexpr int result_write_error = 23;
constexpr int result_read_error = 26;
constexpr int result_aborted_by_callback = 42;

constexpr int message_done = 1;
constexpr int url_part_url = 0;

// What callbacks may answer instead of a number of bytes.
constexpr std::size_t pause_writing = 0x1000'0001;
constexpr std::size_t pause_reading = 0x1000'0001;
constexpr std::size_t abort_reading = 0x1000'0000;
constexpr int seek_failed = 1;
constexpr std::size_t error_buffer_size = 256;

// curl_infotype
enum DebugKind : int { debug_text, header_in, header_out, data_in, data_out };

// curl_slist
struct StringList {
  char* data;
  StringList* next;
};

}  // namespace braintrust::instrument::curl
