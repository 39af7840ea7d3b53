#include "otel/export_request.h"

#include <iterator>
#include <stdexcept>
#include <utility>

#include <google/protobuf/descriptor.h>
#include <opentelemetry/exporters/otlp/otlp_recordable_utils.h>

#include "core/utf8.h"

namespace braintrust::otel::detail {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using opentelemetry::exporter::otlp::OtlpRecordableUtils;

// The protocol's message. opentelemetry-cpp's package has the schema compiled in, and no headers of it: so the message is made
// by its name. It is what the generated class is, whose one base stands at its beginning.
const Message* request_prototype() {
  using namespace google::protobuf;
  static const Message* const prototype = [] {
    const Descriptor* const type = DescriptorPool::generated_pool()->FindMessageTypeByName(
        "opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest");
    return type != nullptr ? MessageFactory::generated_factory()->GetPrototype(type) : nullptr;
  }();
  return prototype;
}

void repair_texts_in(Message& message) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const FieldDescriptor* const field : fields) {
    const bool many = field->is_repeated();
    const int count = many ? reflection.FieldSize(message, field) : 1;
    for (int i = 0; i < count; ++i) {
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        repair_texts_in(many ? *reflection.MutableRepeatedMessage(&message, field, i)
                             : *reflection.MutableMessage(&message, field));
      } else if (field->type() == FieldDescriptor::TYPE_STRING) {
        const std::string text = many ? reflection.GetRepeatedString(message, field, i) : reflection.GetString(message, field);
        if (utf8::is_valid(text)) continue;
        if (many) {
          reflection.SetRepeatedString(&message, field, i, utf8::repaired(text));
        } else {
          reflection.SetString(&message, field, utf8::repaired(text));
        }
      }
    }
  }
}

// From a request to its spans: each list is of messages that have the next one.
constexpr const char* lists[] = {"resource_spans", "scope_spans", "spans"};

const FieldDescriptor* list_in(const Message& message, std::size_t level) {
  return message.GetDescriptor()->FindFieldByName(lists[level]);
}

std::size_t spans_in(const Message& message, std::size_t level) {
  if (level == std::size(lists)) return 1;
  const Reflection& reflection = *message.GetReflection();
  const FieldDescriptor* const list = list_in(message, level);
  std::size_t count = 0;
  for (int i = 0; i < reflection.FieldSize(message, list); ++i) {
    count += spans_in(reflection.GetRepeatedMessage(message, list, i), level + 1);
  }
  return count;
}

// All of `from` but its list, which may be large.
void copy_around(Message& from, const FieldDescriptor* list, Message& to) {
  const std::unique_ptr<Message> aside(from.New());
  const Reflection& reflection = *from.GetReflection();
  reflection.SwapFields(&from, aside.get(), {list});
  to.CopyFrom(from);
  reflection.SwapFields(&from, aside.get(), {list});
}

// Moves the last `count` spans over, which has no list yet. Of what holds some of them and others, there are two then.
void move_last(std::size_t count, Message& from, Message& to, std::size_t level) {
  const Reflection& reflection = *from.GetReflection();
  const FieldDescriptor* const list = list_in(from, level);
  while (count > 0) {
    Message* const last = reflection.MutableRepeatedMessage(&from, list, reflection.FieldSize(from, list) - 1);
    const std::size_t held = spans_in(*last, level + 1);
    if (held > count) {
      Message* const part = reflection.AddMessage(&to, list);
      copy_around(*last, list_in(*last, level + 1), *part);
      return move_last(count, *last, *part, level + 1);
    }
    reflection.AddAllocatedMessage(&to, list, reflection.ReleaseLast(&from, list));
    count -= held;
  }
}

}  // namespace

void ExportRequest::prepare() { static_cast<void>(request_prototype()); }

ExportRequest::ExportRequest(std::vector<std::unique_ptr<opentelemetry::sdk::trace::Recordable>> records)
    : spans_(records.size()) {
  using Request = opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;
  if (request_prototype() == nullptr) throw std::runtime_error("this opentelemetry-cpp has no OTLP in it");
  message_.reset(request_prototype()->New());
  OtlpRecordableUtils::PopulateRequest({records.data(), records.size()}, reinterpret_cast<Request*>(message_.get()));
}

void ExportRequest::repair_texts() { repair_texts_in(*message_); }

ExportRequest ExportRequest::split_off_half() {
  ExportRequest half(std::unique_ptr<Message>(message_->New()), spans_ / 2);
  move_last(half.spans_, *message_, *half.message_, 0);
  spans_ -= half.spans_;
  return half;
}

}  // namespace braintrust::otel::detail
