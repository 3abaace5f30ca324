/** Calls that wait at the same time and may be computed together, made to one call of the tokenizer. */
import { A_FUNCTION, AN_ABORT_SIGNAL, AN_OBJECT, checkOptions, requireKind } from "../arguments.js";
import type { Audio } from "../audio/audio.js";
import type { Tokens } from "../data/tokens.js";
import { requireInteger } from "../data/tokens.js";
import { invalidArgument } from "../errors.js";
import { MOST_ITEMS } from "./ragged-batch.js";
import type { DecodeOptions, Tokenizer } from "./tokenizer.js";

export interface BatcherOptions {
  /** The most items that go together; 8 by default, 32 where those of different lengths do. */
  readonly maxBatch?: number;
  /** How long an item waits for others to go with, in milliseconds; 0, the default: no longer than the device is busy. */
  readonly waitMs?: number;
  /** Told the number of items of every call of the tokenizer. */
  readonly onBatch?: (items: number) => void;
}

/** What is needed of a tokenizer. */
export type BatchedTokenizer = Pick<Tokenizer, "encode" | "decode" | "sampleRate" | "samplesPerFrame"> &
  Partial<Pick<Tokenizer, "mixedFrames">>;

/**
 * Encodes and decodes items that arrive one by one, such as requests to a server or files of a folder, in batches. The
 * results are those of single calls. An item that fails does not fail the others of its batch.
 */
export class Batcher {
  private readonly encoding: Gatherer<Audio | Float32Array, Tokens>;
  private readonly decoding: Gatherer<Tokens, Audio, Omit<DecodeOptions, "signal" | "onProgress">>;

  constructor(
    private readonly tokenizer: BatchedTokenizer,
    options: BatcherOptions = {},
  ) {
    const most = tokenizer.mixedFrames ? MOST_ITEMS : 8;
    const { maxBatch = most, waitMs = 0, onBatch } = checkOptions(options, { onBatch: A_FUNCTION });
    requireInteger(maxBatch, 1, 1024, "maxBatch");
    requireInteger(waitMs, 0, 60_000, "waitMs");
    const settings = { maxBatch, waitMs, onBatch };
    this.encoding = new Gatherer((items, _, signal) => tokenizer.encode(items, { signal }), settings);
    this.decoding = new Gatherer((items, how, signal) => tokenizer.decode(items, { ...how, signal }), settings);
  }

  /** Like `tokenizer.encode`. An abort takes the item out, and ends the batch where it was the last one in it. */
  async encode(audio: Audio | Float32Array, options: { signal?: AbortSignal } = {}): Promise<Tokens> {
    const { signal } = checkOptions(options, { signal: AN_ABORT_SIGNAL });
    return this.encoding.add(audio, { key: this.lengthKey(this.frames(audio)), how: undefined, signal });
  }

  /** Like `tokenizer.decode`. */
  async decode(tokens: Tokens, options: Omit<DecodeOptions, "onProgress"> = {}): Promise<Audio> {
    const { signal, mode, codebooks } = checkOptions(options, { signal: AN_ABORT_SIGNAL });
    requireKind("tokens", AN_OBJECT, tokens);
    const how = { mode, codebooks };
    return this.decoding.add(tokens, { key: `${this.lengthKey(tokens.frames)} ${mode} ${codebooks}`, how, signal });
  }

  /** Items that no call of the tokenizer has taken yet. */
  get waiting(): number {
    return this.encoding.waiting + this.decoding.waiting;
  }

  /** Equal for lengths that go together. */
  private lengthKey(frames: number): string {
    return frames <= (this.tokenizer.mixedFrames ?? 0) ? "mixed" : `${frames}`;
  }

  private frames(audio: Audio | Float32Array): number {
    if (!(audio instanceof Float32Array) && !(audio?.samples instanceof Float32Array)) {
      throw invalidArgument("audio", "a Float32Array or { samples, sampleRate }", audio);
    }
    const { sampleRate, samplesPerFrame } = this.tokenizer;
    const samples =
      audio instanceof Float32Array ? audio.length : Math.ceil((audio.samples.length * sampleRate) / audio.sampleRate);
    return Math.ceil(samples / samplesPerFrame);
  }
}

/** Calls under way at a time: one computes, one is ready when it is done. */
const PARALLEL_CALLS = 2;

interface Call<Item, Result, How> {
  readonly item: Item;
  /** Items of equal keys may go together; they have equal `how`. */
  readonly key: string;
  readonly how: How;
  readonly signal: AbortSignal | undefined;
  readonly arrival: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

class Gatherer<Item, Result, How = undefined> {
  private readonly calls: Call<Item, Result, How>[] = [];
  private running = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly work: (items: Item[], how: How, signal: AbortSignal) => Promise<Result[]>,
    private readonly settings: Required<Pick<BatcherOptions, "maxBatch" | "waitMs">> & Pick<BatcherOptions, "onBatch">,
  ) {}

  get waiting(): number {
    return this.calls.length;
  }

  add(item: Item, { key, how, signal }: { key: string; how: How; signal?: AbortSignal }): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const call = { item, key, how, signal, arrival: performance.now(), resolve, reject };
      const leave = () => {
        const place = this.calls.indexOf(call);
        if (place >= 0) this.calls.splice(place, 1);
        reject(signal!.reason);
      };
      signal?.addEventListener("abort", leave, { once: true });
      const left =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          signal?.removeEventListener("abort", leave);
          settle(value);
        };
      this.calls.push(Object.assign(call, { resolve: left(resolve), reject: left(reject) }));
      this.begin();
    });
  }

  /** Begins as many calls as may be under way. */
  private begin(): void {
    clearTimeout(this.timer);
    while (this.running < PARALLEL_CALLS && this.calls.length > 0) {
      const { key, arrival } = this.calls[0]!;
      const equal = this.calls.filter((call) => call.key === key).slice(0, this.settings.maxBatch);
      const wait = arrival + this.settings.waitMs - performance.now();
      if (wait > 0 && equal.length < this.settings.maxBatch) {
        this.timer = setTimeout(() => this.begin(), Math.ceil(wait));
        return;
      }
      for (const call of equal) this.calls.splice(this.calls.indexOf(call), 1);
      this.running++;
      void this.run(equal).finally(() => {
        this.running--;
        this.begin();
      });
    }
  }

  /** Settles all calls of a batch; never rejects. */
  private async run(batch: readonly Call<Item, Result, How>[]): Promise<void> {
    const abort = new AbortController();
    const leave = () => {
      if (batch.every(({ signal }) => signal?.aborted)) abort.abort();
    };
    for (const { signal } of batch) signal?.addEventListener("abort", leave, { once: true });
    try {
      this.settings.onBatch?.(batch.length);
      const items = batch.map(({ item }) => item);
      const results = await this.work(items, batch[0]!.how, abort.signal);
      for (const [i, { resolve }] of batch.entries()) resolve(results[i]!);
    } catch (error) {
      if (batch.length === 1 || abort.signal.aborted) for (const { reject } of batch) reject(error);
      // One by one, so that only those fail that are to blame.
      else for (const call of batch) if (!call.signal?.aborted) await this.run([call]);
    } finally {
      for (const { signal } of batch) signal?.removeEventListener("abort", leave);
    }
  }
}
