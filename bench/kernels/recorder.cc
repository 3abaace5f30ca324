#include "recorder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

namespace lmspt::lab {

namespace {

constexpr int64_t kBlock = 1 << 20;  // so many numbers are drawn, the rest are copies of them
constexpr size_t kWord = 4;

float normal(std::mt19937& random) {
  static thread_local std::normal_distribution<float> distribution;
  return distribution(random);
}

}  // namespace

template <class Number>
ValueId Recorder::variable(DType dtype, std::initializer_list<int64_t> dims, bool frozen, Number number) {
  const Shape shape = make_shape(dims);
  const int64_t count = shape.count(), drawn = std::min(count, kBlock);
  Buffer buffer = Buffer::allocate(count * static_cast<int64_t>(kWord));
  char* bytes = static_cast<char*>(buffer.data);
  std::mt19937 random(static_cast<uint32_t>(graph_.value_count()) + 1);
  for (int64_t i = 0; i < drawn; ++i) {
    const auto value = number(random);
    static_assert(sizeof value == kWord);
    std::memcpy(bytes + i * kWord, &value, kWord);
  }
  for (int64_t i = drawn; i < count; i += kBlock) {
    std::memcpy(bytes + i * kWord, bytes, std::min(kBlock, count - i) * kWord);
  }
  return graph_.variable(std::make_shared<Variable>(dtype, shape, buffer, frozen));
}

ValueId Recorder::changing(std::initializer_list<int64_t> shape) {
  return variable(DType::f32, shape, false, [](std::mt19937& random) { return normal(random); });
}

ValueId Recorder::weights(std::initializer_list<int64_t> shape) {
  return variable(DType::f32, shape, true, [](std::mt19937& random) { return 0.02f * normal(random); });
}

ValueId Recorder::positive(std::initializer_list<int64_t> shape, bool frozen) {
  return variable(DType::f32, shape, frozen,
                  [](std::mt19937& random) { return 0.5f + static_cast<float>(random() % 1024) / 1024; });
}

ValueId Recorder::scalar(float value) {
  return variable(DType::f32, {}, false, [value](std::mt19937&) { return value; });
}

ValueId Recorder::integers(std::initializer_list<int64_t> shape, int first, int end) {
  return variable(DType::i32, shape, false,
                  [=](std::mt19937& random) { return first + static_cast<int32_t>(random() % (end - first)); });
}

ValueId Recorder::integers(const std::vector<int32_t>& numbers) {
  size_t next = 0;
  return variable(DType::i32, {static_cast<int64_t>(numbers.size())}, true,
                  [&](std::mt19937&) { return numbers[next++]; });
}

ValueId Recorder::made(std::initializer_list<int64_t> shape) { return one("neg", {changing(shape)}); }

std::vector<ValueId> Recorder::apply(const std::string& op, const std::vector<ValueId>& inputs, const AttrArgs& attrs) {
  return graph_.apply(op, inputs, attrs);
}

ValueId Recorder::one(const std::string& op, const std::vector<ValueId>& inputs, const AttrArgs& attrs) {
  return apply(op, inputs, attrs)[0];
}

void Recorder::want(ValueId value) {
  const Value& found = graph_.value(value);
  if (found.dtype == DType::f32 && found.shape.rank > 0) {
    value = one("sum", {value}, {{"first", 0}, {"last", found.shape.rank - 1}});
  }
  outputs_.push_back({"y" + std::to_string(outputs_.size()), value});
}

void Recorder::update(ValueId variable, ValueId value) { updates_.push_back({variable, value}); }

Program Recorder::program(Precision precision) const {
  Program program = lower(graph_, outputs_, updates_);
  set_precision(program, precision);
  return program;
}

}  // namespace lmspt::lab
