#include "trace/exception_text.h"

#include <cstdlib>
#include <memory>
#include <typeinfo>

#if __has_include(<cxxabi.h>)
#include <cxxabi.h>
#endif

namespace braintrust::detail {

std::string readable_type(const char* mangled) {
#if __has_include(<cxxabi.h>)
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(abi::__cxa_demangle(mangled, nullptr, nullptr, &status), &std::free);
  if (status == 0 && name != nullptr) return name.get();
#endif
  return mangled;
}

std::string exception_text(const std::exception_ptr& exception) {
  if (exception == nullptr) return "unknown exception";
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& error) {
    return readable_type(typeid(error).name()) + ": " + error.what();
  } catch (const std::string& text) {
    return text;
  } catch (const char* text) {
    return text;
  } catch (...) {
#if __has_include(<cxxabi.h>)
    if (const std::type_info* const type = abi::__cxa_current_exception_type()) return readable_type(type->name());
#endif
    return "unknown exception";
  }
}

}  // namespace braintrust::detail
