// A collector that shows a certificate of its own making, and asks for ours; and one that the system vouches for.

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <httplib.h>

#include <braintrust/otlp/otlp.h>
#include <braintrust/trace/logger.h>

#include "support/told.h"
#include "trace/backend.h"

namespace braintrust {
namespace {

#if defined(CPPHTTPLIB_OPENSSL_SUPPORT)

// Certificates for 127.0.0.1, each its own authority, in a folder that goes with the object. Their subjects differ: of two of
// one name, OpenSSL would look at the first only.
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
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-addext subjectAltName=IP:127.0.0.1 -subj /CN=" +
        who + " -keyout " + key(who) + " -out " + certificate(who) + " >" + folder_ + "/openssl.log 2>&1";
    return !folder_.empty() && std::system(command.c_str()) == 0;
  }
  // Makes one that this process's system trusts.
  bool trust_in_system(const std::string& who) const {
    std::error_code error;
    std::filesystem::create_directory(system_folder(), error);
    if (error || !make(who)) return false;
    std::filesystem::copy_file(certificate(who), system_folder() + "/trusted.pem", error);
    const std::string command = "openssl rehash " + system_folder() + " >" + folder_ + "/openssl.log 2>&1";
    return !error && std::system(command.c_str()) == 0;
  }
  std::string system_folder() const { return folder_ + "/system"; }
  std::string certificate(const std::string& who) const { return folder_ + "/" + who + ".pem"; }
  std::string key(const std::string& who) const { return folder_ + "/" + who + ".key"; }

 private:
  std::string folder_;
};

// Takes spans, from whoever shows the certificate `client`; blank: from all.
class Collector {
 public:
  Collector(const Certificates& certificates, const std::string& who, const std::string& client)
      : server_(certificates.certificate(who).c_str(), certificates.key(who).c_str(),
                client.empty() ? nullptr : certificates.certificate(client).c_str()) {
    server_.Post("/v1/traces", [this](const httplib::Request&, httplib::Response&) { ++requests; });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~Collector() {
    server_.stop();
    thread_.join();
  }
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  std::string url() const { return "https://127.0.0.1:" + std::to_string(port_); }

  std::atomic<int> requests = 0;

 private:
  httplib::SSLServer server_;
  int port_ = 0;
  std::thread thread_;
};

class OtlpTls : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    certificates = std::make_unique<Certificates>();
    made = certificates->make("server") && certificates->make("client") && certificates->trust_in_system("vouched");
    // Read once, before the first request.
    ::setenv("SSL_CERT_DIR", certificates->system_folder().c_str(), 1);
    ::unsetenv("SSL_CERT_FILE");
  }
  static void TearDownTestSuite() { certificates = nullptr; }

  void SetUp() override {
    if (!made) GTEST_SKIP() << "there is no openssl to make certificates";
    collector = std::make_unique<Collector>(*certificates, "server", "client");
  }

  OtlpOptions options() const {
    return {.endpoint = collector->url(),
            .ca_file = certificates->certificate("server"),
            .client_certificate = certificates->certificate("client"),
            .client_key = certificates->key("client")};
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

  static inline std::unique_ptr<Certificates> certificates;
  static inline bool made = false;
  std::unique_ptr<Collector> collector;
};

TEST_F(OtlpTls, TrustsTheCertificateItWasGivenAndShowsItsOwn) {
  EXPECT_TRUE(reaches(options()));
  EXPECT_EQ(collector->requests, 1);
}

TEST_F(OtlpTls, SendsNothingToAServerThatNobodyVouchesFor) {
  OtlpOptions trusting_the_system = options();
  trusting_the_system.ca_file.clear();
  EXPECT_FALSE(reaches(trusting_the_system));
  EXPECT_EQ(collector->requests, 0);
}

TEST_F(OtlpTls, TrustsTheCertificateThatTheVariableNamesAndNoOtherAuthority) {
  const Collector other(*certificates, "vouched", "");
  ASSERT_TRUE(reaches({.endpoint = other.url()})) << "the system trusts it";
  {
    const test::Variables pinned({{"OTEL_EXPORTER_OTLP_CERTIFICATE", certificates->certificate("server")}});
    EXPECT_FALSE(reaches({.endpoint = other.url()}));
    EXPECT_TRUE(reaches({.endpoint = collector->url(),
                         .client_certificate = certificates->certificate("client"),
                         .client_key = certificates->key("client")}));
  }
  EXPECT_EQ(other.requests, 1);
  const test::Variables pinned({{"OTEL_EXPORTER_OTLP_CERTIFICATE", certificates->certificate("vouched")}});
  EXPECT_TRUE(reaches({.endpoint = other.url()}));
}

TEST_F(OtlpTls, IsTurnedAwayWithoutACertificateOfItsOwn) {
  OtlpOptions nobody = options();
  nobody.client_certificate.clear();
  nobody.client_key.clear();
  EXPECT_FALSE(reaches(nobody));
  EXPECT_EQ(collector->requests, 0);
}

#endif

}  // namespace
}  // namespace braintrust
