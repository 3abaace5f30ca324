/** The voices of a corpus. Those that are held out are heard in `valid-voice` alone. */
import type { LanguageCode } from "./languages/index.js";

export type SynthesiserName = "espeak-ng" | "flite";

export interface Voice {
  readonly name: string;
  readonly synthesiser: SynthesiserName;
  /** What the synthesiser calls it. */
  readonly voice: string;
  readonly language: LanguageCode;
  readonly isHeldOut: boolean;
  /** How often it speaks, relative to the others of its language. */
  readonly weight: number;
  /** What espeak-ng takes, 0 to 99; the sentences lie around it. */
  readonly pitch: number;
  /** Words per minute of espeak-ng; 1 for flite. */
  readonly speed: number;
}

/** Language and variant, pitch, words per minute. */
const ENGLISH = [
  "en-us+m1 40 160",
  "en-us+m3 45 170",
  "en-us+m5 35 150",
  "en-us+m7 50 165",
  "en-us+f1 55 165",
  "en-us+f2 50 155",
  "en-us+f4 60 170",
  "en-us+Alex 40 165",
  "en-us+Annie 55 160",
  "en-us+Andy 45 170",
  "en-us+belinda 50 160",
  "en-us+edward 40 150",
  "en-us+linda 55 165",
  "en-us+michel 45 160",
  "en-us+steph 55 165",
  "en-us+klatt4 45 155",
  "en-gb+m2 40 160",
  "en-gb+m4 45 150",
  "en-gb+f3 55 165",
  "en-gb+Andrea 50 160",
  "en-gb+Lee 45 165",
  "en-gb+paul 35 155",
  "en-gb-x-rp+m6 40 155",
  "en-gb-x-rp+anika 55 160",
  "en-gb-scotland+m1 45 160",
  "en-gb-scotland+f2 55 165",
  "en-gb-x-gbcwmd+m3 40 160",
  "en-gb-x-gbclan+f4 55 160",
  "en-us-nyc+max 45 165",
  "en-029+f1 55 155",
];

/** Of other variants than all the rest: a variant sounds alike in every language. */
const ENGLISH_HELD_OUT = ["en-us+m8 42 160", "en-us+shelby 55 160", "en-gb+david 45 160", "en-gb+f5 52 165"];

const OTHERS: Readonly<Record<Exclude<LanguageCode, "en">, { readonly known: string[]; readonly heldOut: string[] }>> =
  {
    de: { known: ["de+m1 40 150", "de+m3 45 160", "de+f1 55 155", "de+f3 50 150"], heldOut: ["de+f5 55 155"] },
    fr: {
      known: ["fr-fr+m1 40 155", "fr-fr+m4 45 160", "fr-fr+f2 55 155", "fr-be+f4 50 150"],
      heldOut: ["fr-fr+david 45 160"],
    },
    es: { known: ["es+m2 40 155", "es+f1 55 160", "es-419+m3 45 160", "es-419+f3 50 155"], heldOut: ["es+m8 42 155"] },
    it: { known: ["it+m1 40 155", "it+m5 45 160", "it+f1 55 160", "it+f4 50 155"], heldOut: ["it+shelby 55 155"] },
  };

/** The voices recorded from people speak more often than the computed ones. */
const FLITE = [
  { voice: "slt", weight: 8, isHeldOut: false },
  { voice: "awb", weight: 8, isHeldOut: false },
  { voice: "kal16", weight: 4, isHeldOut: false },
  { voice: "rms", weight: 4, isHeldOut: true },
];

export const VOICES: readonly Voice[] = [
  ...FLITE.map(({ voice, weight, isHeldOut }) => {
    const name = `flite-${voice}`;
    return {
      name,
      synthesiser: "flite" as const,
      voice,
      language: "en" as const,
      isHeldOut,
      weight,
      pitch: 0,
      speed: 1,
    };
  }),
  ...ENGLISH.map((line) => espeak("en", line, false)),
  ...ENGLISH_HELD_OUT.map((line) => espeak("en", line, true)),
  ...Object.entries(OTHERS).flatMap(([language, { known, heldOut }]) => [
    ...known.map((line) => espeak(language as LanguageCode, line, false)),
    ...heldOut.map((line) => espeak(language as LanguageCode, line, true)),
  ]),
];

function espeak(language: LanguageCode, line: string, isHeldOut: boolean): Voice {
  const [voice, pitch, speed] = line.split(" ") as [string, string, string];
  const name = `espeak-${voice.replace("+", "-")}`;
  return { name, synthesiser: "espeak-ng", voice, language, isHeldOut, weight: 1, pitch: +pitch, speed: +speed };
}
