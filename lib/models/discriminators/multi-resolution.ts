import type { Value } from "../../graph/graph.js";
import { concat, slice } from "../../graph/ops/index.js";
import { Conv2d, type Scope } from "../../nn/index.js";
import { stft } from "../../nn/stft.js";
import { type Discriminator, featureMaps, INITIAL_GAIN } from "./discriminator.js";

/** Kernel and stride along frequency of a band's layers; along time they are 3 and 1. */
const BAND_LAYERS: readonly (readonly [kernel: number, stride: number])[] = [
  [9, 1],
  [9, 2],
  [9, 2],
  [9, 2],
  [3, 1],
];

/** Sees the complex spectrum, band by band with weights of their own (of the Descript Audio Codec, Kumar et al. 2023). */
export class ResolutionDiscriminator implements Discriminator {
  private readonly stacks: readonly (readonly Conv2d[])[];
  private readonly bins: readonly (readonly [first: number, end: number])[];
  private readonly post: Conv2d;

  /** `edges` of the bands, from 0 to 1, as shares of the bins. */
  constructor(
    scope: Scope,
    private readonly nFft: number,
    channels: number,
    edges: readonly number[],
  ) {
    const bins = nFft / 2 + 1;
    this.bins = edges.slice(1).map((edge, i) => [Math.floor(edges[i]! * bins), Math.floor(edge * bins)]);
    this.stacks = this.bins.map((_, band) =>
      BAND_LAYERS.map(([kernel, stride], i) => {
        const options = { stride: [1, stride], pad: [1, (kernel - 1) / 2], gain: INITIAL_GAIN } as const;
        const inputs = i === 0 ? 2 : channels;
        return new Conv2d(scope.at("stacks", band, i, "c"), inputs, channels, [3, kernel], options);
      }),
    );
    this.post = new Conv2d(scope.at("post", "c"), channels, 1, [3, 3], { pad: 1, gain: INITIAL_GAIN });
  }

  forward(audio: Value): Value[] {
    const spectrum = stft(audio, { nFft: this.nFft, hop: this.nFft / 4, padding: "match" }); // (B, frames, bins, 2)
    const bands = this.bins.map(([first, end]) => slice(spectrum, 2, first, end - first));
    const maps = bands.map((band, i) => featureMaps(band, this.stacks[i]!));
    const joined = concat(
      maps.map((stack) => stack.at(-1)!),
      2,
    );
    return [...maps.flat(), this.post.forward(joined)];
  }
}
