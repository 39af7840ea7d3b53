// zlib for the preloaded library, looked for when an answer is compressed: a program may bring a libz.so.1 of its own, which
// must not find another one loaded in its place. These are the functions that llm/content_coding.cpp calls, visible in this
// library only. Without zlib they fail as zlib does for bytes that it cannot read.

#include <dlfcn.h>

namespace {

constexpr int failed = -2;  // Z_STREAM_ERROR

void* library() {
  static void* const handle = ::dlopen("libz.so.1", RTLD_LAZY | RTLD_LOCAL);
  return handle;
}

template <class Function>
Function* find(const char* name) {
  return library() != nullptr ? reinterpret_cast<Function*>(::dlsym(library(), name)) : nullptr;
}

}  // namespace

extern "C" {

int inflateInit2_(void* stream, int window_bits, const char* version, int stream_size) {
  static auto* const function = find<int(void*, int, const char*, int)>("inflateInit2_");
  return function != nullptr ? function(stream, window_bits, version, stream_size) : failed;
}
int inflate(void* stream, int flush) {
  static auto* const function = find<int(void*, int)>("inflate");
  return function != nullptr ? function(stream, flush) : failed;
}
int inflateReset(void* stream) {
  static auto* const function = find<int(void*)>("inflateReset");
  return function != nullptr ? function(stream) : failed;
}
int inflateEnd(void* stream) {
  static auto* const function = find<int(void*)>("inflateEnd");
  return function != nullptr ? function(stream) : failed;
}

}  // extern "C"
