/** Spectra and the mel distance: frames of all kinds of transforms, fewer and more than a block takes at a time. */
import { type CaseInput, filled, given, givenIntegers, type KernelCase, moderate } from "./cuda-case.js";

/** What frames of `size` samples read: the window, and the turns. */
function tables(size: number): readonly CaseInput[] {
  const angles = Array.from({ length: size / 2 }, (_, k) => (2 * Math.PI * k) / size);
  return [
    moderate([size], size),
    given(
      [size / 2, 2],
      angles.flatMap((angle) => [Math.cos(angle), -Math.sin(angle)]),
    ),
  ];
}

/** Segments that grow, some of them empty; the first and last bins are in none. */
function bands(size: number, count: number): readonly CaseInput[] {
  const bins = size / 2 + 1;
  const starts = Array.from({ length: count + 2 }, (_, i) => 1 + Math.floor((bins - 3) * (i / (count + 1)) ** 2));
  const weights = moderate([bins, 2], count);
  return [{ ...weights, data: weights.data.map(Math.abs) as Float32Array }, givenIntegers([count + 2], starts)];
}

const tolerance = 1e-5;

/** Frames are hop apart; there are `count` of them, and `beyond` samples after the last. */
function cases(items: number, size: number, hop: number, count: number, beyond: number, mels: number): KernelCase[] {
  const length = size + (count - 1) * hop + beyond;
  const [a, b] = [moderate([items, length], 1, 0.3), moderate([items, length], 2, 0.2)];
  const pair = [a, b, ...tables(size), ...bands(size, mels)];
  const attributes = { hop, floor: 1e-4 };
  return [
    { op: "spectra", inputs: [a, ...tables(size)], attributes: { hop }, tolerance },
    {
      op: "spectra_grad",
      inputs: [moderate([items, count, size / 2 + 1, 2], 3, 0.1), ...tables(size)],
      attributes: { hop, length },
      tolerance,
    },
    { op: "mel_distance", inputs: pair, attributes, tolerance },
    { op: "mel_distance_grad", inputs: [...pair, given([], [2])], attributes, tolerance },
  ];
}

export const spectrumCases: readonly KernelCase[] = [
  ...cases(1, 16, 4, 1, 0, 1),
  ...cases(2, 16, 5, 300, 3, 8),
  ...cases(2, 32, 40, 70, 11, 5),
  ...cases(1, 128, 32, 41, 0, 20),
  ...cases(2, 512, 128, 9, 100, 80),
  ...cases(2, 1024, 256, 7, 1, 160),
  ...cases(1, 2048, 512, 9, 0, 320),
  { op: "spectra", inputs: [filled([0, 20], 0), ...tables(16)], attributes: { hop: 4 }, tolerance },
  { op: "spectra", inputs: [filled([1, 40], 0), ...tables(16)], attributes: { hop: 4 }, tolerance },
];
