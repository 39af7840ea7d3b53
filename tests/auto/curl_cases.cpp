#include "auto/curl_cases.h"

#include <curl/curl.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

std::string base;  // of the provider: "http://127.0.0.1:1234"

std::string chat_url(const std::string& query = {}) { return base + "/v1/chat/completions" + query; }
std::string question(const std::string& text, bool stream = false) {
  return R"({"model":"m","messages":[{"role":"user","content":")" + text + (stream ? R"("}],"stream":true})" : R"("}]})");
}

// What the program sees; the test compares it with what it sees without us.
void see(const std::string& text) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  std::printf("%s\n", text.c_str());
}

std::size_t to_string(char* data, std::size_t size, std::size_t count, void* target) {
  static_cast<std::string*>(target)->append(data, size * count);
  return size * count;
}

struct Easy {
  CURL* handle = curl_easy_init();
  std::string body = {};
  Easy() { curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L); }
  explicit Easy(CURL* made) : handle(made) {}
  Easy(const Easy&) = delete;
  Easy& operator=(const Easy&) = delete;
  ~Easy() { curl_easy_cleanup(handle); }
  void url(const std::string& text) { curl_easy_setopt(handle, CURLOPT_URL, text.c_str()); }
  void write_to_body() {
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, to_string);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &body);
  }
  // `text` must stay.
  void post(const std::string& text) {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, text.c_str());
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(text.size()));
  }
  long status() const {
    long code = 0;
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &code);
    return code;
  }
  void perform() {
    const CURLcode code = curl_easy_perform(handle);
    see("result " + std::to_string(code) + " status " + std::to_string(status()) + " body " + body);
    body.clear();
  }
  void ask(const std::string& text) {
    const std::string request = question(text);
    url(chat_url());
    write_to_body();
    post(request);
    perform();
  }
};

struct Headers {
  curl_slist* list = nullptr;
  Headers(std::initializer_list<const char*> lines) {
    for (const char* const line : lines) list = curl_slist_append(list, line);
  }
  Headers(const Headers&) = delete;
  Headers& operator=(const Headers&) = delete;
  ~Headers() { curl_slist_free_all(list); }
};

struct TemporaryFile {
  std::FILE* file = std::tmpfile();
  TemporaryFile() = default;
  explicit TemporaryFile(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), file);
    std::rewind(file);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { std::fclose(file); }
  std::string text() const {
    std::rewind(file);
    std::string all;
    for (int c = 0; (c = std::fgetc(file)) != EOF;) all += static_cast<char>(c);
    return all;
  }
};

// ------------------------------------------------------------------------------------------------ bodies of all kinds

void plain() { Easy().ask("plain"); }

void many_on_one_handle() {
  Easy easy;
  for (const char* const text : {"one", "two", "three"}) easy.ask(text);
}

void body_to_standard_output() {
  Easy easy;
  const std::string request = question("stdout");
  easy.url(chat_url());
  easy.post(request);
  const CURLcode code = curl_easy_perform(easy.handle);
  see("\nresult " + std::to_string(code));
  std::fflush(stdout);
  // Once more, and to where nobody watches: through the defaults that were put back.
  curl_easy_perform(easy.handle);
  see("");
  std::fflush(stdout);
  easy.url(base + "/elsewhere");
  curl_easy_perform(easy.handle);
  see("");
}

void body_to_a_file() {
  const TemporaryFile file;
  Easy easy;
  const std::string request = question("file");
  easy.url(chat_url());
  easy.post(request);
  curl_easy_setopt(easy.handle, CURLOPT_WRITEDATA, file.file);
  curl_easy_perform(easy.handle);
  see(file.text());
}

void copied_fields() {
  Easy easy;
  easy.url(chat_url());
  easy.write_to_body();
  {
    std::string request = question("copied");
    curl_easy_setopt(easy.handle, CURLOPT_COPYPOSTFIELDS, request.c_str());
    request.assign(request.size(), 'x');
  }
  easy.perform();
}

void fields_longer_than_their_size() {
  Easy easy;
  const std::string request = question("sized");
  const std::string longer = request + "and something else";
  easy.url(chat_url());
  easy.write_to_body();
  curl_easy_setopt(easy.handle, CURLOPT_POSTFIELDS, longer.c_str());
  curl_easy_setopt(easy.handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.size()));
  easy.perform();
}

struct Source {
  std::string text;
  std::size_t at = 0;
  static std::size_t read(char* data, std::size_t size, std::size_t count, void* self) {
    auto& source = *static_cast<Source*>(self);
    const std::size_t n = std::min({size * count, source.text.size() - source.at, std::size_t{7}});
    std::memcpy(data, source.text.data() + source.at, n);
    source.at += n;
    return n;
  }
  static int seek(void* self, curl_off_t offset, int) {
    static_cast<Source*>(self)->at = static_cast<std::size_t>(offset);
    return CURL_SEEKFUNC_OK;
  }
};

void read_callback() {
  Source source{question("read")};
  Easy easy;
  easy.url(chat_url());
  easy.write_to_body();
  curl_easy_setopt(easy.handle, CURLOPT_POST, 1L);
  curl_easy_setopt(easy.handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(source.text.size()));
  curl_easy_setopt(easy.handle, CURLOPT_READFUNCTION, Source::read);
  curl_easy_setopt(easy.handle, CURLOPT_READDATA, &source);
  easy.perform();
}

void chunked_read_callback() {
  Source source{question("chunked")};
  const Headers headers{"Content-Type: application/json", "Transfer-Encoding: chunked"};
  Easy easy;
  easy.url(chat_url());
  easy.write_to_body();
  curl_easy_setopt(easy.handle, CURLOPT_HTTPHEADER, headers.list);
  curl_easy_setopt(easy.handle, CURLOPT_POST, 1L);
  curl_easy_setopt(easy.handle, CURLOPT_READFUNCTION, Source::read);
  curl_easy_setopt(easy.handle, CURLOPT_READDATA, &source);
  easy.perform();
}

void upload_that_says_post() {
  const std::string request = question("upload");
  const TemporaryFile file(request);
  Easy easy;
  easy.url(chat_url());
  easy.write_to_body();
  curl_easy_setopt(easy.handle, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(easy.handle, CURLOPT_CUSTOMREQUEST, "POST");
  curl_easy_setopt(easy.handle, CURLOPT_INFILESIZE, static_cast<long>(request.size()));
  curl_easy_setopt(easy.handle, CURLOPT_READDATA, file.file);
  easy.perform();
}

void redirect_with_a_seek_callback() {
  Source source{question("redirected")};
  Easy easy;
  easy.url(chat_url("?mode=redirect"));
  easy.write_to_body();
  curl_easy_setopt(easy.handle, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(easy.handle, CURLOPT_POST, 1L);
  curl_easy_setopt(easy.handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(source.text.size()));
  curl_easy_setopt(easy.handle, CURLOPT_READFUNCTION, Source::read);
  curl_easy_setopt(easy.handle, CURLOPT_READDATA, &source);
  curl_easy_setopt(easy.handle, CURLOPT_SEEKFUNCTION, Source::seek);
  curl_easy_setopt(easy.handle, CURLOPT_SEEKDATA, &source);
  easy.perform();
}

// libcurl rewinds a FILE* by itself, as long as it knows that it has one.
void redirect_of_a_file() {
  const std::string request = question("rewound");
  const TemporaryFile file(request);
  Easy easy;
  easy.url(chat_url("?mode=redirect"));
  easy.write_to_body();
  curl_easy_setopt(easy.handle, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(easy.handle, CURLOPT_POST, 1L);
  curl_easy_setopt(easy.handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.size()));
  curl_easy_setopt(easy.handle, CURLOPT_READDATA, file.file);
  easy.perform();
}

void redirect_that_cannot_be_rewound() {
  Source source{question("stuck")};
  Easy easy;
  easy.url(chat_url("?mode=redirect"));
  easy.write_to_body();
  curl_easy_setopt(easy.handle, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(easy.handle, CURLOPT_POST, 1L);
  curl_easy_setopt(easy.handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(source.text.size()));
  curl_easy_setopt(easy.handle, CURLOPT_READFUNCTION, Source::read);
  curl_easy_setopt(easy.handle, CURLOPT_READDATA, &source);
  easy.perform();
}

void form() {
  Easy easy;
  curl_mime* const mime = curl_mime_init(easy.handle);
  curl_mimepart* part = curl_mime_addpart(mime);
  curl_mime_name(part, "model");
  curl_mime_data(part, "whisper", CURL_ZERO_TERMINATED);
  easy.url(base + "/v1/images/edits");
  easy.write_to_body();
  part = curl_mime_addpart(mime);
  curl_mime_name(part, "prompt");
  curl_mime_data(part, "a form", CURL_ZERO_TERMINATED);
  curl_easy_setopt(easy.handle, CURLOPT_MIMEPOST, mime);
  easy.perform();
  curl_mime_free(mime);
}

// --------------------------------------------------------------------------------------------------- heads and callbacks

void head_in_the_body() {
  Easy easy;
  const std::string request = question("head");
  easy.url(chat_url());
  easy.write_to_body();
  easy.post(request);
  curl_easy_setopt(easy.handle, CURLOPT_HEADER, 1L);
  easy.perform();
}

// A target for headers without a function: libcurl calls the body's function with it, as a well-known client wants it.
void header_target_without_function() {
  Easy easy;
  std::string heads;
  const std::string request = question("target");
  easy.url(chat_url());
  easy.write_to_body();
  easy.post(request);
  curl_easy_setopt(easy.handle, CURLOPT_HEADERDATA, &heads);
  easy.perform();
  see(heads);
  heads.clear();
  easy.perform();
  see(heads);
}

void header_function() {
  Easy easy;
  std::string heads;
  const std::string request = question("function");
  easy.url(chat_url());
  easy.write_to_body();
  easy.post(request);
  curl_easy_setopt(easy.handle, CURLOPT_HEADERFUNCTION, to_string);
  curl_easy_setopt(easy.handle, CURLOPT_HEADERDATA, &heads);
  easy.perform();
  see(heads);
}

void stream() {
  Easy easy;
  const std::string request = question("stream", true);
  easy.url(chat_url());
  easy.write_to_body();
  easy.post(request);
  easy.perform();
}

struct Pausing {
  CURL* handle = nullptr;
  std::string body = {};
  int left = 3;
  bool paused = false;
  static std::size_t write(char* data, std::size_t size, std::size_t count, void* self) {
    auto& state = *static_cast<Pausing*>(self);
    if (state.left > 0) {
      --state.left;
      state.paused = true;
      return CURL_WRITEFUNC_PAUSE;
    }
    state.body.append(data, size * count);
    return size * count;
  }
};

void pause_in_a_multi() {
  Easy easy;
  Pausing pausing{easy.handle};
  const std::string request = question("paused", true);
  easy.url(chat_url());
  easy.post(request);
  curl_easy_setopt(easy.handle, CURLOPT_WRITEFUNCTION, Pausing::write);
  curl_easy_setopt(easy.handle, CURLOPT_WRITEDATA, &pausing);
  CURLM* const multi = curl_multi_init();
  curl_multi_add_handle(multi, easy.handle);
  int running = 1;
  while (running > 0) {
    curl_multi_perform(multi, &running);
    if (pausing.paused) {
      pausing.paused = false;
      curl_easy_pause(easy.handle, CURLPAUSE_CONT);
    }
    if (running > 0) curl_multi_poll(multi, nullptr, 0, 20, nullptr);
  }
  curl_multi_remove_handle(multi, easy.handle);
  curl_multi_cleanup(multi);
  see(pausing.body);
}

void stopped_by_the_program() {
  Easy easy;
  const std::string request = question("stopped", true);
  easy.url(chat_url());
  easy.post(request);
  const auto refuse = [](char*, std::size_t, std::size_t, void*) -> std::size_t { return 0; };
  curl_easy_setopt(easy.handle, CURLOPT_WRITEFUNCTION, static_cast<curl_write_callback>(refuse));
  easy.perform();
}

void exception_through_perform() {
  Easy easy;
  const std::string request = question("thrown");
  easy.url(chat_url());
  easy.post(request);
  const auto raise = [](char*, std::size_t, std::size_t, void*) -> std::size_t { throw std::runtime_error("from a callback"); };
  curl_easy_setopt(easy.handle, CURLOPT_WRITEFUNCTION, static_cast<curl_write_callback>(raise));
  try {
    curl_easy_perform(easy.handle);
  } catch (const std::runtime_error& error) {
    see(std::string("caught ") + error.what());
  }
  Easy().ask("after");
}

struct Changing {
  CURL* handle;
  std::string first = {}, second = {};
  bool changed = false;
  static std::size_t write(char* data, std::size_t size, std::size_t count, void* target) {
    auto& text = *static_cast<std::string*>(target);
    text.append(data, size * count);
    auto& self = *current;
    if (!self.changed) {
      self.changed = true;
      curl_easy_setopt(self.handle, CURLOPT_WRITEDATA, &self.second);
    }
    return size * count;
  }
  static Changing* current;
};
Changing* Changing::current = nullptr;

void target_changed_by_its_callback() {
  Easy easy;
  Changing changing{easy.handle};
  Changing::current = &changing;
  // An answer of more pieces than one: libcurl hands out 16 KiB at most.
  const std::string request = question(std::string(100'000, 'c'));
  easy.url(chat_url());
  easy.post(request);
  curl_easy_setopt(easy.handle, CURLOPT_WRITEFUNCTION, Changing::write);
  curl_easy_setopt(easy.handle, CURLOPT_WRITEDATA, &changing.first);
  const CURLcode code = curl_easy_perform(easy.handle);
  see("result " + std::to_string(code) + (changing.first.empty() ? " nothing first " : " something first ") + changing.first +
      changing.second);
}

struct Nesting {
  bool done = false;
  std::string body = {};
  static std::size_t write(char* data, std::size_t size, std::size_t count, void* self) {
    auto& state = *static_cast<Nesting*>(self);
    if (!state.done) {
      state.done = true;
      Easy().ask("inner");
    }
    state.body.append(data, size * count);
    return size * count;
  }
};

void perform_in_a_callback() {
  Easy easy;
  Nesting nesting;
  const std::string request = question("outer");
  easy.url(chat_url());
  easy.post(request);
  curl_easy_setopt(easy.handle, CURLOPT_WRITEFUNCTION, Nesting::write);
  curl_easy_setopt(easy.handle, CURLOPT_WRITEDATA, &nesting);
  curl_easy_perform(easy.handle);
  see(nesting.body);
}

// ------------------------------------------------------------------------------------------------------ lives of handles

void duplicate() {
  Easy easy;
  const std::string request = question("twin");
  easy.url(chat_url());
  easy.write_to_body();
  // Without its size libcurl 7.88 cannot duplicate it.
  curl_easy_setopt(easy.handle, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.size()));
  curl_easy_setopt(easy.handle, CURLOPT_COPYPOSTFIELDS, request.c_str());
  Easy twin(curl_easy_duphandle(easy.handle));
  twin.write_to_body();
  easy.perform();
  twin.perform();
}

struct Duplicating {
  CURL* handle;
  CURL* twin = nullptr;
  CURL* second = nullptr;  // goes where nobody watches
  std::string body = {};
  static std::size_t write(char* data, std::size_t size, std::size_t count, void* self) {
    auto& state = *static_cast<Duplicating*>(self);
    if (state.twin == nullptr) {
      state.twin = curl_easy_duphandle(state.handle);
      state.second = curl_easy_duphandle(state.handle);
      curl_easy_setopt(state.second, CURLOPT_URL, (base + "/elsewhere").c_str());
    }
    state.body.append(data, size * count);
    return size * count;
  }
};

void duplicate_in_a_callback() {
  const std::string request = question("cloned");
  Duplicating duplicating{nullptr};
  {
    Easy easy;
    duplicating.handle = easy.handle;
    easy.url(chat_url());
    easy.post(request);
    curl_easy_setopt(easy.handle, CURLOPT_WRITEFUNCTION, Duplicating::write);
    curl_easy_setopt(easy.handle, CURLOPT_WRITEDATA, &duplicating);
    curl_easy_perform(easy.handle);
  }
  see(duplicating.body);
  duplicating.body.clear();
  Easy twin(duplicating.twin);
  curl_easy_perform(twin.handle);
  see(duplicating.body);
  duplicating.body.clear();
  Easy untraced(curl_easy_duphandle(duplicating.second));
  curl_easy_cleanup(duplicating.second);
  curl_easy_perform(untraced.handle);
  see(duplicating.body);
}

void reset_and_again() {
  Easy easy;
  easy.ask("before");
  curl_easy_reset(easy.handle);
  easy.ask("behind");
}

// Clients keep POSTFIELDS pointing at freed memory and do a GET.
void get_with_freed_fields() {
  Easy easy;
  {
    const auto request = std::make_unique<std::string>(question("freed"));
    easy.url(chat_url());
    easy.write_to_body();
    easy.post(*request);
    easy.perform();
  }
  curl_easy_setopt(easy.handle, CURLOPT_HTTPGET, 1L);
  easy.perform();
}

void many_addresses() {
  for (int i = 0; i < 200; ++i) {
    Easy easy;
    easy.write_to_body();
    curl_easy_setopt(easy.handle, CURLOPT_HEADER, 1L);
  }
  Easy().ask("reused");
}

void url_object() {
  CURLU* const url = curl_url();
  curl_url_set(url, CURLUPART_URL, chat_url().c_str(), 0);
  {
    Easy easy;
    const std::string request = question("object");
    easy.write_to_body();
    easy.post(request);
    curl_easy_setopt(easy.handle, CURLOPT_CURLU, url);
    easy.perform();
  }
  curl_url_cleanup(url);
}

void made_here_used_there() {
  Easy easy;
  std::thread([&] { easy.ask("moved"); }).join();
}

// ------------------------------------------------------------------------------------------------------------- the multi

struct Multi {
  CURLM* handle = curl_multi_init();
  Multi() = default;
  Multi(const Multi&) = delete;
  Multi& operator=(const Multi&) = delete;
  ~Multi() { curl_multi_cleanup(handle); }
  void add(Easy& easy, const std::string& request) {
    easy.url(chat_url());
    easy.write_to_body();
    easy.post(request);
    curl_multi_add_handle(handle, easy.handle);
  }
  void run() {
    int running = 1;
    while (running > 0) {
      curl_multi_perform(handle, &running);
      if (running > 0) curl_multi_poll(handle, nullptr, 0, 100, nullptr);
    }
  }
  void read_messages() {
    int left = 0;
    std::map<std::string, std::string> results;
    while (const CURLMsg* const message = curl_multi_info_read(handle, &left)) {
      long status = 0;
      curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
      results[std::to_string(message->data.result) + " " + std::to_string(status)] += "x";
    }
    for (const auto& [result, count] : results) see(result + " " + count);
  }
};

void three_in_a_multi() {
  Multi multi;
  std::array<Easy, 3> easies;
  const std::array<std::string, 3> requests{question("m1"), question("m2"), question("m3")};
  for (std::size_t i = 0; i < 3; ++i) multi.add(easies[i], requests[i]);
  multi.run();
  multi.read_messages();
  for (Easy& easy : easies) {
    curl_multi_remove_handle(multi.handle, easy.handle);
    see(easy.body);
  }
}

void multi_without_messages() {
  Multi multi;
  Easy easy;
  const std::string request = question("silent");
  multi.add(easy, request);
  multi.run();
  curl_multi_remove_handle(multi.handle, easy.handle);
  see(easy.body);
}

void multi_cleaned_up_first() {
  Easy easy;
  const std::string request = question("orphan");
  {
    Multi multi;
    multi.add(easy, request);
    multi.run();
  }
  see(easy.body);
}

void removed_in_the_midst() {
  Easy easy;
  const std::string request = question("removed");
  {
    Multi multi;
    multi.add(easy, request);
    int running = 0;
    curl_multi_perform(multi.handle, &running);
    curl_multi_remove_handle(multi.handle, easy.handle);
  }
  easy.body.clear();
  easy.ask("after removal");
}

struct Epoll {
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  long timeout = -1;
  static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) {
    auto& state = *static_cast<Epoll*>(self);
    epoll_event event{};
    event.data.fd = socket;
    if (what != CURL_POLL_OUT) event.events |= EPOLLIN;
    if (what != CURL_POLL_IN) event.events |= EPOLLOUT;
    epoll_ctl(state.epoll, EPOLL_CTL_DEL, socket, nullptr);
    if (what != CURL_POLL_REMOVE) epoll_ctl(state.epoll, EPOLL_CTL_ADD, socket, &event);
    return 0;
  }
  static int on_timer(CURLM*, long milliseconds, void* self) {
    static_cast<Epoll*>(self)->timeout = milliseconds;
    return 0;
  }
};

void multi_with_epoll() {
  Epoll state;
  Multi multi;
  Easy easy;
  curl_multi_setopt(multi.handle, CURLMOPT_SOCKETFUNCTION, Epoll::on_socket);
  curl_multi_setopt(multi.handle, CURLMOPT_SOCKETDATA, &state);
  curl_multi_setopt(multi.handle, CURLMOPT_TIMERFUNCTION, Epoll::on_timer);
  curl_multi_setopt(multi.handle, CURLMOPT_TIMERDATA, &state);
  const std::string request = question("epoll", true);
  multi.add(easy, request);
  int running = 1;
  while (running > 0) {
    epoll_event event{};
    const int wait = state.timeout < 0 ? 1000 : static_cast<int>(state.timeout);
    if (epoll_wait(state.epoll, &event, 1, wait) > 0) {
      const int mask =
          ((event.events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) | ((event.events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0);
      curl_multi_socket_action(multi.handle, event.data.fd, mask, &running);
    } else {
      curl_multi_socket_action(multi.handle, CURL_SOCKET_TIMEOUT, 0, &running);
    }
  }
  multi.read_messages();
  curl_multi_remove_handle(multi.handle, easy.handle);
  see(easy.body);
  close(state.epoll);
}

// -------------------------------------------------------------------------------------------------- threads and processes

void threads_that_share() {
  static std::array<std::mutex, CURL_LOCK_DATA_LAST> locks;
  CURLSH* const share = curl_share_init();
  const auto lock = [](CURL*, curl_lock_data data, curl_lock_access, void*) { locks[data].lock(); };
  const auto unlock = [](CURL*, curl_lock_data data, void*) { locks[data].unlock(); };
  curl_share_setopt(share, CURLSHOPT_LOCKFUNC, static_cast<curl_lock_function>(lock));
  curl_share_setopt(share, CURLSHOPT_UNLOCKFUNC, static_cast<curl_unlock_function>(unlock));
  curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
  curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 5; ++i) {
        Easy easy;
        const std::string text = "t" + std::to_string(t) + "-" + std::to_string(i);
        const std::string request = question(text);
        curl_easy_setopt(easy.handle, CURLOPT_SHARE, share);
        easy.url(chat_url());
        easy.write_to_body();
        easy.post(request);
        if (curl_easy_perform(easy.handle) == CURLE_OK && easy.body.find("you said " + text + "\"") != std::string::npos)
          ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  curl_share_cleanup(share);
  see("right " + std::to_string(right));
}

// Children are forked while other threads are in the midst of setting options, and use handles themselves.
void forks_among_threads() {
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      while (!stop) {
        CURL* const handle = curl_easy_init();
        curl_easy_setopt(handle, CURLOPT_URL, "http://127.0.0.1:1/");
        curl_easy_setopt(handle, CURLOPT_HEADER, 1L);
        curl_easy_cleanup(handle);
      }
    });
  }
  int well = 0;
  Easy easy;
  for (int i = 0; i < 100; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);
      // Not curl_easy_init: libcurl has a lock of its own there that does not survive a fork.
      CURL* const handle = curl_easy_duphandle(easy.handle);
      for (int h = 0; h < 50; ++h) {
        CURL* const other = curl_easy_duphandle(handle);
        curl_easy_setopt(other, CURLOPT_URL, "http://127.0.0.1:1/");
        curl_easy_cleanup(other);
      }
      _exit(0);
    }
    int status = 1;
    waitpid(child, &status, 0);
    if (status == 0) ++well;
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  see("well " + std::to_string(well));
}

// A child that was forked behind a model call makes one of its own, and each process delivers its own.
void parent_and_child() {
  Easy().ask("parent");
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    alarm(30);
    Easy().ask("child");
    std::exit(0);
  }
  int status = 1;
  waitpid(child, &status, 0);
  Easy().ask("parent again");
  see("child " + std::to_string(status));
}

// ------------------------------------------------------------------------------------------------------ what goes wrong

void refused() {
  Easy easy;
  const std::string request = question("refused");
  easy.url(chat_url("?mode=429"));
  easy.write_to_body();
  easy.post(request);
  easy.perform();
}

void refused_and_fail_on_error() {
  Easy easy;
  const std::string request = question("failed");
  easy.url(chat_url("?mode=429"));
  easy.write_to_body();
  easy.post(request);
  curl_easy_setopt(easy.handle, CURLOPT_FAILONERROR, 1L);
  easy.perform();
}

void nobody_listens() {
  Easy easy;
  const std::string request = question("nobody");
  easy.url("http://127.0.0.1:1/v1/chat/completions");
  easy.write_to_body();
  easy.post(request);
  curl_easy_setopt(easy.handle, CURLOPT_CONNECT_TO, nullptr);
  easy.perform();
}

void broken_off() {
  Easy easy;
  const std::string request = question("broken", true);
  easy.url(chat_url("?mode=truncate"));
  easy.write_to_body();
  easy.post(request);
  easy.perform();
}

void no_answer_in_time() {
  Easy easy;
  const std::string request = question("late");
  char words[CURL_ERROR_SIZE] = {};
  easy.url(chat_url("?mode=hang"));
  easy.write_to_body();
  easy.post(request);
  curl_easy_setopt(easy.handle, CURLOPT_ERRORBUFFER, words);
  curl_easy_setopt(easy.handle, CURLOPT_TIMEOUT_MS, 200L);
  const CURLcode code = curl_easy_perform(easy.handle);
  see("result " + std::to_string(code));
}

void compressed_and_decoded() {
  Easy easy;
  const std::string request = question("zipped");
  easy.url(chat_url("?mode=gzip"));
  easy.write_to_body();
  easy.post(request);
  curl_easy_setopt(easy.handle, CURLOPT_ACCEPT_ENCODING, "");
  easy.perform();
}

void compressed_and_left_so() {
  Easy easy;
  const Headers headers{"Accept-Encoding: gzip", "Content-Type: application/json"};
  const std::string request = question("raw");
  easy.url(chat_url("?mode=gzip"));
  easy.write_to_body();
  easy.post(request);
  curl_easy_setopt(easy.handle, CURLOPT_HTTPHEADER, headers.list);
  const CURLcode code = curl_easy_perform(easy.handle);
  see("result " + std::to_string(code) + " bytes " + std::to_string(easy.body.size()));
}

// ---------------------------------------------------------------------------------------------------- what is not traced

void other_requests() {
  Easy easy;
  easy.write_to_body();
  easy.url(base + "/v1/models");
  easy.perform();
  const std::string request = question("elsewhere");
  easy.url(base + "/elsewhere");
  easy.post(request);
  easy.perform();
}

void connect_only() {
  Easy easy;
  const std::string request = question("by hand");
  easy.url(chat_url());
  easy.post(request);
  curl_easy_setopt(easy.handle, CURLOPT_CONNECT_ONLY, 1L);
  see("result " + std::to_string(curl_easy_perform(easy.handle)));
}

const std::map<std::string, void (*)()> cases = {
    {"plain", plain},
    {"many_on_one_handle", many_on_one_handle},
    {"body_to_standard_output", body_to_standard_output},
    {"body_to_a_file", body_to_a_file},
    {"copied_fields", copied_fields},
    {"fields_longer_than_their_size", fields_longer_than_their_size},
    {"read_callback", read_callback},
    {"chunked_read_callback", chunked_read_callback},
    {"upload_that_says_post", upload_that_says_post},
    {"redirect_with_a_seek_callback", redirect_with_a_seek_callback},
    {"redirect_of_a_file", redirect_of_a_file},
    {"redirect_that_cannot_be_rewound", redirect_that_cannot_be_rewound},
    {"form", form},
    {"head_in_the_body", head_in_the_body},
    {"header_target_without_function", header_target_without_function},
    {"header_function", header_function},
    {"stream", stream},
    {"pause_in_a_multi", pause_in_a_multi},
    {"stopped_by_the_program", stopped_by_the_program},
    {"exception_through_perform", exception_through_perform},
    {"target_changed_by_its_callback", target_changed_by_its_callback},
    {"perform_in_a_callback", perform_in_a_callback},
    {"duplicate", duplicate},
    {"duplicate_in_a_callback", duplicate_in_a_callback},
    {"reset_and_again", reset_and_again},
    {"get_with_freed_fields", get_with_freed_fields},
    {"many_addresses", many_addresses},
    {"url_object", url_object},
    {"made_here_used_there", made_here_used_there},
    {"three_in_a_multi", three_in_a_multi},
    {"multi_without_messages", multi_without_messages},
    {"multi_cleaned_up_first", multi_cleaned_up_first},
    {"removed_in_the_midst", removed_in_the_midst},
    {"multi_with_epoll", multi_with_epoll},
    {"threads_that_share", threads_that_share},
    {"forks_among_threads", forks_among_threads},
    {"parent_and_child", parent_and_child},
    {"refused", refused},
    {"refused_and_fail_on_error", refused_and_fail_on_error},
    {"nobody_listens", nobody_listens},
    {"broken_off", broken_off},
    {"no_answer_in_time", no_answer_in_time},
    {"compressed_and_decoded", compressed_and_decoded},
    {"compressed_and_left_so", compressed_and_left_so},
    {"other_requests", other_requests},
    {"connect_only", connect_only},
};

}  // namespace

int run_curl_case(const char* name, const char* provider) {
  const auto found = cases.find(name);
  if (found == cases.end()) return 2;
  base = provider;
  curl_global_init(CURL_GLOBAL_DEFAULT);
  found->second();
  std::fflush(stdout);
  return 0;
}
