/**
 * Turns the speech in this folder into tokens, the tokens into speech, and shows what came of it. Started by
 * `npm run demo`; `npm run demo -- MODEL` takes another model. Writes into ./demo-output.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { logMelDistance } from "../lib/eval/log-mel-distance.js";
import {
  type Audio,
  bitrate,
  Device,
  encodeTokenFile,
  encodeWav,
  loadAudio,
  Resampler,
  Tokenizer,
} from "../lib/index.js";
import { drawPicture } from "./picture/picture.js";

const SPEECH = join(__dirname, "../../examples/speech.wav");
const OUTPUT = "demo-output";
const UNTRAINED =
  "UNTRAINED MODEL: its weights are random, so the tokens carry no meaning and the reconstructed speech is noise.";

async function demo(model: string): Promise<void> {
  const recording = await loadAudio(SPEECH);
  const seconds = recording.samples.length / recording.sampleRate;
  report("speech", `examples/speech.wav, ${seconds.toFixed(2)} s at ${recording.sampleRate} Hz`);

  await using tokenizer = await Tokenizer.load(model);
  const { info } = tokenizer;
  report("model", `${info.name}, ${(info.parameters / 1e6).toFixed(1)} million parameters, on ${info.device}`);
  if (info.licence) report("licence", info.licence.notice);
  if (info.untrained) console.log(`\n*** ${UNTRAINED} ***\n`);

  const original = await atRate(recording, tokenizer.sampleRate);
  const [tokens, encodeTime] = await timed(() => tokenizer.encode(original));
  const codebooks = tokens.semantic.length + tokens.acoustic.length;
  report("tokens", `${tokens.frames} frames of ${codebooks}, ${tokens.frameRate} frames per second`);
  const plainRate = 16 * original.sampleRate;
  const ratio = Math.round(plainRate / bitrate(tokens));
  report("bitrate", `${bitrate(tokens)} bit/s, 1/${ratio} of the ${plainRate} bit/s of 16-bit samples`);
  report("encode", speed(seconds, encodeTime));

  const [speech, decodeTime] = await timed(() => tokenizer.decode(tokens));
  report("decode", speed(seconds, decodeTime));
  const distance = `log-mel distance ${logMelDistance(original, speech).toFixed(1)} dB`;
  report("distance", `${distance} between the original and the reconstructed speech (0 dB: equal)`);

  const warning = info.untrained ? UNTRAINED : undefined;
  const files = {
    "speech.lmspt": encodeTokenFile(tokens),
    "reconstructed.wav": encodeWav(speech),
    "picture.svg": drawPicture({ original, tokens, reconstructed: speech, distance, warning }),
  };
  await mkdir(OUTPUT, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    await writeFile(join(OUTPUT, name), content);
    report("written", join(OUTPUT, name));
  }
}

/** What the model hears. */
async function atRate({ samples, sampleRate }: Audio, rate: number): Promise<Audio> {
  if (sampleRate === rate) return { samples, sampleRate };
  await using device = Device.open("cpu");
  return { samples: await new Resampler(device).resample(samples, sampleRate, rate), sampleRate: rate };
}

async function timed<T>(work: () => Promise<T>): Promise<[result: T, seconds: number]> {
  const start = performance.now();
  return [await work(), (performance.now() - start) / 1000];
}

function speed(speechSeconds: number, workSeconds: number): string {
  return `${workSeconds.toFixed(2)} s, ${(speechSeconds / workSeconds).toFixed(1)}x real time`;
}

function report(name: string, value: string): void {
  console.log(`${name.padEnd(10)} ${value}`);
}

demo(process.argv[2] ?? "12.5hz-16k-small").catch((error: Error) => {
  console.error(`The demo failed: ${error.message}`);
  process.exitCode = 1;
});
