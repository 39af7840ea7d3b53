#include "pipeline/batch.h"

#include <cstring>

namespace braintrust::pipeline {
namespace {

constexpr std::string_view head = R"({"rows":[)";
constexpr std::string_view tail = R"(],"api_version":2})";

}  // namespace

bool Batch::has_room(std::size_t size, const BatchLimits& limits) const noexcept {
  return live_rows_ == 0 || (live_rows_ < limits.rows && row_bytes_ + size < limits.request_bytes / 2);
}

std::size_t Batch::append(std::string_view prefix, std::string_view text, const HeldRow& about) {
  if (rows_.empty()) {
    body_ = head;
  } else {
    body_ += ',';
    several_destinations_ = several_destinations_ || rows_.back().destination != about.destination;
  }
  HeldRow& row = rows_.emplace_back(about);
  row.offset = body_.size();
  if (prefix.empty()) {
    body_ += text;
  } else {
    body_ += '{';
    body_ += prefix;
    if (text == "{}") body_.pop_back();  // no member follows the prefix's comma
    body_ += text.substr(1);
  }
  row.size = body_.size() - row.offset;
  ++live_rows_;
  row_bytes_ += row.size;
  return rows_.size() - 1;
}

void Batch::kill(std::size_t row) noexcept {
  rows_[row].dead = true;
  --live_rows_;
  row_bytes_ -= rows_[row].size;
  dead_bytes_ += rows_[row].size;
}

void Batch::compact() {
  std::size_t end = head.size();
  std::size_t kept = 0;
  for (const HeldRow& row : rows_) {
    if (row.dead) continue;
    if (kept != 0) body_[end++] = ',';
    std::memmove(body_.data() + end, body_.data() + row.offset, row.size);
    HeldRow& moved = rows_[kept++] = row;
    moved.offset = end;
    end += row.size;
  }
  rows_.resize(kept);
  body_.resize(end);
  dead_bytes_ = 0;
}

void Batch::finish() { body_ += tail; }

void Batch::clear() {
  body_.clear();
  rows_.clear();
  live_rows_ = 0;
  row_bytes_ = 0;
  dead_bytes_ = 0;
  several_destinations_ = false;
  progress = {};
  seal_epoch = 0;
}

std::uint64_t Batch::count() const noexcept {
  std::uint64_t sum = 0;
  for (const HeldRow& row : rows_) {
    if (!row.dead) sum += row.count;
  }
  return sum;
}

}  // namespace braintrust::pipeline
