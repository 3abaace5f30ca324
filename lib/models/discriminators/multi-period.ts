import type { Value } from "../../graph/graph.js";
import { pad, reshape } from "../../graph/ops/index.js";
import { Conv2d, type Scope } from "../../nn/index.js";
import { type Discriminator, featureMaps, INITIAL_GAIN } from "./discriminator.js";

/** Sees a waveform as rows of one period each, so that its columns are what recurs (of HiFi-GAN, Kong et al. 2020). */
export class PeriodDiscriminator implements Discriminator {
  private readonly convs: readonly Conv2d[];
  private readonly post: Conv2d;

  constructor(
    scope: Scope,
    private readonly period: number,
    channels: readonly number[],
  ) {
    this.convs = channels.map((outputs, i) => {
      const stride = i + 1 < channels.length ? ([3, 1] as const) : 1;
      const options = { stride, pad: [2, 0], gain: INITIAL_GAIN } as const;
      return new Conv2d(scope.at("convs", i, "c"), channels[i - 1] ?? 1, outputs, [5, 1], options);
    });
    this.post = new Conv2d(scope.at("post", "c"), channels.at(-1)!, 1, [3, 1], { pad: [1, 0], gain: INITIAL_GAIN });
  }

  forward(audio: Value): Value[] {
    const [batch, samples] = audio.shape as [number, number];
    const rows = Math.floor(samples / this.period) + 1; // one more even where nothing is missing, as published
    const whole = pad(audio, 1, 0, rows * this.period - samples, "reflect");
    const maps = featureMaps(reshape(whole, [batch, rows, this.period, 1]), this.convs);
    return [...maps, this.post.forward(maps.at(-1)!)];
  }
}
