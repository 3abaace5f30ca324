/** The convolutional encoder (of the Descript Audio Codec): samples to latent frames. */
import type { Value } from "../graph/graph.js";
import { type Context, Conv1d, contextOf, type Level, type Scope, Snake, type StreamStep } from "../nn/index.js";
import { product } from "./config.js";
import { type BlockStyle, ResidualUnit } from "./residual-unit.js";

/** Three residual units at the input's width, then a strided convolution that doubles it. */
class EncoderBlock {
  private readonly units: readonly ResidualUnit[];
  private readonly snake: Snake;
  private readonly down: Conv1d;

  constructor(
    scope: Scope,
    channels: number,
    stride: number,
    private readonly rowsPerFrame: number,
    style: BlockStyle,
  ) {
    const unit = (d: number, i: number) =>
      new ResidualUnit(scope.at("block", i), channels, d, stride * rowsPerFrame, style);
    this.units = style.dilations.map(unit);
    const next = this.units.length;
    this.snake = new Snake(scope.at("block", next), channels);
    this.down = new Conv1d(scope.at("block", next + 1), channels, 2 * channels, 2 * stride, {
      stride,
      padding: Math.ceil(stride / 2),
      causal: style.causal,
    });
  }

  forward(x: Value, step?: StreamStep): Value {
    const mixed = this.units.reduce((value, unit) => unit.forward(value, step), x);
    return this.down.forward(this.snake.forward(mixed), step);
  }

  get levels(): Level[] {
    return [...this.units.map((unit) => unit.level), { layer: this.down, rowsPerFrame: this.rowsPerFrame }];
  }
}

/** (B, samples, 1) -> (B, frames, latent). */
export class Encoder {
  private readonly first: Conv1d;
  private readonly blocks: readonly EncoderBlock[];
  private readonly snake: Snake;
  private readonly last: Conv1d;

  constructor(
    scope: Scope,
    width: number,
    private readonly strides: readonly number[],
    latent: number,
    style: BlockStyle,
  ) {
    const { causal } = style;
    this.first = new Conv1d(scope.at("block", 0), 1, width, 7, { padding: 3, causal });
    this.blocks = strides.map((s, i) => {
      const rowsPerFrame = product(strides.slice(i + 1));
      return new EncoderBlock(scope.at("block", i + 1), width * 2 ** i, s, rowsPerFrame, style);
    });
    const channels = width * 2 ** strides.length;
    this.snake = new Snake(scope.at("block", strides.length + 1), channels);
    this.last = new Conv1d(scope.at("block", strides.length + 2), channels, latent, 3, { padding: 1, causal });
  }

  /** Of the whole audio, or of the next frames of a stream. */
  forward(audio: Value, step?: StreamStep): Value {
    const features = this.blocks.reduce((x, block) => block.forward(x, step), this.first.forward(audio, step));
    return this.last.forward(this.snake.forward(features), step);
  }

  /** Frames of audio around a frame that its latent depends on. */
  context(): Context {
    return contextOf([
      { layer: this.first, rowsPerFrame: product(this.strides) },
      ...this.blocks.flatMap((block) => block.levels),
      { layer: this.last, rowsPerFrame: 1 },
    ]);
  }
}
