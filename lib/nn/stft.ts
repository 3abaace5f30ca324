/**
 * The short-time Fourier transform: by the fast transform where frames are powers of two, else as one convolution,
 * overlapping frames times a windowed Fourier basis.
 */
import { invalidArgument } from "../errors.js";
import type { Graph, Value } from "../graph/graph.js";
import { conv1d, type FrameTables, pad, reshape, spectra } from "../graph/ops/index.js";

/**
 * How the ends of x are treated; what is added mirrors x at its border.
 * `"center"`: frame i is centred at sample i * hop; floor(N / hop) + 1 frames.
 * `"match"`: frame i covers what a convolution of stride hop would, so that ceil(N / hop) frames cover x once; the hop
 * must be a quarter of nFft.
 */
export type StftPadding = "center" | "match";

export interface StftOptions {
  /** Samples of a frame, an even number; the periodic Hann window is as long. */
  readonly nFft: number;
  /** Samples from one frame to the next. */
  readonly hop: number;
  /** `"center"` by default. */
  readonly padding?: StftPadding;
}

/** Real and imaginary parts of the spectra of x (B, N): (B, frames, nFft / 2 + 1, 2). */
export function stft(x: Value, options: StftOptions): Value {
  const { nFft, hop, padding = "center" } = options;
  if (!(Number.isInteger(nFft) && nFft >= 2 && nFft % 2 === 0)) throw invalidArgument("nFft", "an even number", nFft);
  if (!(Number.isInteger(hop) && hop >= 1)) throw invalidArgument("hop", "an integer of at least 1", hop);
  const bins = nFft / 2 + 1;
  const padded = addEnds(x, nFft, hop, padding);
  if (hasFastTransform(nFft)) return spectra(padded, frameTables(x.graph, nFft), hop);
  const samples = reshape(padded, [padded.dim(0), padded.dim(1), 1]);
  const frames = conv1d(samples, fourierBasis(x.graph, nFft), undefined, { stride: hop, exact: true });
  return reshape(frames, [frames.dim(0), frames.dim(1), bins, 2]);
}

/** Whether frames of so many samples have a fast transform. `LMSPT_FFT=0` switches it off. */
export function hasFastTransform(nFft: number): boolean {
  return nFft >= 16 && nFft <= 2048 && Number.isInteger(Math.log2(nFft)) && process.env.LMSPT_FFT !== "0";
}

/** x with the ends that `stft` adds. */
export function addEnds(x: Value, nFft: number, hop: number, padding: StftPadding): Value {
  if (padding === "center") return pad(x, 1, nFft / 2, nFft / 2, "reflect");
  if (padding !== "match") throw invalidArgument("padding", '"center" or "match"', padding);
  if (hop * 4 !== nFft) throw invalidArgument("hop", `a quarter of nFft, ${nFft / 4}, with the padding "match"`, hop);
  // The published form pads, takes a centred transform and drops two frames at either end: exactly the centring.
  const side = (nFft - hop) / 2;
  const toWholeHop = Math.ceil(x.dim(1) / hop) * hop - x.dim(1);
  return pad(x, 1, side, side + toWholeHop, "reflect");
}

/** Keeps what is made of the length of a frame, once for each graph. */
function oncePerGraph<Made>(make: (graph: Graph, nFft: number) => Made): (graph: Graph, nFft: number) => Made {
  const made = new WeakMap<Graph, Map<number, Made>>();
  return (graph, nFft) => {
    const known = made.get(graph) ?? new Map<number, Made>();
    made.set(graph, known);
    const value = known.get(nFft) ?? make(graph, nFft);
    known.set(nFft, value);
    return value;
  };
}

/** Cosine and sine of every nFft-th part of a turn, and the periodic Hann window. */
function circle(nFft: number) {
  const turn = (2 * Math.PI) / nFft;
  const cosine = Float64Array.from({ length: nFft }, (_, i) => Math.cos(turn * i));
  const sine = Float64Array.from({ length: nFft }, (_, i) => Math.sin(turn * i));
  return { cosine, sine, window: cosine.map((value) => 0.5 - 0.5 * value) };
}

/** What the fast transform of frames of `nFft` samples reads. */
export const frameTables = oncePerGraph((graph, nFft): FrameTables => {
  const { cosine, sine, window } = circle(nFft);
  const turns = Float32Array.from({ length: nFft }, (_, i) => (i % 2 === 0 ? cosine[i >> 1]! : -sine[i >> 1]!));
  return {
    window: graph.constant(Float32Array.from(window), [nFft]),
    turns: graph.constant(turns, [nFft / 2, 2]),
  };
});

/** Row 2 k holds window * cos, row 2 k + 1 window * -sin of bin k: (2 bins, 1, nFft). */
const fourierBasis = oncePerGraph((graph, nFft): Value => {
  const { cosine, sine, window } = circle(nFft);
  const rows = nFft + 2;
  const basis = new Float32Array(rows * nFft);
  for (let row = 0; row < rows; row++) {
    const bin = row >> 1;
    for (let t = 0; t < nFft; t++) {
      const phase = (bin * t) % nFft;
      basis[row * nFft + t] = window[t]! * (row % 2 === 0 ? cosine[phase]! : -sine[phase]!);
    }
  }
  return graph.constant(basis, [rows, 1, nFft]);
});
