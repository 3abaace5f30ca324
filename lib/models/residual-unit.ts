import type { Value } from "../graph/graph.js";
import { add } from "../graph/ops/index.js";
import { Conv1d, type Level, type Passage, type Scope, Snake } from "../nn/index.js";

/**
 * The fast convolution is used where the longest of its blocks spans no more frames than this: pieces of a file begin at
 * multiples of blocks and overlap by them.
 */
const MOST_BLOCK_FRAMES = 3;

/** What the blocks of encoders and decoders share. */
export interface BlockStyle {
  readonly dilations: readonly number[];
  readonly kernel: number;
  readonly causal: boolean;
}

/** x + Conv1(Snake(ConvK, dilated(Snake(x)))). */
export class ResidualUnit {
  private readonly snake1: Snake;
  private readonly dilated: Conv1d;
  private readonly snake2: Snake;
  private readonly pointwise: Conv1d;

  constructor(
    scope: Scope,
    channels: number,
    dilation: number,
    private readonly rowsPerFrame: number,
    { kernel, causal, dilations }: BlockStyle,
    missing = 0,
  ) {
    const winograd = !causal && kernel > 2 && 4 * Math.max(...dilations) <= MOST_BLOCK_FRAMES * rowsPerFrame;
    const padding = ((kernel - 1) * dilation) / 2;
    this.snake1 = new Snake(scope.at("block", 0), channels);
    this.dilated = new Conv1d(scope.at("block", 1), channels, channels, kernel, {
      dilation,
      padding,
      causal,
      winograd,
      missing,
    });
    this.snake2 = new Snake(scope.at("block", 2), channels);
    this.pointwise = new Conv1d(scope.at("block", 3), channels, channels, 1, { causal, gain: 0.3, start: 0.1 });
  }

  forward(x: Value, passage?: Passage): Value {
    return x.graph.segment(() => {
      const inner = this.dilated.forward(this.snake1.forward(x), passage);
      return add(x, this.pointwise.forward(this.snake2.forward(inner), passage));
    });
  }

  get level(): Level {
    return { layer: this.dilated, rowsPerFrame: this.rowsPerFrame };
  }
}
