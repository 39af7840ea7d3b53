// plugin_host MODE URL PLUGIN…: loads the plugins, and lets each of them ask. With HOST_HAS_CURL it asks first itself; with
// HOST_TRACES it is linked with us.
//   local, lazy, deepbind, global: how the plugins are loaded
//   direct: the one "plugin" is libcurl; its functions are looked up by name

#include <dlfcn.h>

#include <cstdio>
#include <cstring>

#ifdef HOST_TRACES
#include <chrono>

#include <braintrust/instrument/auto.h>
#include <braintrust/trace/logger.h>
#endif

#ifdef HOST_HAS_CURL
extern "C" int ask(const char* url, const char* text);
#endif

namespace {

constexpr int url_option = 10'002, fields_option = 10'015;

int ask_directly(void* library, const char* url) {
  const auto init = reinterpret_cast<void* (*)()>(dlsym(library, "curl_easy_init"));
  const auto set = reinterpret_cast<int (*)(void*, int, ...)>(dlsym(library, "curl_easy_setopt"));
  const auto perform = reinterpret_cast<int (*)(void*)>(dlsym(library, "curl_easy_perform"));
  const auto cleanup = reinterpret_cast<void (*)(void*)>(dlsym(library, "curl_easy_cleanup"));
  if (init == nullptr || set == nullptr || perform == nullptr || cleanup == nullptr) return 4;
  void* const easy = init();
  set(easy, url_option, url);
  set(easy, fields_option, R"({"model":"m","messages":[{"role":"user","content":"direct"}]})");
  const int result = perform(easy);
  cleanup(easy);
  std::printf("\n");
  return result;
}

int run(int argc, char** argv) {
  const char* const mode = argv[1];
#ifdef HOST_HAS_CURL
  ask(argv[2], "host");
#endif
  const int how = std::strcmp(mode, "deepbind") == 0 ? RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND
                  : std::strcmp(mode, "lazy") == 0   ? RTLD_LAZY | RTLD_LOCAL
                  : std::strcmp(mode, "global") == 0 ? RTLD_NOW | RTLD_GLOBAL
                                                     : RTLD_NOW | RTLD_LOCAL;
  for (int i = 3; i < argc; ++i) {
    void* const plugin = dlopen(argv[i], how);
    if (plugin == nullptr) {
      std::printf("%s\n", dlerror());
      return 3;
    }
    if (std::strcmp(mode, "direct") == 0) return ask_directly(plugin, argv[2]);
    const auto function = reinterpret_cast<int (*)(const char*, const char*)>(dlsym(plugin, "ask"));
    if (function == nullptr || function(argv[2], "plugin") != 0) return 4;
    if (std::strcmp(mode, "local") == 0) dlclose(plugin);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
#ifdef HOST_TRACES
  braintrust::auto_instrument();
  const auto logger = braintrust::init_logger();
#endif
  const int code = run(argc, argv);
  std::fflush(stdout);
#ifdef HOST_TRACES
  logger.shutdown(std::chrono::seconds(30));
#endif
  return code;
}
