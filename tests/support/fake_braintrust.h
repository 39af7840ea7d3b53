#pragma once

// Makes a `ScriptedServer` answer as Braintrust does: login, limits, projects, rows. A test then scripts over the path it is
// about.
//
// Threads: as the server.

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/scripted_server.h"

namespace braintrust::test {

struct FakeBraintrust {
  std::string api_key = "sk-test-key";  // the only one that is let in
  std::string org_name = "acme";
  std::string api_url = {};           // what the login names; blank = the server itself
  std::size_t payload_max_bytes = 0;  // what /version says; 0 = nothing
};

// A project's id is "id of " and its name.
void play_braintrust(ScriptedServer& server, const FakeBraintrust& fake = {});

// The rows of every POST to /logs3 so far, in order of arrival, repeated ones included.
std::vector<nlohmann::json> rows_of(const ScriptedServer& server);

// Answers for attachments: `/attachment` and `/attachment/status` on `server`, and on `store`, which is not Braintrust's and
// may be the same server, `PUT /store?key=<key>`.
void play_attachments(ScriptedServer& server, ScriptedServer& store, const FakeBraintrust& fake = {});

// What was put into the store: bodies by key. And what was reported of each key, in order.
std::map<std::string, std::string> stored_attachments(const ScriptedServer& store);
std::map<std::string, std::vector<nlohmann::json>> reported_attachments(const ScriptedServer& server);

}  // namespace braintrust::test
