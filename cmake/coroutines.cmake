# Whether this compiler has C++20's coroutines (Clang 14 with libstdc++ has not), and where standalone asio is:
# BRAINTRUST_HAS_COROUTINES, BRAINTRUST_ASIO_INCLUDE_DIR. For tests and examples only.
include(CheckCXXSourceCompiles)

block()
  set(CMAKE_CXX_STANDARD 20)
  check_cxx_source_compiles("#include <coroutine>
    struct Task {
      struct promise_type {
        Task get_return_object() { return {}; }
        std::suspend_never initial_suspend() { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() {}
      };
    };
    Task task() { co_return; }
    int main() { task(); }" BRAINTRUST_HAS_COROUTINES)
endblock()
find_path(BRAINTRUST_ASIO_INCLUDE_DIR asio.hpp)
