import type { Graph, Value } from "../../graph/graph.js";
import { broadcastTo, concat, conv1d, reshape, slice } from "../../graph/ops/index.js";
import { Conv1d, type Scope } from "../../nn/index.js";
import { type Discriminator, featureMaps, INITIAL_GAIN } from "./discriminator.js";

/** Outputs, kernel, stride and groups of the layers. */
const LAYERS: readonly (readonly [outputs: number, kernel: number, stride: number, groups: number])[] = [
  [16, 15, 1, 1],
  [64, 41, 4, 4],
  [256, 41, 4, 16],
  [1024, 41, 4, 64],
  [1024, 41, 4, 256],
  [1024, 5, 1, 1],
];

/** Hears the waveform at the sample rate divided by `rate` (of MelGAN, Kumar et al. 2019, as in the Descript Audio Codec). */
export class ScaleDiscriminator implements Discriminator {
  private readonly convs: readonly Conv1d[];
  private readonly post: Conv1d;

  constructor(
    scope: Scope,
    private readonly rate: number,
  ) {
    this.convs = LAYERS.map(([outputs, kernel, stride, groups], i) => {
      const options = { stride, groups, padding: (kernel - 1) / 2, gain: INITIAL_GAIN };
      return new Conv1d(scope.at("convs", i, "c"), LAYERS[i - 1]?.[0] ?? 1, outputs, kernel, options);
    });
    this.post = new Conv1d(scope.at("post", "c"), LAYERS.at(-1)![0], 1, 3, { padding: 1, gain: INITIAL_GAIN });
  }

  forward(audio: Value): Value[] {
    const slower = this.rate === 1 ? audio : decimate(audio, this.rate);
    const maps = featureMaps(reshape(slower, [...slower.shape, 1]), this.convs);
    return [...maps, this.post.forward(maps.at(-1)!)];
  }
}

const ZEROS = 24;
const ROLL_OFF = 0.945;

/** Every rate-th sample of audio (B, N) behind a low-pass filter; the ends are continued by their outermost samples. */
export function decimate(audio: Value, rate: number): Value {
  const [batch, samples] = audio.shape as [number, number];
  const width = Math.ceil((ZEROS * rate) / ROLL_OFF);
  const end = (at: number, count: number) => broadcastTo(slice(audio, 1, at, 1), [batch, count]);
  const padded = concat([end(0, width), audio, end(samples - 1, width + rate)], 1);
  const column = reshape(padded, [batch, padded.dim(1), 1]);
  const length = Math.floor(samples / rate);
  return reshape(conv1d(column, lowPass(audio.graph, rate, width), undefined, { stride: rate, length }), [
    batch,
    length,
  ]);
}

/** A sinc of unit sum under a squared cosine of 2 * ZEROS zero crossings: (1, 1, 2 width + rate). */
function lowPass(graph: Graph, rate: number, width: number): Value {
  const kernel = Float64Array.from({ length: 2 * width + rate }, (_, i) => {
    const limit = Math.max(-ZEROS, Math.min(ZEROS, ((i - width) / rate) * ROLL_OFF));
    const t = limit * Math.PI;
    return (t === 0 ? 1 : Math.sin(t) / t) * Math.cos(t / ZEROS / 2) ** 2;
  });
  const total = kernel.reduce((a, b) => a + b, 0);
  return graph.constant(
    Float32Array.from(kernel, (value) => value / total),
    [1, 1, kernel.length],
  );
}
