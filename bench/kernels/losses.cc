// Cross-entropy over a language model's vocabulary, and CTC.
#include "case.h"

namespace lmspt::lab {

void add_losses(std::vector<Case>& cases, const Sizes& sizes) {
  const auto add = [&](const char* op, const std::string& name, int64_t bytes, auto record) {
    cases.push_back({"loss", op + name, Precision::fp32, {op}, record, {0, bytes}});
  };
  const int64_t rows = sizes(1024, 6), classes = sizes(151936, 200);
  const std::string of_words = ", 1024 x 151936";
  const int64_t logits = 4 * rows * classes;
  add("cross_entropy", of_words, logits + 4 * (rows + 1), [=](Recorder& r) {
    r.want(r.one("cross_entropy", {r.changing({rows, classes}), r.integers({rows}, 0, static_cast<int>(classes))}));
  });
  add("cross_entropy_grad", of_words, 2 * logits + 4 * (rows + 1), [=](Recorder& r) {
    r.want(r.one("cross_entropy_grad",
                 {r.changing({rows, classes}), r.integers({rows}, 0, static_cast<int>(classes)), r.scalar(1)}));
  });
  const int64_t batch = sizes(16, 2), frames = sizes(1500, 30), letters = 32, labels = sizes(200, 5);
  const int64_t scores = 4 * batch * frames * letters;
  const std::string of_letters = ", 16 x 1500 x 32, 200 labels";
  const auto targets = [=](Recorder& r) { return r.integers({batch, labels}, 1, letters); };
  add("ctc_loss", of_letters, scores + 4 * (batch * labels + 1),
      [=](Recorder& r) { r.want(r.one("ctc_loss", {r.changing({batch, frames, letters}), targets(r)})); });
  add("ctc_loss_grad", of_letters, 2 * scores + 4 * (batch * labels + 1), [=](Recorder& r) {
    r.want(r.one("ctc_loss_grad", {r.changing({batch, frames, letters}), targets(r), r.scalar(1)}));
  });
}

}  // namespace lmspt::lab
