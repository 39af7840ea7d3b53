#pragma once

// `Protocol`: which answer the backend gives to which request. HTTP comes and goes through `HttpListener`.
//
// Threads: safe to call from any thread. Errors: become answers: 400 refused, 401 no key, 403 a foreign `Host`, 404 unknown,
// 413 a `/logs3` body beyond what `/version` says, 500. Source: PROTO 1.1, 2, 4, 11; what is asked of
// datasets, experiments and prompts, and what OpenTelemetry sends, is in calls.h.
//
// Why any key will do and none will not: there is nobody to tell apart, but a page in a browser can send plain requests to
// loopback; it cannot send an `Authorization` header without asking first, and it is never answered yes. The `Host` check
// stands against names of foreign sites that are made to resolve to this machine.

#include <string>

#include <braintrust/local/store.h>

#include "local/http_listener.h"

namespace braintrust::local {

class Protocol {
 public:
  // With `any_host`, the `Host` header is not judged.
  Protocol(Store& store, bool any_host) : store_(store), any_host_(any_host) {}

  HttpAnswer answer(const HttpRequest& request);

 private:
  HttpAnswer login(const HttpRequest& request);
  HttpAnswer register_project(const HttpRequest& request);
  HttpAnswer get_project(const HttpRequest& request);
  HttpAnswer logs3(const HttpRequest& request);
  HttpAnswer begin_upload(const HttpRequest& request);
  HttpAnswer put_upload(const HttpRequest& request);
  HttpAnswer begin_attachment(const HttpRequest& request);
  HttpAnswer report_attachment(const HttpRequest& request);
  HttpAnswer find_attachment(const HttpRequest& request);
  HttpAnswer put_attachment(const HttpRequest& request);
  HttpAnswer get_attachment(const HttpRequest& request);

  Store& store_;
  bool any_host_;
};

}  // namespace braintrust::local
