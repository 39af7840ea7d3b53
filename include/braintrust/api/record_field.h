#pragma once

// `RecordField` and `RecordTags`: what a record is told, as `Field` and `Tags` (trace/fields.h) tell a span.
//
// These are written whether or not there is a logger: a span may have nobody who looks at it, but a record is made to be kept.
//
// Threads: plain values. Errors: as for fields; what is no object where one is wanted is told when it is sent. Source: PROTO 2.

#include <concepts>
#include <initializer_list>
#include <string_view>
#include <utility>

#include <braintrust/core/json.h>
#include <braintrust/trace/fields.h>

namespace braintrust {

class RecordField : public Field {
 public:
  RecordField() = default;
  RecordField(Json&& value) noexcept : Field(std::move(value)) {}
  RecordField(const Json& value) : Field(Json(value)) {}
  template <detail::JsonValue T>
  requires(!std::same_as<T, Json> && !std::derived_from<T, Field>) RecordField(const T& value) : Field(Json(value)) {}
  RecordField(std::initializer_list<detail::Member> members) : Field(Json(members)) {}
};

class RecordTags : public Tags {
 public:
  RecordTags() = default;
  RecordTags(std::initializer_list<std::string_view> tags) : Tags(Field(Json(tags))) {}
  template <detail::RangeLike T>
  requires(!std::derived_from<T, Tags> && !detail::Stringish<T>) RecordTags(const T& tags) : Tags(Field(Json(tags))) {}
};

}  // namespace braintrust
