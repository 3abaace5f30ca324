/**
 * Clips of different lengths, spread evenly between 1 and 10 s, in one call: beside one call after the other, and beside
 * as many clips of one length, as much audio in all. Contestants take turns.
 *   npm run bench -- lengths [MODEL] [DEVICE] [PRECISION] [CLIPS] [REPEATS]
 */
import type { DeviceName } from "../lib/graph/device.js";
import type { Precision } from "../lib/graph/precision.js";
import { Tokenizer } from "../lib/models/tokenizer.js";
import { speechOf } from "./support/speech.js";
import { median, spread } from "./support/statistics.js";

const SHORTEST = 1;
const LONGEST = 10;

const CONTESTANTS = ["together", "one by one", "of one length"] as const;
type Contestant = (typeof CONTESTANTS)[number];

/** Milliseconds of all repeats. */
export type LengthTimes = Readonly<Record<"encode" | "decode", Readonly<Record<Contestant, readonly number[]>>>>;

export async function measureLengths(tokenizer: Tokenizer, clips: number, repeats: number): Promise<LengthTimes> {
  const speech = await speechOf(LONGEST, tokenizer.sampleRate);
  const ofLength = (seconds: number) => speech.subarray(0, Math.round(seconds * tokenizer.sampleRate));
  const spreadOut = Array.from({ length: clips }, (_, i) =>
    ofLength(SHORTEST + ((LONGEST - SHORTEST) * i) / Math.max(1, clips - 1)),
  );
  const equal = spreadOut.map(() => ofLength((SHORTEST + LONGEST) / 2));
  const inTurn = async <Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>) => {
    const results: Result[] = [];
    for (const item of items) results.push(await work(item));
    return results;
  };
  const tokens = await tokenizer.encode(spreadOut);
  const equalTokens = await tokenizer.encode(equal);
  const ways: Record<keyof LengthTimes, Record<Contestant, () => Promise<unknown>>> = {
    encode: {
      together: () => tokenizer.encode(spreadOut),
      "one by one": () => inTurn(spreadOut, (clip) => tokenizer.encode(clip)),
      "of one length": () => tokenizer.encode(equal),
    },
    decode: {
      together: () => tokenizer.decode(tokens),
      "one by one": () => inTurn(tokens, (item) => tokenizer.decode(item)),
      "of one length": () => tokenizer.decode(equalTokens),
    },
  };
  const none = () => Object.fromEntries(CONTESTANTS.map((name) => [name, [] as number[]]));
  const times = { encode: none(), decode: none() } as Record<keyof LengthTimes, Record<Contestant, number[]>>;
  for (let repeat = -2; repeat < repeats; repeat++) {
    for (const direction of ["encode", "decode"] as const) {
      for (const contestant of CONTESTANTS) {
        const start = performance.now();
        await ways[direction][contestant]();
        if (repeat >= 0) times[direction][contestant].push(performance.now() - start);
      }
    }
  }
  return times;
}

export async function main(args: readonly string[]): Promise<void> {
  const [model = "random:1", device = "auto", precision = "fp32", clips = "32", repeats = "20"] = args;
  await using tokenizer = await Tokenizer.load(model, {
    device: device as DeviceName,
    precision: precision as Precision,
  });
  const seconds = (Number(clips) * (SHORTEST + LONGEST)) / 2;
  console.log(`${clips} clips, ${seconds} s in all, of ${model} on ${tokenizer.info.device} in ${precision}:`);
  const times = await measureLengths(tokenizer, Number(clips), Number(repeats));
  for (const [direction, contestants] of Object.entries(times)) {
    for (const [contestant, all] of Object.entries(contestants)) {
      const milliseconds = median(all);
      console.log(
        `  ${direction} ${contestant.padEnd(14)} ${milliseconds.toFixed(2).padStart(9)} ms  ` +
          `${((milliseconds * 1000) / seconds).toFixed(1).padStart(8)} us per second of audio, ` +
          `spread ${(100 * spread(all)).toFixed(0)} %`,
      );
    }
  }
}
