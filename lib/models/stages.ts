/** A model as stages that sequences of frames flow through in windows, each stage with windows of its own. */

import type { Data } from "../graph/native.js";
import { FrameQueue } from "../io/frame-queue.js";
import type { Context } from "../nn/index.js";
import { nextWindow, type WindowRule, windowStart } from "./windows.js";

/** A part of a model that turns frames into as many frames. */
export interface Stage {
  readonly context: Context;
  readonly input: FrameShape;
  readonly output: FrameShape;
  /** Whether a few values at the end of a sequence cannot be given. */
  readonly lacksEnd: boolean;
  /** Frames that a window gives, about, where neither memory nor the overlap of windows is wasted. */
  readonly step: number;
  /** `batch` sequences of `frames` frames, one after the other -> as many, one after the other. */
  run(input: Data, frames: number, batch: number): Promise<Data>;
}

/** What a frame consists of. */
export interface FrameShape {
  readonly rows: number;
  readonly channels: number;
  readonly type: typeof Float32Array | typeof Int32Array;
}

/** Values per frame. */
export function frameSize({ rows, channels }: FrameShape): number {
  return rows * channels;
}

/** One sequence on its way through the stages, its length unknown. Calls are made one after the other. */
export class StageStream {
  private readonly flows: readonly StageFlow[];

  /** One rule for each stage. */
  constructor(stages: readonly Stage[], rules: readonly WindowRule[]) {
    this.flows = stages.map((stage, i) => new StageFlow(stage, rules[i]!));
  }

  /** Values of any number -> those of the frames that are done. */
  async push(values: Data): Promise<Data> {
    let passing = values;
    for (const flow of this.flows) passing = await flow.push(passing);
    return passing;
  }

  /** Ends the sequence, its last frame completed by zeros -> the values of the frames that are left. */
  async finish(): Promise<Data> {
    let passing: Data | undefined;
    for (const flow of this.flows) passing = await flow.finish(passing);
    return passing!;
  }
}

/** A sequence at one stage. */
class StageFlow {
  private readonly queue: FrameQueue<Data>;
  /** The first frame that was not given yet. */
  private from = 0;

  constructor(
    private readonly stage: Stage,
    private readonly rule: WindowRule,
  ) {
    this.queue = new FrameQueue(frameSize(stage.input), new stage.input.type());
  }

  push(values: Data): Promise<Data> {
    this.queue.append(values);
    return this.advance(Math.floor(this.queue.arrived / frameSize(this.stage.input)), false);
  }

  finish(rest: Data | undefined): Promise<Data> {
    if (rest) this.queue.append(rest);
    return this.advance(Math.ceil(this.queue.arrived / frameSize(this.stage.input)), true);
  }

  private async advance(available: number, ended: boolean): Promise<Data> {
    const { type } = this.stage.output;
    const size = frameSize(this.stage.output);
    const begin = this.from;
    const parts: { values: Data; place: number }[] = [];
    for (;;) {
      const window = nextWindow(this.from, { available, ended }, this.rule);
      if (!window) break;
      const { start, length, from, to } = window;
      const y = await this.stage.run(this.queue.read(start, length), length, 1);
      parts.push({
        values: y.subarray((from - start) * size, (to - start) * size),
        place: (from - begin) * size,
      });
      this.from = to;
      this.queue.dropBefore(windowStart(to, this.rule));
    }
    const result = new type((this.from - begin) * size);
    for (const { values, place } of parts) result.set(values, place);
    return result;
  }
}
