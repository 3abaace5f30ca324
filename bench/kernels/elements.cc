// What is bound by memory: Snake, elementwise ops, reductions, layouts, weight norm, AdamW.
#include "case.h"

namespace lmspt::lab {

namespace {

void add_snakes(std::vector<Case>& cases, int64_t rows, int64_t channels) {
  const int64_t bytes = rows * channels * 4;
  const auto forward = [=](Recorder& r) {
    r.want(r.one("snake", {r.changing({1, rows, channels}), r.positive({channels})}));
  };
  cases.push_back({"snake", "snake, 960000 x 32", Precision::fp32, {"snake"}, forward, {0, 2 * bytes + 4 * channels}});
  const auto backward = [=](Recorder& r) {
    const std::vector<ValueId> inputs = {r.changing({1, rows, channels}), r.positive({channels}),
                                         r.changing({1, rows, channels})};
    for (ValueId gradient : r.apply("snake_grad", inputs)) r.want(gradient);
  };
  cases.push_back(
      {"snake", "snake_grad, 960000 x 32", Precision::fp32, {"snake_grad"}, backward, {0, 3 * bytes + 8 * channels}});
}

void add_adamw(std::vector<Case>& cases, int64_t tensors, int64_t size) {
  const int64_t count = tensors * size, scalars = 3;
  const auto step = [=](Recorder& r) {
    std::vector<ValueId> inputs = {r.scalar(1e-4f), r.scalar(1), r.scalar(1)};
    std::vector<ValueId> updated;
    for (int64_t i = 0; i < tensors; ++i) {
      for (ValueId value : {r.changing({size}), r.changing({size}), r.positive({size}, false)}) {
        inputs.push_back(value);
        updated.push_back(value);
      }
      inputs.push_back(r.changing({size}));
    }
    const std::vector<ValueId> values = r.apply("adamw", inputs);
    for (size_t i = 0; i < updated.size(); ++i) r.update(updated[i], values[i]);
  };
  cases.push_back({"optimizer", "adamw, 32 x 1 M", Precision::fp32, {"adamw"}, step, {0, 4 * (7 * count + scalars)}});
  const auto norm = [=](Recorder& r) {
    std::vector<ValueId> inputs;
    for (int64_t i = 0; i < tensors; ++i) inputs.push_back(r.changing({size}));
    r.want(r.one("global_norm", inputs));
  };
  cases.push_back({"optimizer", "global_norm, 32 x 1 M", Precision::fp32, {"global_norm"}, norm, {0, 4 * (count + 1)}});
}

}  // namespace

void add_elements(std::vector<Case>& cases, const Sizes& sizes) {
  const int64_t rows = sizes(960000, 50), channels = sizes(32, 16), count = rows * channels;
  add_snakes(cases, rows, channels);
  const auto add = [&](const char* family, const std::string& name, const char* op, int64_t bytes, auto record) {
    cases.push_back({family, name, Precision::fp32, {op}, record, {0, bytes}});
  };
  add("elementwise", "gelu, 30.7 M", "gelu", 8 * count,
      [=](Recorder& r) { r.want(r.one("gelu", {r.changing({count})})); });
  add("elementwise", "add, 30.7 M", "add", 12 * count,
      [=](Recorder& r) { r.want(r.one("add", {r.changing({count}), r.changing({count})})); });
  add("elementwise", "mul of rows, 960000 x 32", "mul", 4 * (2 * count + channels),
      [=](Recorder& r) { r.want(r.one("mul", {r.changing({rows, channels}), r.changing({channels})})); });
  add("reduction", "mean of rows, 960000 x 32", "mean", 4 * (count + rows),
      [=](Recorder& r) { r.want(r.one("mean", {r.changing({rows, channels})}, {{"first", 1}, {"last", 1}})); });
  add("reduction", "mean of columns, 960000 x 32", "mean", 4 * (count + channels),
      [=](Recorder& r) { r.want(r.one("mean", {r.changing({rows, channels})}, {{"first", 0}, {"last", 0}})); });
  add("reduction", "mean of all, 30.7 M", "mean", 4 * (count + 1),
      [=](Recorder& r) { r.want(r.one("mean", {r.changing({rows, channels})}, {{"first", 0}, {"last", 1}})); });
  add("layout", "transpose, 960000 x 32", "transpose", 8 * count, [=](Recorder& r) {
    r.want(r.one("transpose", {r.changing({rows, channels})}, {{"order", std::vector<int64_t>{1, 0}}}));
  });
  add("layout", "concat along channels, 2 x 960000 x 32", "concat", 16 * count, [=](Recorder& r) {
    r.want(r.one("concat", {r.changing({rows, channels}), r.changing({rows, channels})}, {{"axis", 1}}));
  });
  add("layout", "pad by reflection, 4 x 240000", "pad", 4 * (2 * rows + 8 * 10), [=](Recorder& r) {
    r.want(
        r.one("pad", {r.changing({2, rows / 2, 1})}, {{"axis", 1}, {"before", 20}, {"after", 20}, {"reflect", true}}));
  });
  const int64_t outputs = sizes(768, 24);
  add("weight norm", "weight_norm, 768 x 768 x 7", "weight_norm", 4 * (2 * outputs * outputs * 7 + outputs),
      [=](Recorder& r) {
        r.want(r.one("weight_norm", {r.changing({outputs, outputs, 7}), r.changing({outputs, 1, 1})}));
      });
  add_adamw(cases, sizes(32, 3), sizes(int64_t{1} << 20, 1000));
}

}  // namespace lmspt::lab
