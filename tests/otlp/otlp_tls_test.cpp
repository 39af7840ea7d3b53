// A collector that shows a certificate of its own making, and asks for ours.

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <httplib.h>

#include <braintrust/otlp/otlp.h>
#include <braintrust/trace/logger.h>

#include "support/told.h"

namespace braintrust {
namespace {

#if defined(CPPHTTPLIB_OPENSSL_SUPPORT)

// Certificates for 127.0.0.1, each its own authority, in a folder that goes with the object.
class Certificates {
 public:
  Certificates() {
    std::string name = (std::filesystem::temp_directory_path() / "otlp_tls.XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) folder_ = name;
  }
  ~Certificates() {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;

  bool make(const std::string& who) const {
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1 "
        "-addext subjectAltName=IP:127.0.0.1 -keyout " +
        key(who) + " -out " + certificate(who) + " >" + folder_ + "/openssl.log 2>&1";
    return !folder_.empty() && std::system(command.c_str()) == 0;
  }
  std::string certificate(const std::string& who) const { return folder_ + "/" + who + ".pem"; }
  std::string key(const std::string& who) const { return folder_ + "/" + who + ".key"; }

 private:
  std::string folder_;
};

class OtlpTls : public testing::Test {
 protected:
  void SetUp() override {
    if (!certificates.make("server") || !certificates.make("client"))
      GTEST_SKIP() << "there is no openssl to make certificates";
    server =
        std::make_unique<httplib::SSLServer>(certificates.certificate("server").c_str(), certificates.key("server").c_str(),
                                             certificates.certificate("client").c_str());
    ASSERT_TRUE(server->is_valid());
    server->Post("/v1/traces", [this](const httplib::Request&, httplib::Response&) { ++requests; });
    port = server->bind_to_any_port("127.0.0.1");
    thread = std::thread([this] { server->listen_after_bind(); });
    while (!server->is_running()) std::this_thread::yield();
  }
  void TearDown() override {
    if (server) server->stop();
    if (thread.joinable()) thread.join();
  }

  OtlpOptions options() const {
    return {.endpoint = "https://127.0.0.1:" + std::to_string(port),
            .ca_file = certificates.certificate("server"),
            .client_certificate = certificates.certificate("client"),
            .client_key = certificates.key("client")};
  }
  // Whether a span reaches the collector at the first try.
  bool reaches(const OtlpOptions& with) {
    test::Told told;
    auto logger = init_logger({.exporter = otlp(with)});
    logger.start_span("work").end();
    FlushResult result;
    do result = logger.flush(std::chrono::milliseconds(50));
    while (!result.complete() && !told.mentions("takes no spans at present"));
    logger.shutdown(std::chrono::milliseconds(0));
    return result.complete();
  }

  const Certificates certificates;
  std::unique_ptr<httplib::SSLServer> server;
  std::thread thread;
  int port = 0;
  std::atomic<int> requests = 0;
};

TEST_F(OtlpTls, TrustsTheCertificateItWasGivenAndShowsItsOwn) {
  EXPECT_TRUE(reaches(options()));
  EXPECT_EQ(requests, 1);
}

TEST_F(OtlpTls, SendsNothingToAServerThatNobodyVouchesFor) {
  OtlpOptions trusting_the_system = options();
  trusting_the_system.ca_file.clear();
  EXPECT_FALSE(reaches(trusting_the_system));
  EXPECT_EQ(requests, 0);
}

TEST_F(OtlpTls, IsTurnedAwayWithoutACertificateOfItsOwn) {
  OtlpOptions nobody = options();
  nobody.client_certificate.clear();
  nobody.client_key.clear();
  EXPECT_FALSE(reaches(nobody));
  EXPECT_EQ(requests, 0);
}

#endif

}  // namespace
}  // namespace braintrust
