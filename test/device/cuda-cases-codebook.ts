/** The codebook: codes are compared to the bit, ties and special values included. */
import {
  awkward,
  type CaseInput,
  codes,
  filled,
  given,
  givenIntegers,
  type KernelCase,
  moderate,
  type Shape,
} from "./cuda-case.js";

const rounded = 1e-6;

function exact(op: string, inputs: readonly CaseInput[], attributes: KernelCase["attributes"] = {}): KernelCase {
  return { op, inputs, attributes, tolerance: 0 };
}

function close(op: string, inputs: readonly CaseInput[]): KernelCase {
  return { op, inputs, attributes: {}, tolerance: rounded };
}

/** Two halves of a codebook with the same rows: every search is a tie. */
function twice(codes: number, size: number, seed: number): CaseInput {
  const { data } = moderate([codes, size], seed);
  return given([2 * codes, size], [...data, ...data]);
}

const search: readonly KernelCase[] = [
  exact("codebook_search", [moderate([0, 8], 1), moderate([5, 8], 2)]),
  exact("codebook_search", [moderate([8], 1), moderate([1, 8], 2)]),
  exact("codebook_search", [moderate([3, 7, 8], 1), moderate([100, 8], 2)]),
  exact("codebook_search", [moderate([9, 1], 1), moderate([17, 1], 2)]),
  exact("codebook_search", [moderate([17, 65], 3), moderate([300, 65], 4)]),
  exact("codebook_search", [moderate([2, 130], 5), moderate([31, 130], 6)]),
  exact("codebook_search", [moderate([11, 4], 7), moderate([2100, 4], 8)]),
  exact("codebook_search", [moderate([20, 8], 9), twice(150, 8, 10)]),
  exact("codebook_search", [moderate([5, 8], 9), twice(1030, 8, 10)]),
  exact("codebook_search", [filled([3, 8], 0), moderate([40, 8], 11)]),
  exact("codebook_search", [moderate([3, 8], 0), filled([40, 8], 0)]),
  exact("codebook_search", [awkward([8, 4], 1), moderate([40, 4], 12)]),
  exact("codebook_search", [moderate([8, 4], 13), awkward([40, 4], 1)]),
  exact("codebook_search", [filled([2, 4], NaN), moderate([40, 4], 12)]),
];

/** Stages with latents of so many channels and codebooks of so many codes; the second may leave of another latent. */
function stages(x: CaseInput, sizes: readonly number[], base?: CaseInput): readonly (CaseInput | undefined)[] {
  const latent = x.shape.at(-1)!;
  return sizes.flatMap((size, i) => {
    const book = moderate([size, 8], 20 + i);
    const search = [moderate([8, latent, 1], 30 + i), moderate([8], 40 + i), book];
    if (i === sizes.length - 1) return search;
    return [
      ...search,
      book,
      moderate([latent, 8, 1], 50 + i, 0.2),
      moderate([latent], 60 + i),
      i === 0 ? base : undefined,
    ];
  });
}

function quantizing(x: CaseInput, sizes: readonly number[], base?: CaseInput): KernelCase {
  return { op: "fused_quantizer", inputs: [x, ...stages(x, sizes, base)], attributes: {}, tolerance: 0 };
}

/** Rows for every kind of block, the last of them in part; codebooks below and beyond a round of the threads. */
const quantizers: readonly KernelCase[] = [
  quantizing(moderate([0, 8], 1), [16]),
  quantizing(moderate([8], 1), [1, 1]),
  quantizing(moderate([2, 3, 20], 1), [17, 40, 100]),
  quantizing(moderate([29, 64], 1), [1100, 33]),
  quantizing(moderate([70, 36], 1), [50, 530, 64]),
  quantizing(moderate([70, 36], 1), [50, 530, 64], moderate([70, 36], 2)),
  quantizing(moderate([230, 4], 1), [5, 5, 5, 5, 5, 5, 5, 5]),
  quantizing(moderate([3, 1032], 1), [20, 30]),
  quantizing(awkward([40, 16], 1), [40, 30, 20]),
  quantizing(filled([5, 8], 0), [40, 30]),
  quantizing(filled([5, 8], NaN), [40, 30]),
];

const packing = (
  [
    [1, 1],
    [16, 3],
    [17, 8],
    [35, 70],
  ] as Shape[]
).map((shape, i) => exact("pack_codebook", [moderate(shape, i)]));

const lookups: readonly KernelCase[] = [
  exact("codebook_lookup", [codes([0], 1, 5), moderate([5, 3], 2)]),
  exact("codebook_lookup", [codes([2, 9], 1, 40, -3), moderate([37, 5], 2)]),
  exact("codebook_lookup", [givenIntegers([4], [-2147483648, 2147483647, 2, 3]), awkward([3, 4], 2)]),
  exact("codebook_lookup_grad", [codes([0], 1, 5), moderate([0, 3], 2)], { size: 5 }),
  exact("codebook_lookup_grad", [codes([4], 1, 5), moderate([4, 3], 2)], { size: 0 }),
  exact("codebook_lookup_grad", [codes([2, 9], 1, 40, -3), moderate([2, 9, 5], 2)], { size: 37 }),
  exact("codebook_lookup_grad", [codes([700], 3, 130), moderate([700, 65], 4)], { size: 130 }),
  exact("codebook_lookup_grad", [filled([300], 0), moderate([300, 2], 5)].map(firstAsCodes), { size: 65 }),
];

function firstAsCodes({ shape, data }: CaseInput, index: number): CaseInput {
  return index === 0 ? givenIntegers(shape, [...data]) : { shape, data };
}

const normalizing = ([[0, 4], [1], [5, 1], [3, 7, 8], [4, 1030]] as Shape[]).flatMap((shape, i) => [
  close("l2_normalize", [moderate(shape, i)]),
  close("l2_normalize_grad", [moderate(shape, i), moderate(shape, i + 1)]),
]);

const special: readonly KernelCase[] = [
  close("l2_normalize", [given([3, 2], [0, 0, 1e-20, 2e-20, 3e38, 3e38])]),
  close("l2_normalize", [awkward([5, 3], 1)]),
  close("l2_normalize_grad", [given([2, 2], [0, 0, 3, NaN]), given([2, 2], [0, 1e-12, 1, 1])]),
];

export const codebookCases: readonly KernelCase[] = [
  ...search,
  ...quantizers,
  ...packing,
  ...lookups,
  ...normalizing,
  ...special,
];
