// gRPC: metadata is what headers are elsewhere. Its keys are in lower case, as W3C's are.

#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/status.h>

#include <braintrust/tracing.h>

#include <string>

// [grpc client]
void prepare(grpc::ClientContext& context) {
  braintrust::inject_trace_context(
      [&](const std::string& name, const std::string& value) { context.AddMetadata(name, value); });
}
// [grpc client end]

// [grpc server]
template <class Request, class Reply>
grpc::Status answer(grpc::ServerContext* context, const Request&, Reply&) {
  // A map of grpc::string_ref, which are views: it is read in place.
  const auto caller = braintrust::extract_trace_context(context->client_metadata());
  auto span = braintrust::start_span("answer", {.parent = caller});
  return grpc::Status::OK;
}
// [grpc server end]

template grpc::Status answer<std::string, std::string>(grpc::ServerContext*, const std::string&, std::string&);
