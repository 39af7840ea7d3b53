// Programs that were not written for us, under LD_PRELOAD, and plugins loaded in all the ways there are.

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "auto/provider.h"
#include "auto/traced_run.h"
#include "local/temporary_folder.h"

namespace braintrust::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

const std::string library = BRAINTRUST_AUTO_LIBRARY;
const std::string openssl_plugin = BRAINTRUST_OPENSSL_PLUGIN;
const std::string gnutls_plugin = BRAINTRUST_GNUTLS_PLUGIN;

bool have(const std::string& program) { return std::system(("command -v " + program + " >/dev/null 2>&1").c_str()) == 0; }

ModelCall answered(const std::string& text) { return {text, "you said " + text, ""}; }

class Preloaded : public testing::Test {
 protected:
  void SetUp() override {
    if (library.empty()) GTEST_SKIP() << "a sanitizer cannot be preloaded";
  }
  std::string chat() const { return provider.url() + "/v1/chat/completions"; }
  // Runs it without us first, and expects that it prints the same with us.
  std::string both(const std::vector<std::string>& words) {
    const std::string without = run.run(words);
    EXPECT_EQ(run.code, 0) << without;
    EXPECT_THAT(run.rows(), IsEmpty());
    const std::string with = run.run(words, {"LD_PRELOAD=" + library});
    EXPECT_EQ(run.code, 0) << with;
    EXPECT_EQ(with, without);
    return with;
  }

  Provider provider;
  TracedRun run{provider.url()};
};

const std::string question = R"({"model":"m","messages":[{"role":"user","content":"hello"}]})";

// ---------------------------------------------------------------------------------------------------------- the programs

TEST_F(Preloaded, CurlIsTraced) {
  if (!have("curl")) GTEST_SKIP() << "no program curl";
  both({"curl", "-sS", chat(), "-H", "Content-Type: application/json", "-d", question});
  EXPECT_THAT(run.calls(), ElementsAre(answered("hello")));
}

TEST_F(Preloaded, CurlMayShowHeadsUploadFilesAndGoParallel) {
  if (!have("curl")) GTEST_SKIP() << "no program curl";
  const TemporaryFolder folder;
  std::ofstream(folder / "body.json") << question;
  both({"curl", "-sS", "-i", "--compressed", chat(), "-d", "@" + (folder / "body.json")});
  EXPECT_THAT(run.calls(), ElementsAre(answered("hello")));
  run.run({"curl", "-sS", "-Z", chat(), chat(), "-d", question}, {"LD_PRELOAD=" + library});
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.calls(), ElementsAre(answered("hello"), answered("hello"), answered("hello")));
}

TEST_F(Preloaded, CurlWithARetryGivesTwoCalls) {
  if (!have("curl")) GTEST_SKIP() << "no program curl";
  provider.on("/v1/chat/completions", {{.status = 503, .body = R"({"error":{"message":"busy"}})"},
                                       {.body = R"({"choices":[{"index":0,"message":{"content":"ok"}}]})"}});
  run.run({"curl", "-sS", "--retry", "1", "--retry-delay", "0", chat(), "-d", question}, {"LD_PRELOAD=" + library});
  const auto calls = run.calls();
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_THAT(calls[0].error + calls[1].error, HasSubstr("busy"));
}

TEST_F(Preloaded, GitRunsUnchanged) {
  if (!have("git")) GTEST_SKIP() << "no program git";
  provider.on("/repo.git/info/refs", {{.body = "0123456789012345678901234567890123456789\trefs/heads/main\n",
                                       .headers = {{"Content-Type", "text/plain"}}}});
  provider.on("/repo.git/HEAD", {{.body = "ref: refs/heads/main\n"}});
  EXPECT_THAT(both({"git", "ls-remote", provider.url() + "/repo.git"}), HasSubstr("refs/heads/main"));
  EXPECT_THAT(run.rows(), IsEmpty());
}

TEST_F(Preloaded, CmakeDownloadsAsEver) {
  const TemporaryFolder folder;
  std::ofstream(folder / "get.cmake") << "file(DOWNLOAD " << provider.url() << "/elsewhere " << (folder / "out")
                                      << " STATUS status)\n"
                                      << "message(\"${status}\")\nfile(READ " << (folder / "out")
                                      << " text)\nmessage(\"${text}\")\n";
  EXPECT_THAT(both({"cmake", "-P", folder / "get.cmake"}), HasSubstr("elsewhere"));
  EXPECT_THAT(run.rows(), IsEmpty());
}

// pycurl is loaded with RTLD_LOCAL, long after us, and uses the GnuTLS flavour on Debian.
TEST_F(Preloaded, PythonsPycurlIsTraced) {
  if (std::system("/usr/bin/python3 -c 'import pycurl' 2>/dev/null") != 0) GTEST_SKIP() << "no python3 with pycurl";
  const TemporaryFolder folder;
  std::ofstream(folder / "ask.py") << R"(
import io, json, pycurl, sys
def handle(text):
    easy, out = pycurl.Curl(), io.BytesIO()
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}).encode()
    easy.setopt(pycurl.URL, sys.argv[1])
    easy.setopt(pycurl.POST, 1)
    easy.setopt(pycurl.POSTFIELDSIZE, len(body))
    easy.setopt(pycurl.READFUNCTION, io.BytesIO(body).read)
    easy.setopt(pycurl.WRITEFUNCTION, out.write)
    return easy, out
easy, out = handle("one")
easy.perform()
print(easy.getinfo(pycurl.RESPONSE_CODE), out.getvalue())
easy.close()
multi = pycurl.CurlMulti()
pairs = [handle(text) for text in ("two", "three")]
for easy, out in pairs: multi.add_handle(easy)
running = 1
while running:
    _, running = multi.perform()
    multi.select(0.1)
multi.info_read()
for easy, out in pairs:
    multi.remove_handle(easy)
    print(out.getvalue())
)";
  both({"/usr/bin/python3", folder / "ask.py", chat()});
  EXPECT_THAT(run.calls(), UnorderedElementsAre(answered("one"), answered("two"), answered("three")));
}

TEST_F(Preloaded, AShellAndItsChildrenPrintWhatTheyPrint) {
  EXPECT_EQ(both({"sh", "-c", "echo one; (echo two; exit 0) & wait; ls / >/dev/null; echo three | cat; env | grep -c ^PATH="}),
            "one\ntwo\nthree\n1\n");
}

TEST_F(Preloaded, AProgramWithoutAKeyIsNotDelayedAndNothingIsPrinted) {
  if (!have("curl")) GTEST_SKIP() << "no program curl";
  const TemporaryFolder folder;
  const auto begin = std::chrono::steady_clock::now();
  const std::string output =
      run.run({"sh", "-c", "cd " + folder.path().string() + " && exec curl -sS " + chat() + " -d '" + question + "'"},
              {"LD_PRELOAD=" + library, "BRAINTRUST_API_KEY="});
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(output, testing::StartsWith("{"));
  EXPECT_THAT(output, testing::Not(HasSubstr("braintrust")));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(4));
}

// Two copies of us in one process: the one that the program itself has counts.
TEST_F(Preloaded, AProgramThatTracesItselfIsTracedOnce) {
  run.run({BRAINTRUST_CURL_TRACED_PROGRAM, "three_in_a_multi", provider.url()}, {"LD_PRELOAD=" + library});
  EXPECT_EQ(run.code, 0);
  EXPECT_THAT(run.calls(), ElementsAre(answered("m1"), answered("m2"), answered("m3")));
}

// The linker's wrapping is for a static libcurl. With a shared one both ways meet, and one of them stands back.
TEST(CurlWrap, WithASharedLibcurlTracesOnce) {
  const Provider provider;
  TracedRun run(provider.url());
  for (const char* const name : {"plain", "three_in_a_multi"}) {
    const std::string output = run.run({BRAINTRUST_CURL_WRAPPED_SHARED_PROGRAM, name, provider.url()});
    EXPECT_EQ(run.code, 0) << output;
  }
  EXPECT_THAT(run.calls(), ElementsAre(answered("m1"), answered("m2"), answered("m3"), answered("plain")));
}

// ------------------------------------------------------------------------------------------------------------- plugins

enum class Host { preloaded, traced };
class Plugin : public testing::TestWithParam<Host> {
 protected:
  void SetUp() override {
    // There it is the sanitizer's dlopen that programs call, and that is left alone.
    if (library.empty()) GTEST_SKIP() << "plugins are not found by themselves under a sanitizer";
  }
  // `with_curl`: the host asks a model, too, through the libcurl it is linked with.
  void load(const std::string& mode, const std::vector<std::string>& plugins, bool with_curl = false) {
    const bool traced = GetParam() == Host::traced;
    std::vector<std::string> words = {with_curl ? (traced ? BRAINTRUST_PLUGIN_TRACED_CURL_HOST : BRAINTRUST_PLUGIN_CURL_HOST)
                                                : (traced ? BRAINTRUST_PLUGIN_TRACED_HOST : BRAINTRUST_PLUGIN_HOST),
                                      mode, provider.url() + "/v1/chat/completions"};
    words.insert(words.end(), plugins.begin(), plugins.end());
    const std::string output =
        run.run(words, traced ? std::vector<std::string>{} : std::vector<std::string>{"LD_PRELOAD=" + library});
    EXPECT_EQ(run.code, 0) << output;
  }

  Provider provider;
  TracedRun run{provider.url()};
};

TEST_P(Plugin, IsTracedWhenItIsLoadedLocally) {
  load("local", {openssl_plugin});
  EXPECT_THAT(run.calls(), ElementsAre(answered("plugin")));
}

TEST_P(Plugin, IsTracedWhenItsCallsAreBoundLate) {
  load("lazy", {openssl_plugin});
  EXPECT_THAT(run.calls(), ElementsAre(answered("plugin")));
}

TEST_P(Plugin, IsTracedWhenItBindsToItsOwnLibrariesFirst) {
  load("deepbind", {openssl_plugin});
  EXPECT_THAT(run.calls(), ElementsAre(answered("plugin")));
}

TEST_P(Plugin, UsesTheLibcurlItWasMadeForWhereThereAreTwo) {
  if (gnutls_plugin.empty()) GTEST_SKIP() << "no second flavour of libcurl";
  for (const char* const mode : {"local", "lazy", "deepbind", "global"}) load(mode, {gnutls_plugin, openssl_plugin}, true);
  EXPECT_EQ(run.calls().size(), 12U);
  for (const ModelCall& call : run.calls()) EXPECT_EQ(call.said, "you said " + call.asked);
}

TEST_P(Plugin, IsTracedWhenItIsLibcurlItselfAndItsFunctionsAreLookedUpByName) {
  load("direct", {"libcurl.so.4"});
  EXPECT_THAT(run.calls(), ElementsAre(answered("direct")));
}

// The dynamic linker must see who asks: the plugin lies in a folder that only the host's own search path names.
TEST_P(Plugin, IsFoundByTheSearchPathOfItsHost) {
  load("local", {std::filesystem::path(openssl_plugin).filename().string()});
  EXPECT_THAT(run.calls(), ElementsAre(answered("plugin")));
}

INSTANTIATE_TEST_SUITE_P(Of, Plugin, testing::Values(Host::preloaded, Host::traced), [](const auto& one) {
  return std::string(one.param == Host::preloaded ? "APreloadedProgram" : "AProgramThatTracesItself");
});

}  // namespace
}  // namespace braintrust::test
