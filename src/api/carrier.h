#pragma once

// The logger that carries rows of a dataset or an experiment: the current one, unless the options name another connection or
// there is none; then one for all of that connection, which never becomes the current one and stays for as long as the process
// runs. A forked child has its own. One whose key was refused looks for a key anew: whoever asks has reason to think that there
// is a good one by now.

#include <braintrust/api/connection.h>
#include <braintrust/trace/logger.h>

namespace braintrust::detail {

Logger carrier_of(const ConnectionOptions& connection);

}  // namespace braintrust::detail
