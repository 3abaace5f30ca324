/** The short-time Fourier transform as one convolution: overlapping frames times a windowed Fourier basis. */
import { invalidArgument } from "../errors.js";
import type { Graph, Value } from "../graph/graph.js";
import { conv1d, pad, reshape } from "../graph/ops/index.js";

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
  const samples = reshape(padded, [padded.dim(0), padded.dim(1), 1]);
  const frames = conv1d(samples, fourierBasis(x.graph, nFft), undefined, { stride: hop, exact: true });
  return reshape(frames, [frames.dim(0), frames.dim(1), bins, 2]);
}

function addEnds(x: Value, nFft: number, hop: number, padding: StftPadding): Value {
  if (padding === "center") return pad(x, 1, nFft / 2, nFft / 2, "reflect");
  if (padding !== "match") throw invalidArgument("padding", '"center" or "match"', padding);
  if (hop * 4 !== nFft) throw invalidArgument("hop", `a quarter of nFft, ${nFft / 4}, with the padding "match"`, hop);
  // The published form pads, takes a centred transform and drops two frames at either end: exactly the centring.
  const side = (nFft - hop) / 2;
  const toWholeHop = Math.ceil(x.dim(1) / hop) * hop - x.dim(1);
  return pad(x, 1, side, side + toWholeHop, "reflect");
}

/** The bases that graphs have already, by the length of a frame. */
const bases = new WeakMap<Graph, Map<number, Value>>();

function fourierBasis(graph: Graph, nFft: number): Value {
  const known = bases.get(graph) ?? new Map<number, Value>();
  bases.set(graph, known);
  const basis = known.get(nFft) ?? makeFourierBasis(graph, nFft);
  known.set(nFft, basis);
  return basis;
}

/** Row 2 k holds window * cos, row 2 k + 1 window * -sin of bin k: (2 bins, 1, nFft). */
function makeFourierBasis(graph: Graph, nFft: number): Value {
  const turn = (2 * Math.PI) / nFft;
  const cosine = Float64Array.from({ length: nFft }, (_, i) => Math.cos(turn * i));
  const sine = Float64Array.from({ length: nFft }, (_, i) => Math.sin(turn * i));
  const rows = nFft + 2;
  const basis = new Float32Array(rows * nFft);
  for (let row = 0; row < rows; row++) {
    const bin = row >> 1;
    for (let t = 0; t < nFft; t++) {
      const window = 0.5 - 0.5 * cosine[t]!;
      const phase = (bin * t) % nFft;
      basis[row * nFft + t] = window * (row % 2 === 0 ? cosine[phase]! : -sine[phase]!);
    }
  }
  return graph.constant(basis, [rows, 1, nFft]);
}
