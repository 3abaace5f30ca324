/** Batches of crops, made ahead of the step by other threads. What they are depends on the seed and the draw alone. */
import { LmsptError } from "../../errors.js";
import { randomFraction } from "../random.js";
import { type AudioSource, describeSource } from "./audio-source.js";
import type { Crop, CropRequest } from "./crop.js";
import { DrawOrder } from "./order.js";
import { TaskPool } from "./task-pool.js";

export interface BatchOptions {
  readonly sources: readonly AudioSource[];
  readonly seed: number;
  readonly batch: number;
  readonly forms: CropRequest["forms"];
  readonly workers: number;
  /** Batches made ahead. */
  readonly ahead: number;
  /** The draw to begin with: `next` of the last batch that was taken. */
  readonly start: number;
  /** Takes whole files from their beginning, silence behind; longer ones are left out like those that cannot be read. */
  readonly whole?: boolean;
}

export interface Batch {
  /** Of every form: the items one after another. */
  readonly forms: readonly Float32Array[];
  /** Which of the sources the items are of. */
  readonly items: readonly number[];
  /** How long they last together, without silence that follows. */
  readonly seconds: number;
  /** From 0. */
  readonly epoch: number;
  /** The draw that the next batch begins with. */
  readonly next: number;
}

/** A draw under way. */
interface Draw {
  readonly item: number;
  readonly epoch: number;
  readonly crop: Promise<Crop | undefined>;
}

export class Batches {
  /** Files that could not be read, and why. */
  readonly skipped = new Map<string, string>();
  /** How often a batch was asked for before it was there, and the seconds that were waited for it. */
  waits = 0;
  waitSeconds = 0;
  private readonly order: DrawOrder;
  private readonly pool: TaskPool<CropRequest, Crop>;
  private readonly draws: Draw[] = [];
  private position: number;
  private drawn: number;

  constructor(private readonly options: BatchOptions) {
    this.order = new DrawOrder(options.seed, options.sources.length);
    this.pool = new TaskPool("crop-worker.js", options.workers);
    this.position = this.drawn = options.start;
    this.fill();
  }

  /** Rejects with ERR_LMSPT_IO where none of the files can be read. */
  async next(): Promise<Batch> {
    const { batch, forms, sources } = this.options;
    const joined = forms.map(({ samples }) => new Float32Array(batch * samples));
    const items: number[] = [];
    let seconds = 0;
    let epoch = 0;
    let ready = true;
    const asked = performance.now();
    for (let failures = 0; items.length < batch; ) {
      this.fill();
      const draw = this.draws.shift()!;
      this.position++;
      const now = await Promise.race([draw.crop, notYet]);
      if (now === pending) ready = false;
      const crop = now === pending ? await draw.crop : (now as Crop | undefined);
      if (!crop) {
        if (++failures >= 2 * sources.length - 1) throw this.nothing(); // so many draws hold a whole epoch
        continue;
      }
      failures = 0;
      epoch = draw.epoch;
      seconds += crop.seconds;
      for (const [form, piece] of crop.forms.entries()) joined[form]!.set(piece, items.length * piece.length);
      items.push(draw.item);
    }
    if (!ready) {
      this.waits++;
      this.waitSeconds += (performance.now() - asked) / 1000;
    }
    this.fill();
    return { forms: joined, items, seconds, epoch, next: this.position };
  }

  close(): Promise<void> {
    return this.pool.close();
  }

  private fill(): void {
    const { batch, ahead, sources, seed, forms, whole } = this.options;
    while (this.draws.length < batch * ahead) {
      const { epoch, item } = this.order.at(this.drawn);
      const source = sources[item]!;
      const at = whole ? 0 : randomFraction(seed, "crop", this.drawn);
      this.drawn++;
      this.draws.push({ item, epoch, crop: this.load({ source, at, forms, whole }) });
    }
  }

  private async load(request: CropRequest): Promise<Crop | undefined> {
    try {
      return await this.pool.run(request);
    } catch (error) {
      if ((error as LmsptError).code !== "ERR_LMSPT_CLOSED") {
        this.skipped.set(describeSource(request.source), (error as Error).message);
      }
      return undefined;
    }
  }

  private nothing(): LmsptError {
    const [path, problem] = [...this.skipped][0] ?? ["", ""];
    return new LmsptError(
      "ERR_LMSPT_IO",
      `None of the ${this.options.sources.length} files can be read; ${path}: ${problem}`,
    );
  }
}

const pending = Symbol("pending");
/** Loses every race against what is settled. */
const notYet = Promise.resolve().then(() => pending);
