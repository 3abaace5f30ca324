/** The programs that speak, and what is missing of them. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { PlannedSentence } from "./plan.js";
import type { SynthesiserName, Voice } from "./voices.js";

const runProgram = promisify(execFile);
const LIMIT_MS = 60_000;

interface Synthesiser {
  /** The Debian package. */
  readonly package: string;
  /** What the program says about its version. */
  version(): Promise<string>;
  /** The names of the voices that it has. */
  voices(): Promise<Set<string>>;
  arguments(sentence: PlannedSentence, path: string): string[];
}

export const SYNTHESISERS: Readonly<Record<SynthesiserName, Synthesiser>> = {
  "espeak-ng": {
    package: "espeak-ng",
    version: async () => firstLine(await output("espeak-ng", "--version")),
    async voices() {
      const column = (text: string, index: number) =>
        text
          .split("\n")
          .slice(1)
          .map((line) => line.trim().split(/\s+/)[index] ?? "");
      const languages = column(await output("espeak-ng", "--voices"), 1);
      const variants = (await output("espeak-ng", "--voices=variant")).match(/(?<=!v\/)\S+/g) ?? [];
      return new Set(languages.flatMap((language) => variants.map((variant) => `${language}+${variant}`)));
    },
    arguments: ({ voice, pitch, speed, text }, path) => [
      ...["-v", voice.voice, "-p", String(pitch), "-s", String(Math.round(speed))],
      ...["-b", "1", "-w", path, "--", text],
    ],
  },
  flite: {
    package: "flite",
    version: async () => /flite-\S+/.exec(await output("flite", "--version"))?.[0] ?? "unknown",
    voices: async () => new Set((await output("flite", "-lv")).replace(/^.*:/, "").trim().split(/\s+/)),
    arguments: ({ voice, speed, text }, path) => [
      ...["-voice", voice.voice, "--setf", `duration_stretch=${(1 / speed).toFixed(3)}`],
      ...["-o", path, "-t", text],
    ],
  },
};

/** Speaks a sentence into a WAV file. */
export async function speak(sentence: PlannedSentence, path: string): Promise<void> {
  const { synthesiser } = sentence.voice;
  await runProgram(synthesiser, SYNTHESISERS[synthesiser].arguments(sentence, path), { timeout: LIMIT_MS });
}

/** The versions of the programs that the voices need. @throws Error that names all that is missing, and what installs it */
export async function requireVoices(voices: readonly Voice[]): Promise<Record<string, string>> {
  const versions: Record<string, string> = {};
  const problems: string[] = [];
  const packages: string[] = [];
  for (const name of new Set(voices.map(({ synthesiser }) => synthesiser))) {
    const synthesiser = SYNTHESISERS[name];
    try {
      versions[name] = await synthesiser.version();
      const there = await synthesiser.voices();
      const missing = voices.filter((voice) => voice.synthesiser === name && !there.has(voice.voice));
      if (missing.length === 0) continue;
      problems.push(`${name} lacks the voices ${missing.map(({ voice }) => voice).join(", ")}`);
    } catch (error) {
      problems.push(`${name} does not run (${(error as Error).message.split("\n")[0]})`);
    }
    packages.push(synthesiser.package);
  }
  if (problems.length === 0) return versions;
  throw new Error(`${problems.join("; ")}. On Debian: apt-get install ${packages.join(" ")}`);
}

/** flite tells its version with a status that is not 0. */
async function output(program: string, ...args: string[]): Promise<string> {
  try {
    return (await runProgram(program, args, { maxBuffer: 2 ** 24 })).stdout;
  } catch (error) {
    const { stdout } = error as { stdout?: string };
    if (stdout) return stdout;
    throw error;
  }
}

function firstLine(text: string): string {
  return text.trim().split("\n")[0]!.trim();
}
