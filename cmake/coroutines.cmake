# Whether this compiler has C++20's coroutines, where standalone asio is, and whether asio's coroutines work with this compiler
# (not with Clang 14): BRAINTRUST_HAS_COROUTINES, BRAINTRUST_ASIO_INCLUDE_DIR, BRAINTRUST_ASIO_HAS_COROUTINES. For tests and
# examples only.
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
if(BRAINTRUST_ASIO_INCLUDE_DIR)
  block()
    set(CMAKE_CXX_STANDARD 20)
    set(CMAKE_REQUIRED_INCLUDES ${BRAINTRUST_ASIO_INCLUDE_DIR})
    set(CMAKE_REQUIRED_DEFINITIONS -DASIO_STANDALONE)
    set(CMAKE_REQUIRED_LIBRARIES Threads::Threads)
    check_cxx_source_compiles("#include <asio/awaitable.hpp>
      asio::awaitable<void> coroutine() { co_return; }
      int main() {}" BRAINTRUST_ASIO_HAS_COROUTINES)
  endblock()
endif()
