#pragma once

// A function of your client, traced: each call of it is an `llm` span.
//
//   auto create = braintrust::wrap_openai([&](const nlohmann::json& request) { return client.responses(request); });
//   nlohmann::json answer = create({{"model", "gpt-5-mini"}, {"input", "What is the capital of France?"}});
//
//   // Streamed: your function takes a second argument and calls it with each piece of the response.
//   auto stream = braintrust::wrap_anthropic([&](const nlohmann::json& request, auto on_chunk) { client.send(request,
//   on_chunk); }); stream(request, [](std::string_view bytes) { … });
//
// Requests and responses are nlohmann::json or JSON text (std::string, std::string_view). A piece of a stream is bytes as the
// provider sent them, cut anywhere, or one event as nlohmann::json. Request, response and exceptions pass through untouched.
// Which API it is, the request tells (`messages` is chat, `prompt` is completion, …); `WrapOptions::path` says it instead.
//
// While a wrapped function runs, calls that `auto_instrument` or another wrapper would trace on the same thread are not traced
// a second time.
//
// Threads: a wrapped function may be called from several threads if yours may. Errors: none of its own. Source:
// INST 4.1, 17.11.

#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <nlohmann/json_fwd.hpp>

#include <braintrust/instrument/call.h>

namespace braintrust {

struct WrapOptions {
  std::string path = {};  // of the API: "/v1/embeddings"
};

namespace detail {

// No call is traced on this thread while one of these lives.
class UntracedCalls {
 public:
  UntracedCalls() noexcept;
  UntracedCalls(const UntracedCalls&) = delete;
  UntracedCalls& operator=(const UntracedCalls&) = delete;
  ~UntracedCalls();
};

// The path of the API that takes such a request; blank when it cannot be told.
std::string path_of_request(std::string_view provider, std::string_view request, bool streamed);
void end_with_exception(llm::Call& call, const std::exception_ptr& exception) noexcept;

template <class T>
decltype(auto) json_text(const T& value) {
  if constexpr (Stringish<T>) {
    return std::string_view(value);
  } else {
    return value.dump(-1, ' ', false, T::error_handler_t::replace);
  }
}

// Whether a function's first parameter is text. nlohmann::json and text convert to each other, so that being callable says
// nothing; of a function with `auto` parameters nothing can be said, and it gets JSON.
template <class Result, class First, class... Rest>
std::bool_constant<Stringish<std::remove_cvref_t<First>>> first_is_text(Result (*)(First, Rest...));
template <class Class, class Result, class First, class... Rest>
std::bool_constant<Stringish<std::remove_cvref_t<First>>> first_is_text(Result (Class::*)(First, Rest...));
template <class Class, class Result, class First, class... Rest>
std::bool_constant<Stringish<std::remove_cvref_t<First>>> first_is_text(Result (Class::*)(First, Rest...) const);
template <class Fn>
constexpr bool takes_text() {
  if constexpr (requires(Fn fn) { first_is_text(fn); }) {
    return decltype(first_is_text(std::declval<Fn>()))::value;
  } else if constexpr (requires { first_is_text(&Fn::operator()); }) {
    return decltype(first_is_text(&Fn::operator()))::value;
  } else {
    return false;
  }
}

// What a streaming function gets in place of the caller's callback.
template <class OnChunk>
class TappedChunks {
 public:
  TappedChunks(llm::Call& call, OnChunk& on_chunk) noexcept : call_(&call), on_chunk_(&on_chunk) {}

  template <class Chunk>
  decltype(auto) operator()(Chunk&& chunk) const {
    using Piece = std::remove_cvref_t<Chunk>;
    if constexpr (Stringish<Piece>) {
      call_->on_chunk(chunk);
    } else if constexpr (NlohmannLike<Piece>) {
      if (*call_) call_->on_chunk("data: " + json_text(chunk) + "\n\n");
    }
    return (*on_chunk_)(std::forward<Chunk>(chunk));
  }

 private:
  llm::Call* call_;
  OnChunk* on_chunk_;
};

template <class Fn>
class WrappedCall {
 public:
  WrappedCall(std::string_view provider, Fn fn, WrapOptions options)
      : provider_(provider), fn_(std::move(fn)), options_(std::move(options)) {}

  using Request = std::conditional_t<takes_text<Fn>(), std::string, nlohmann::json>;

  auto operator()(const Request& request,
                  Site site = Site::current()) const requires std::is_invocable_v<const Fn&, const Request&> {
    return call(request, site);
  }
  template <class OnChunk>
  requires std::is_invocable_v<const Fn&, const Request&, TappedChunks<OnChunk>>
  auto operator()(const Request& request, OnChunk&& on_chunk, Site site = Site::current()) const {
    return stream(request, on_chunk, site);
  }

 private:
  llm::Call begin(const Request& request, bool streamed, const Site& site) const {
    if (!tracing()) return {};
    const auto& text = json_text(request);
    const std::string path = options_.path.empty() ? path_of_request(provider_, text, streamed) : options_.path;
    return llm::start_call({.provider = provider_, .path = path, .request = text}, site);
  }

  // Runs `work`; what it throws is the call's error and passes on.
  template <class Work>
  static auto run(llm::Call& call, Work&& work) {
    const UntracedCalls once;
    try {
      return work();
    } catch (...) {
      end_with_exception(call, std::current_exception());
      throw;
    }
  }

  auto call(const Request& request, const Site& site) const {
    llm::Call call = begin(request, false, site);
    auto response = run(call, [&] { return fn_(request); });
    using Response = decltype(response);
    static_assert(Stringish<Response> || NlohmannLike<Response>, "the function must return nlohmann::json or JSON text");
    if (call) call.on_chunk(json_text(response));
    call.end();
    return response;
  }

  template <class OnChunk>
  auto stream(const Request& request, OnChunk& on_chunk, const Site& site) const {
    llm::Call call = begin(request, true, site);
    const TappedChunks<OnChunk> tapped(call, on_chunk);
    if constexpr (std::is_void_v<decltype(fn_(request, tapped))>) {
      run(call, [&] { fn_(request, tapped); });
      call.end();
    } else {
      auto result = run(call, [&] { return fn_(request, tapped); });
      call.end();
      return result;
    }
  }

  std::string provider_;
  Fn fn_;
  WrapOptions options_;
};

}  // namespace detail

// `provider`: as in llm::CallOptions.
template <class Fn>
auto wrap(std::string_view provider, Fn fn, WrapOptions options = {}) {
  return detail::WrappedCall<Fn>(provider, std::move(fn), std::move(options));
}
template <class Fn>
auto wrap_openai(Fn fn, WrapOptions options = {}) {
  return wrap("openai", std::move(fn), std::move(options));
}
template <class Fn>
auto wrap_anthropic(Fn fn, WrapOptions options = {}) {
  return wrap("anthropic", std::move(fn), std::move(options));
}
template <class Fn>
auto wrap_google(Fn fn, WrapOptions options = {}) {
  return wrap("google", std::move(fn), std::move(options));
}

}  // namespace braintrust
