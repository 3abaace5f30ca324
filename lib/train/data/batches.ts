/** Batches of crops, made ahead of the step by other threads. What they are depends on the seed and the draw alone. */
import { LmsptError } from "../../errors.js";
import { randomFraction } from "../random.js";
import type { CropRequest } from "./crop.js";
import { CropPool } from "./crop-pool.js";
import { DrawOrder } from "./order.js";

export interface BatchOptions {
  readonly files: readonly string[];
  readonly seed: number;
  readonly batch: number;
  readonly forms: CropRequest["forms"];
  readonly workers: number;
  /** Batches made ahead. */
  readonly ahead: number;
  /** The draw to begin with: `next` of the last batch that was taken. */
  readonly start: number;
}

export interface Batch {
  /** Of every form: the items one after another. */
  readonly forms: readonly Float32Array[];
  /** From 0. */
  readonly epoch: number;
  /** The draw that the next batch begins with. */
  readonly next: number;
}

/** A draw under way. */
interface Draw {
  readonly path: string;
  readonly epoch: number;
  readonly crops: Promise<Float32Array[] | undefined>;
}

export class Batches {
  /** Files that could not be read, and why. */
  readonly skipped = new Map<string, string>();
  /** How often a batch was asked for before it was there. */
  waits = 0;
  private readonly order: DrawOrder;
  private readonly pool: CropPool;
  private readonly draws: Draw[] = [];
  private position: number;
  private drawn: number;

  constructor(private readonly options: BatchOptions) {
    this.order = new DrawOrder(options.seed, options.files.length);
    this.pool = new CropPool(options.workers);
    this.position = this.drawn = options.start;
    this.fill();
  }

  /** Rejects with ERR_LMSPT_IO where none of the files can be read. */
  async next(): Promise<Batch> {
    const { batch, forms, files } = this.options;
    const joined = forms.map(({ samples }) => new Float32Array(batch * samples));
    let epoch = 0;
    let ready = true;
    for (let item = 0, failures = 0; item < batch; ) {
      this.fill();
      const draw = this.draws.shift()!;
      this.position++;
      const now = await Promise.race([draw.crops, notYet]);
      if (now === pending) ready = false;
      const crops = now === pending ? await draw.crops : (now as Float32Array[] | undefined);
      if (!crops) {
        if (++failures >= 2 * files.length - 1) throw this.nothing(); // so many draws hold a whole epoch
        continue;
      }
      failures = 0;
      epoch = draw.epoch;
      for (const [form, crop] of crops.entries()) joined[form]!.set(crop, item * crop.length);
      item++;
    }
    if (!ready) this.waits++;
    this.fill();
    return { forms: joined, epoch, next: this.position };
  }

  close(): Promise<void> {
    return this.pool.close();
  }

  private fill(): void {
    const { batch, ahead, files, seed, forms } = this.options;
    while (this.draws.length < batch * ahead) {
      const { epoch, item } = this.order.at(this.drawn);
      const path = files[item]!;
      const at = randomFraction(seed, "crop", this.drawn++);
      this.draws.push({ path, epoch, crops: this.load({ path, at, forms }) });
    }
  }

  private async load(request: CropRequest): Promise<Float32Array[] | undefined> {
    try {
      return await this.pool.load(request);
    } catch (error) {
      if ((error as LmsptError).code !== "ERR_LMSPT_CLOSED") this.skipped.set(request.path, (error as Error).message);
      return undefined;
    }
  }

  private nothing(): LmsptError {
    const [path, problem] = [...this.skipped][0] ?? ["", ""];
    return new LmsptError(
      "ERR_LMSPT_IO",
      `None of the ${this.options.files.length} files can be read; ${path}: ${problem}`,
    );
  }
}

const pending = Symbol("pending");
/** Loses every race against what is settled. */
const notYet = Promise.resolve().then(() => pending);
