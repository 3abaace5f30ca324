/** Cross-entropy, the CTC loss and the L1 distance, each with its gradient. */
import {
  awkward,
  type CaseInput,
  codes,
  filled,
  given,
  givenIntegers,
  type KernelCase,
  masked,
  moderate,
} from "./cuda-case.js";

/** A loss and its gradient of the same inputs. */
function both(
  op: string,
  logits: CaseInput,
  targets: CaseInput,
  attributes: KernelCase["attributes"],
  tolerance = 2e-6,
) {
  return [
    { op, inputs: [logits, targets], attributes, tolerance },
    { op: `${op}_grad`, inputs: [logits, targets, given([], [-1.75])], attributes, tolerance },
  ];
}

const crossEntropy: readonly KernelCase[] = [
  ...both("cross_entropy", moderate([0, 5], 1), codes([0], 1, 5), {}),
  ...both("cross_entropy", moderate([1, 1], 1), codes([1], 1, 1), {}),
  ...both("cross_entropy", moderate([9, 31], 2, 4), codes([9], 3, 31), {}),
  ...both("cross_entropy", moderate([70, 33], 3, 4), codes([70], 3, 33, -2), { ignore_index: -1 }),
  ...both("cross_entropy", moderate([3, 1025], 4, 30), codes([3], 5, 1025), { ignore_index: 7 }),
  ...both("cross_entropy", moderate([2, 5000], 5, 2), codes([2], 6, 5000), {}),
  ...both("cross_entropy", masked([5, 80], 6), codes([5], 7, 80), {}),
  ...both("cross_entropy", moderate([2, 3], 7), givenIntegers([2], [-100, -100]), {}),
  ...both("cross_entropy", moderate([2, 3], 7), givenIntegers([2], [-100, 3]), {}),
  ...both("cross_entropy", awkward([4, 9], 8), codes([4], 9, 9), {}),
  ...both("cross_entropy", given([3, 2], [-Infinity, -Infinity, 900, -900, 0, 0]), givenIntegers([3], [0, 1, 1]), {}),
  ...both("cross_entropy", given([1, 2], [900, -900]), givenIntegers([1], [1]), {}),
];

/** Labels of every item, filled up with -1. */
function labels(items: readonly (readonly number[])[]): CaseInput {
  const most = Math.max(0, ...items.map(({ length }) => length));
  const values = items.flatMap((item) => [...item, ...Array<number>(most - item.length).fill(-1)]);
  return givenIntegers([items.length, most], values);
}

const repeated = Array.from({ length: 40 }, (_, i) => 1 + (Math.floor(i / 3) % 4));

const ctc: readonly KernelCase[] = [
  ...both("ctc_loss", moderate([2, 0, 3], 1), labels([[1], []]), {}),
  ...both("ctc_loss", moderate([0, 4, 3], 1), givenIntegers([0, 2], []), {}),
  ...both("ctc_loss", moderate([2, 4, 3], 1), labels([[], []]), {}),
  ...both("ctc_loss", moderate([1, 1, 1], 1), labels([[]]), {}),
  ...both("ctc_loss", moderate([3, 7, 5], 2, 3), labels([[1, 2, 2, 4], [3], []]), {}, 1e-5),
  ...both("ctc_loss", moderate([3, 7, 5], 3, 3), labels([[1, 2, 2, 3], [3, 3], [0]]), { blank: 4 }, 1e-5),
  ...both(
    "ctc_loss",
    moderate([3, 3, 5], 4),
    labels([
      [1, 1, 2],
      [1, 2, 3],
      [1, 2, 3, 4],
    ]),
    {},
    1e-5,
  ),
  ...both("ctc_loss", moderate([2, 90, 33], 5, 2), labels([repeated, [1, 32, 7]]), {}, 1e-5),
  ...both("ctc_loss", moderate([1, 5, 1030], 6), labels([[1029, 3]]), {}, 1e-5),
  ...both(
    "ctc_loss",
    moderate([3, 5, 4], 7),
    labels([
      [1, 4],
      [2, 0],
      [3, 1],
    ]),
    {},
    1e-5,
  ),
  ...both("ctc_loss", moderate([2, 5, 4], 8), givenIntegers([2, 3], [1, -1, 2, -7, 3, 3]), {}, 1e-5),
  ...both("ctc_loss", given([1, 2, 2], [NaN, 1, 0, 0]), labels([[1]]), {}),
  ...both("ctc_loss", given([1, 2, 2], [-Infinity, 1, 0, 0]), labels([[1]]), {}),
];

/** Nothing, less than four, one piece, and pieces of which the last is no multiple of four. */
const distances: readonly KernelCase[] = [
  ...both("l1_distance", filled([0, 3], 1), filled([0, 3], 1), {}),
  ...both("l1_distance", given([], [1]), given([], [3]), {}),
  ...both("l1_distance", given([3], [1, -2, 5]), given([3], [1, 4, -Infinity]), {}),
  ...both("l1_distance", given([5], [1, 2, NaN, 4, 5]), given([5], [1, 3, 3, 3, 3]), {}),
  ...both("l1_distance", moderate([2, 9, 28], 1), moderate([2, 9, 28], 2), {}),
  ...both("l1_distance", awkward([70], 1), awkward([70], 2), {}),
  ...both("l1_distance", moderate([3, 41, 7, 171], 3), moderate([3, 41, 7, 171], 4, 2), {}),
  ...both("l1_distance", moderate([1, 8192], 5), moderate([1, 8192], 5), {}),
];

export const lossCases: readonly KernelCase[] = [...crossEntropy, ...ctc, ...distances];
