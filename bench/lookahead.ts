/**
 * What streams lose when frames wait for less than the model sees: the share of codes that change, and how far decoded
 * speech is from that of the whole.
 *   npm run bench -- lookahead [MODEL] [SECONDS]
 */
import { concatTokens, type Tokens, tokenCodes } from "../lib/data/tokens.js";
import { Tokenizer } from "../lib/models/tokenizer.js";
import { speechOf } from "./support/speech.js";

/** Seconds of look-ahead; the last one is all that any of our models sees. */
const LOOKAHEADS = [0, 0.08, 0.16, 0.32, 0.48, 0.64, 0.96, 1.28, 1.6, 2, 2.4, 3];

export interface LookaheadLoss {
  readonly lookahead: number;
  /** Shares, 0 to 1. */
  readonly semanticChanged: number;
  readonly acousticChanged: number;
  /** Of the speech decoded with this look-ahead, in dB; Infinity where it is the same. */
  readonly decodedSnr: number;
}

export async function* measureLookahead(tokenizer: Tokenizer, audio: Float32Array): AsyncGenerator<LookaheadLoss> {
  const whole = await tokenizer.encode(audio);
  const speech = (await tokenizer.decode(whole)).samples;
  for (const lookahead of LOOKAHEADS) {
    const pieces: Tokens[] = [];
    for await (const { tokens } of tokenizer.encodeStream([audio], { lookahead })) pieces.push(tokens);
    const streamed = concatTokens(pieces);
    const decoded = new Float32Array(speech.length);
    for await (const { startSample, samples } of tokenizer.decodeStream([whole], { lookahead })) {
      decoded.set(samples, startSample);
    }
    yield {
      lookahead,
      semanticChanged: changed(streamed.semantic, whole.semantic),
      acousticChanged: changed(streamed.acoustic, tokenCodes(whole).slice(whole.semantic.length)),
      decodedSnr: snr(speech, decoded),
    };
  }
}

function changed(codes: readonly Int32Array[], expected: readonly Int32Array[]): number {
  let different = 0;
  for (const [k, codebook] of codes.entries()) {
    for (const [i, code] of codebook.entries()) different += Number(code !== expected[k]![i]);
  }
  return different / (codes.length * codes[0]!.length);
}

function snr(expected: Float32Array, received: Float32Array): number {
  let signal = 0;
  let noise = 0;
  expected.forEach((sample, i) => {
    signal += sample ** 2;
    noise += (sample - received[i]!) ** 2;
  });
  return 10 * Math.log10(signal / noise);
}

export async function main([model = "random:1", seconds = "60"]: readonly string[]): Promise<void> {
  await using tokenizer = await Tokenizer.load(model, { device: "cpu" });
  const audio = await speechOf(Number(seconds), tokenizer.sampleRate);
  if (tokenizer.info.untrained) console.log(`${model} is untrained: these shares say little about a trained model`);
  console.log("look-ahead  semantic codes changed  acoustic codes changed  decoded speech");
  for await (const loss of measureLookahead(tokenizer, audio)) {
    const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
    const decoded = loss.decodedSnr === Infinity ? "the same" : `${loss.decodedSnr.toFixed(1)} dB`;
    console.log(
      `${loss.lookahead.toFixed(2)} s`.padStart(10) +
        percent(loss.semanticChanged).padStart(24) +
        percent(loss.acousticChanged).padStart(24) +
        decoded.padStart(16),
    );
  }
}
