// Links to spans. PROTO 7.2.

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <braintrust/trace/logger.h>

#include "trace/backend.h"

namespace braintrust {
namespace {

using test::Variables;
using test::Wire;
using testing::StartsWith;

TEST(Link, OfNoSpanSaysSo) {
  EXPECT_EQ(Span().link(), "https://www.braintrust.dev/noop-span");
  EXPECT_EQ(SpanHandle().link(), "https://www.braintrust.dev/noop-span");
}

TEST(Link, SaysWhatIsNotKnownBeforeTheLogin) {
  Logger logger =
      init_logger({.project = "p", .api_key = "k", .app_url = "http://127.0.0.1:" + std::to_string(test::free_port())});
  {
    auto span = logger.start_span("early");
    EXPECT_THAT(span.link(), StartsWith("https://www.braintrust.dev/error-generating-link?msg=the%20organisation"));
  }
  logger.shutdown(std::chrono::milliseconds(0));
}

TEST(Link, NamesTheProjectWhileItsIdIsNotKnown) {
  Logger logger = init_logger({.project = "my project & more",
                               .api_key = "k",
                               .app_url = "http://127.0.0.1:" + std::to_string(test::free_port()) + "/",
                               .org_name = "a/b"});
  {
    auto span = logger.start_span("early");
    EXPECT_THAT(span.link(), testing::EndsWith("/app/a%2Fb/p/my%20project%20%26%20more/logs?oid=" + span.id()));
    EXPECT_THAT(span.link(), testing::Not(testing::HasSubstr("//app/")));
  }
  logger.shutdown(std::chrono::milliseconds(0));
}

TEST(Link, NamesObjectAndRowOnceTheyAreKnown) {
  Wire wire({}, {.org_name = "acme corp"});
  { auto span = wire.logger.start_span("first"); }
  wire.rows();
  auto span = wire.logger.start_span("second");
  EXPECT_EQ(span.link(),
            wire.server.url() + "/app/acme%20corp/object?object_type=project_logs&object_id=id%20of%20p&id=" + span.id());
}

TEST(Link, OfAnExperimentNamesIt) {
  Wire wire({.org_name = "acme"});
  auto span = wire.logger.start_span("child", {.parent = "AwEBAREREREiIjMzRERVVVVVVVU="});
  EXPECT_EQ(span.link(),
            wire.server.url() +
                "/app/acme/object?object_type=experiment&object_id=11111111-2222-3333-4444-555555555555&id=" + span.id());
}

TEST(Link, LeadsToThePublicUrlOfTheApp) {
  const Variables variables(Variables::Values{{"BRAINTRUST_APP_PUBLIC_URL", "https://traces.example.com/"}});
  Wire wire({.org_name = "acme"});
  auto span = wire.logger.start_span("public");
  EXPECT_THAT(span.link(), StartsWith("https://traces.example.com/app/acme/p/p/logs?oid="));
}

}  // namespace
}  // namespace braintrust
