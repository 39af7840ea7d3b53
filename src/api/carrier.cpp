#include "api/carrier.h"

#include "api/client.h"

namespace braintrust::detail {

Logger carrier_of(const ConnectionOptions& connection) {
  if (is_blank(connection)) {
    if (Logger current = current_logger()) return current;
  }
  return init_logger({.api_key = connection.api_key,
                      .app_url = connection.app_url,
                      .api_url = connection.api_url,
                      .org_name = connection.org_name,
                      .set_current = false});
}

}  // namespace braintrust::detail
