/** What a corpus holds. A sentence depends on the seed and its number alone, so a longer corpus begins like a shorter one. */
import { Draw } from "./draw.js";
import { LANGUAGES, type LanguageCode, sayIn } from "./languages/index.js";
import type { SynthesiserName, Voice } from "./voices.js";

export const SPLITS = ["train", "valid-sentence", "valid-voice"] as const;
export type Split = (typeof SPLITS)[number];

export interface PlannedSentence {
  /** From 0. */
  readonly number: number;
  readonly split: Split;
  readonly language: LanguageCode;
  readonly text: string;
  readonly voice: Voice;
  /** Of this sentence, around the voice's own. */
  readonly pitch: number;
  readonly speed: number;
}

export interface PlanOptions {
  readonly seed: number;
  readonly voices: readonly Voice[];
}

/** Of every so many sentences one belongs to each of the smaller splits. */
const VALID_EVERY = 50;
const PITCH_JITTER = 8;
const SPEED_JITTER = 0.12;
const MOST_TRIES = 1000;
/** Letters per second, measured over all voices. */
const LETTERS_PER_SECOND: Readonly<Record<SynthesiserName, number>> = { "espeak-ng": 18, flite: 18.5 };

/** Sentence after sentence, none twice, without end. */
export function* planSentences({ seed, voices }: PlanOptions): Generator<PlannedSentence, never> {
  const said = new Set<string>();
  for (let number = 0; ; number++) {
    const draw = new Draw(seed, number);
    const split = splitOf(number);
    const language = draw.weigh(LANGUAGES).code;
    const isHeldOut = split === "valid-voice";
    const voice = draw.weigh(voices.filter((voice) => voice.language === language && voice.isHeldOut === isHeldOut));
    const pitch = Math.round(voice.pitch + PITCH_JITTER * (2 * draw.fraction() - 1));
    const speed = voice.speed * (1 + SPEED_JITTER * (2 * draw.fraction() - 1));
    yield { number, split, language, text: newSentence(language, draw, said), voice, pitch, speed };
  }
}

/** The first sentences of a plan, as many as were asked for, or as last about as long. */
export function planCorpus(options: PlanOptions, size: { sentences: number } | { hours: number }): PlannedSentence[] {
  const planned: PlannedSentence[] = [];
  let seconds = 0;
  for (const sentence of planSentences(options)) {
    if ("sentences" in size ? planned.length >= size.sentences : seconds >= 3600 * size.hours) return planned;
    planned.push(sentence);
    seconds += expectedSeconds(sentence);
  }
  return planned;
}

/** How long a sentence is likely to last. */
export function expectedSeconds({ text, voice, speed }: PlannedSentence): number {
  const pace = voice.synthesiser === "flite" ? speed : speed / 160;
  return 0.4 + text.length / LETTERS_PER_SECOND[voice.synthesiser] / pace;
}

function splitOf(number: number): Split {
  if (number % VALID_EVERY === 7) return "valid-sentence";
  return number % VALID_EVERY === 32 ? "valid-voice" : "train";
}

function newSentence(language: LanguageCode, draw: Draw, said: Set<string>): string {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const text = sayIn(language, draw);
    if (said.has(text)) continue;
    said.add(text);
    return text;
  }
  throw new Error(`The grammar of ${language} has no new sentences left after ${said.size}; ask for fewer`);
}
