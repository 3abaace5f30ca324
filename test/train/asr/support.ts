/** A language of two sounds: low is "one", high is "two". */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeWav } from "../../../lib/audio/wav.js";
import type { RecogniserEvent } from "../../../lib/train/asr/events.js";
import { RecogniserTrainer, type TrainerOptions } from "../../../lib/train/trainer.js";

const RATE = 16000;
/** Seconds. */
const WORD = 0.25;
const PITCHES: Readonly<Record<string, number>> = { one: 300, two: 2500 };

/** Says up to three words. */
export function say(text: string): Float32Array {
  const words = text.split(" ");
  const samples = new Float32Array(words.length * WORD * RATE);
  for (const [i, word] of words.entries()) {
    const start = i * WORD * RATE;
    for (let n = 0; n < 0.7 * WORD * RATE; n++) {
      samples[start + n] = 0.3 * Math.sin((2 * Math.PI * PITCHES[word]! * n) / RATE);
    }
  }
  return samples;
}

const TEXTS = ["one", "two", "one two", "two one", "one one", "two two", "two one one", "one two two"];

/** Writes the recordings and a manifest of them; gives its path. */
export async function writeCorpus(folder: string, texts = TEXTS): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (const [i, text] of texts.entries()) {
    const wav = encodeWav({ samples: say(text), sampleRate: RATE });
    await writeFile(join(folder, `${i}.wav`), wav);
  }
  const lines = texts.map((text, i) => JSON.stringify({ audio: `${i}.wav`, text: `${text}.`, language: "en" }));
  const path = join(folder, "corpus.jsonl");
  await writeFile(path, lines.join("\n"));
  return path;
}

/** Settings of a run whose steps take some hundredths of a second. */
export const small = [
  "model.d_model=32",
  "model.max_source_positions=40",
  "model.encoder_layers=1",
  "model.decoder_layers=1",
  "model.encoder_attention_heads=2",
  "model.decoder_attention_heads=2",
  "model.encoder_ffn_dim=64",
  "model.decoder_ffn_dim=64",
  "model.num_mel_bins=20",
  "model.max_target_positions=16",
  "data.batch=4",
  "threads=1",
  "log.every=1",
];

export async function collect(
  config: string,
  overrides: readonly string[],
  options: TrainerOptions = {},
): Promise<RecogniserEvent[]> {
  const events: RecogniserEvent[] = [];
  for await (const event of new RecogniserTrainer(config, { ...options, overrides })) events.push(event);
  return events;
}

export const ofKind = <K extends RecogniserEvent["kind"]>(events: readonly RecogniserEvent[], kind: K) =>
  events.filter((event): event is Extract<RecogniserEvent, { kind: K }> => event.kind === kind);
